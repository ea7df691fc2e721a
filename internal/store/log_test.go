package store

import (
	"fmt"
	"testing"
	"time"

	"brinell/bearing"
)

// TestAlarmLogIsBounded: of the log of alarms what is older than a month goes, and what is
// more than it may be, but never the newest row, from which the numbers go on; the alarms
// stay.
func TestAlarmLogIsBounded(t *testing.T) {
	db := openAging(t, t.TempDir(), Config{}, 0)
	change := func(n int) {
		t.Helper()
		e := &bearing.Effects{Alarms: []bearing.Alarm{{ID: fmt.Sprint("a", n), Sensor: "pump", State: bearing.AlarmActive, Version: 1, Changed: db.cfg.Now()}}}
		if err := db.PutAlarms(t.Context(), "pump", "", e); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, first, last int64) {
		t.Helper()
		changes, at, err := db.AlarmLog(t.Context(), 0, 10)
		if err != nil || len(changes) == 0 || changes[0].Seq != first || at != last {
			t.Errorf("%s: %d changes to %d, %v; want %d to %d", what, len(changes), at, err, first, last)
		}
	}
	for hour := 0; hour <= 29*24; hour += 24 { // each day, or the clock is not believed
		db.put(hour)
		if hour < 3*24 {
			change(hour)
		}
	}
	check("within a month", 1, 3)
	db.put(30 * 24)
	db.put(30*24 + 1)
	check("the first is older", 2, 3)
	for day := 31; day < 50; day++ {
		db.put(day * 24)
	}
	check("all are older", 3, 3)
	change(1000)
	if _, at, err := db.AlarmLog(t.Context(), 0, 0); err != nil || at != 4 {
		t.Errorf("the next is %d, %v", at, err)
	}
	if page, err := db.Alarms(t.Context(), bearing.AlarmQuery{}); err != nil || len(page.Alarms) != 4 {
		t.Errorf("%d alarms, %v", len(page.Alarms), err)
	}

	// As many as there may be, and two steps more.
	_, err := db.write.ExecContext(t.Context(), `
		WITH RECURSIVE n (seq) AS (SELECT 1000 UNION ALL SELECT seq + 1 FROM n WHERE seq < ?)
		INSERT INTO alarm_log (seq, diagnosis, doc) SELECT seq, 0, CAST('{"changed_at":"`+db.cfg.Now().Add(time.Hour).Format(time.RFC3339)+`"}' AS BLOB) FROM n`, logKept+1000+2*logStep-1)
	if err != nil {
		t.Fatal(err)
	}
	db.put(50 * 24)
	db.put(50 * 24)
	db.put(50 * 24)
	db.put(50 * 24)
	check("too many", 1000+2*logStep, logKept+1000+2*logStep-1)
}
