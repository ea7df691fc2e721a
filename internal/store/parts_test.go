package store

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/internal/storetest"
)

// TestListPlans: every filter of alarms, the inspections of a sensor and what is told of open
// alarms are searches of an index, which has the order too.
func TestListPlans(t *testing.T) {
	db := open(t, Config{})
	plan := planOf(t, db)
	for bits := range 8 {
		var q bearing.AlarmQuery
		var args []any
		index, x := "INDEX alarms", "x"
		if bits&1 != 0 {
			q.Sensor, index, args = "s", index+"_sensor", append(args, "s")
		}
		if bits&2 != 0 {
			q.Machine = "m"
			if q.Sensor == "" {
				index, args = index+"_sensor", append(args, "s")
			}
		}
		if bits&4 != 0 {
			q.Axis, index, args = &x, index+"_axis", append(args, x)
		}
		if len(args) == 0 {
			index += "_class"
		}
		plan(alarmStream(q), index, append(args, 3, 2, "id", 100)...)
	}
	const bounds = "2026-01-31T12:00:00"
	plan(oldestAlarms, "INDEX alarms_first", 1, 3, bounds, bounds, 40)
	plan(machineSensors, "resources_part", "m", "")
	plan(listParts, "resources_part", bearing.KindInspection, "s", "", 100)
	plan(nextPart, "INDEX resources_part", bearing.KindInspection, "s")
	plan(countResources, "SEARCH resource_counts USING PRIMARY KEY (kind=? AND", bearing.KindInspection, "s")
	plan(alarmCounts, "SEARCH alarm_counts USING INTEGER PRIMARY KEY")
}

// TestAlarmClasses: a filter reads the classes that it is of, and no others.
func TestAlarmClasses(t *testing.T) {
	for _, c := range []struct {
		q    bearing.AlarmQuery
		want int
	}{
		{bearing.AlarmQuery{}, 8}, {bearing.AlarmQuery{Open: true}, 6}, {bearing.AlarmQuery{Severity: "warning"}, 4},
		{bearing.AlarmQuery{State: bearing.AlarmAcknowledged}, 2}, {bearing.AlarmQuery{State: bearing.AlarmClosed, Severity: "alarm"}, 1},
		{bearing.AlarmQuery{State: bearing.AlarmClosed, Open: true}, 0}, {bearing.AlarmQuery{Severity: "loud"}, 0},
	} {
		if got := alarmClasses(c.q); len(got) != c.want {
			t.Errorf("%+v: classes %v, want %d", c.q, got, c.want)
		}
	}
}

// TestResourceCounts: after every kind of change the counts agree with the rows, and a batch
// that fails changes none.
func TestResourceCounts(t *testing.T) {
	fail := false
	db := open(t, Config{commit: func(tx *sql.Tx) error {
		if fail {
			return errors.Join(errors.New("no"), tx.Rollback())
		}
		return tx.Commit()
	}})
	ctx := t.Context()
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 300 {
		kind := []string{bearing.KindInspection, bearing.KindSensor, bearing.KindMachine}[rng.IntN(3)]
		key := fmt.Sprint("k", rng.IntN(12))
		doc := fmt.Appendf(nil, `{"sensor":"s%d","machine":"m%d"}`, rng.IntN(4), rng.IntN(3))
		if rng.IntN(9) == 0 {
			doc = []byte(`{}`)
		}
		fail = i%10 == 9
		var err error
		if rng.IntN(3) == 0 {
			if err = db.DeleteResource(ctx, kind, key, bearing.AnyVersion); bearing.CodeOf(err) == "resource_not_found" {
				err = nil
			}
		} else {
			_, _, err = db.PutResource(ctx, kind, key, doc, bearing.AnyVersion)
		}
		if fail = false; err != nil && i%10 != 9 {
			t.Fatal(err)
		}
		if i%20 == 0 {
			if err := db.Check(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestTooManyResources: the last one that there may be is taken and the next one is not, of a
// kind and of the inspections of a sensor; what is there may still be changed.
func TestTooManyResources(t *testing.T) {
	dir := t.TempDir()
	shut(t, open(t, Config{Dir: dir}))
	raw(t, dir, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO resources (kind, key, version, doc) SELECT 'machine', 'm' || i, 1, CAST('{}' AS BLOB) FROM n`, maxResources-1))
	raw(t, dir, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO resources (kind, key, version, doc) SELECT 'inspection', 'i' || i, 1, CAST('{"sensor":"pump"}' AS BLOB) FROM n`, maxInspections-1))
	raw(t, dir, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
		INSERT INTO resources (kind, key, version, doc) SELECT 'webhook', 'w' || i, 1, CAST('{}' AS BLOB) FROM n`)
	db := open(t, Config{Dir: dir})
	put := func(kind, key, doc, want string) {
		t.Helper()
		if _, _, err := db.PutResource(t.Context(), kind, key, []byte(doc), bearing.AnyVersion); bearing.CodeOf(err) != want && (err != nil || want != "") {
			t.Errorf("%s %s %s: %v, want %q", kind, key, doc, err, want)
		}
	}
	const many = "too_many_resources"
	put("machine", "last", `{}`, "")
	put("machine", "more", `{}`, many)
	put("machine", "m1", `{"note":"x"}`, "")
	put("webhook", "last", `{}`, "")
	put("webhook", "more", `{}`, many)
	put("webhook", "w1", `{"paused":true}`, "")
	put("inspection", "last", `{"sensor":"pump"}`, "")
	put("inspection", "more", `{"sensor":"pump"}`, many)
	put("inspection", "other", `{"sensor":"fan"}`, "")
	put("inspection", "other", `{"sensor":"pump"}`, many) // it is still of the fan
	put("inspection", "i1", `{"sensor":"pump","note":"x"}`, "")
	put("inspection", "i1", `{"sensor":"fan"}`, "")
	put("inspection", "more", `{"sensor":"pump"}`, "")
	if err := db.DeleteResource(t.Context(), "machine", "m2", bearing.AnyVersion); err != nil {
		t.Error(err)
	}
	put("machine", "more", `{}`, "")
}

// TestCountOf: what is counted is of the things that were asked for, over any number of pages, and up
// to what was asked for.
func TestCountOf(t *testing.T) {
	dir := t.TempDir()
	shut(t, open(t, Config{Dir: dir}))
	const each = 1234 // more than a page
	for _, begin := range []string{"a", "b", "c"} {
		raw(t, dir, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO resources (kind, key, version, doc) SELECT 'sensor', '%s-' || i, 1, CAST('{"machine":"a-1"}' AS BLOB) FROM n`, each, begin))
		raw(t, dir, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO resources (kind, key, version, doc) SELECT 'inspection', '%[2]s' || i, 1, CAST('{"sensor":"%[2]s-' || (i / 2) || '"}' AS BLOB) FROM n`, 2*each, begin))
	}
	db := open(t, Config{Dir: dir})
	for _, c := range []struct {
		of                   storetest.Prefixes
		sensors, inspections int
	}{
		{storetest.Prefixes{"a-"}, each, 2 * each}, {storetest.Prefixes{"b-", "c-"}, 2 * each, 4 * each}, {storetest.Prefixes{""}, 3 * each, 6 * each}, {storetest.Prefixes{"b-1233", "zoo"}, 1, 2}, {storetest.Prefixes{"d"}, 0, 0}, {storetest.Prefixes{}, 0, 0},
	} {
		for kind, want := range map[string]int{bearing.KindSensor: c.sensors, bearing.KindInspection: c.inspections} {
			for _, most := range []int{1_000_000, 2 * each, 1} {
				if got, err := db.CountOf(t.Context(), kind, c.of, most); err != nil || got != min(want, most) {
					t.Errorf("%ss of %v, %d at most: %d, %v, want %d", kind, c.of, most, got, err, min(want, most))
				}
			}
		}
	}
	plan := planOf(t, db)
	plan(countSensors, "SEARCH resources USING PRIMARY KEY (kind=? AND", bearing.KindSensor, "a", 1)
	plan(countParts, "SEARCH resource_counts USING PRIMARY KEY (kind=? AND", bearing.KindInspection, "a", 1)
}

// TestFirstAlarms: of many alarms the counts and the first are those that a loop over all finds,
// while sensors are registered and deleted and alarms change.
func TestFirstAlarms(t *testing.T) {
	db := open(t, Config{})
	ctx := t.Context()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	rng := rand.New(rand.NewPCG(7, 8))
	all, registered := make(map[string]bearing.Alarm), make(map[string]bool)
	for i := range 400 {
		sensor := fmt.Sprint("s", rng.IntN(6))
		switch rng.IntN(8) {
		case 0:
			if _, _, err := db.PutResource(ctx, bearing.KindSensor, sensor, []byte(`{}`), bearing.AnyVersion); err != nil {
				t.Fatal(err)
			}
			registered[sensor] = true
		case 1:
			if err := db.DeleteResource(ctx, bearing.KindSensor, sensor, bearing.AnyVersion); err != nil && registered[sensor] {
				t.Fatal(err)
			}
			registered[sensor] = false
		default:
			id := fmt.Sprintf("a%02d", rng.IntN(60))
			a, ok := all[id]
			if !ok {
				a = bearing.Alarm{ID: id, Sensor: sensor, Raised: now.Add(-time.Duration(rng.IntN(20)) * time.Minute)}
			}
			a.State, a.Severity = alarmStates[rng.IntN(4)], alarmSeverities[rng.IntN(2)]
			a.Version, a.ShelvedUntil = int64(i+1), nil
			if until := now.Add(time.Duration(rng.IntN(7)-2) * time.Hour); rng.IntN(3) == 0 {
				a.ShelvedUntil = &until
			}
			all[id] = a
			if err := db.PutAlarms(ctx, a.Sensor, "", &bearing.Effects{Alarms: []bearing.Alarm{a}}); err != nil {
				t.Fatal(err)
			}
		}
		if i%20 != 0 {
			continue
		}
		most := rng.IntN(30)
		got, err := db.OpenAlarms(ctx, now, most)
		if err != nil {
			t.Fatal(err)
		}
		count, want := firstOf(all, registered, now)
		var ids []string
		for _, a := range got.First {
			ids = append(ids, a.ID)
		}
		if want = want[:min(most, len(want))]; !slices.Equal(ids, want) || fmt.Sprint(got.Count) != fmt.Sprint(count) {
			t.Errorf("after %d: %v %v, want %v %v", i, ids, got.Count, want, count)
		}
	}
}

// firstOf is OpenAlarms by a loop over all.
func firstOf(all map[string]bearing.Alarm, registered map[string]bool, now time.Time) (map[[2]string]int, []string) {
	count := make(map[[2]string]int)
	var open []bearing.Alarm
	for _, a := range all {
		if a.Open() && (a.ShelvedUntil == nil || !a.ShelvedUntil.After(now)) {
			open = append(open, a)
			count[[2]string{a.Severity, a.State}]++
		}
	}
	rank := func(a bearing.Alarm) int {
		n := 0
		for i, behind := range []bool{a.State == bearing.AlarmAcknowledged, a.Severity != "alarm", !registered[a.Sensor]} {
			if behind {
				n += 1 << i
			}
		}
		return n
	}
	slices.SortFunc(open, func(a, b bearing.Alarm) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Raised.Compare(b.Raised), strings.Compare(a.ID, b.ID))
	})
	var ids []string
	for _, a := range open {
		ids = append(ids, a.ID)
	}
	return count, ids
}
