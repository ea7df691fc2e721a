package service

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/spf13/pflag"

	"brinell/bearing"
	"brinell/internal/diagnose"
	"brinell/internal/store"
)

// plantAlarms is a store with open alarms of sensor s00, s01 and so on, the last without an
// axis, on no machine but the first, which is on press-1.
func plantAlarms(t *testing.T, n int) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, _, err := db.PutResource(t.Context(), bearing.KindSensor, "s00", []byte(`{"machine":"press-1"}`), bearing.AnyVersion); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		a := bearing.Alarm{ID: fmt.Sprint("id-", i), Sensor: fmt.Sprintf("s%02d", i), Axis: "x", Condition: "fault", Kind: bearing.OnFault,
			Fault: bearing.OuterRace, Severity: "alarm", State: bearing.AlarmActive, Raised: time.Unix(int64(i), 0).UTC(), Version: 1}
		if i == n-1 && n > 1 {
			a.Axis, a.Condition, a.Kind, a.Fault, a.Severity = "", bearing.OnSilence, bearing.OnSilence, "", "warning"
		}
		if err := db.PutAlarms(t.Context(), a.Sensor, a.Axis, &bearing.Effects{Alarms: []bearing.Alarm{a}}); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// TestAlarmSeries: an open alarm is a series with its machine, sensor, fault and address, as
// many as may be; what is beyond is counted.
func TestAlarmSeries(t *testing.T) {
	m := alarmMetrics{plantAlarms(t, 4), 2, "https://b.example/plant", slog.New(slog.DiscardHandler)}
	const want = `
# HELP brinell_alarm_info An alarm that is open and not shelved, with the address under which it is found: 1.
# TYPE brinell_alarm_info gauge
brinell_alarm_info{alarm="id-0",axis="x",condition="fault",fault="outer_race",machine="press-1",sensor="s00",severity="alarm",state="active",url="https://b.example/plant/v1/alarms/id-0"} 1
brinell_alarm_info{alarm="id-1",axis="x",condition="fault",fault="outer_race",machine="",sensor="s01",severity="alarm",state="active",url="https://b.example/plant/v1/alarms/id-1"} 1
# HELP brinell_alarms_open Alarms that are open and not shelved, by what they are worth and whether somebody has seen them.
# TYPE brinell_alarms_open gauge
brinell_alarms_open{severity="alarm",state="acknowledged"} 0
brinell_alarms_open{severity="alarm",state="active"} 3
brinell_alarms_open{severity="alarm",state="returned"} 0
brinell_alarms_open{severity="warning",state="acknowledged"} 0
brinell_alarms_open{severity="warning",state="active"} 1
brinell_alarms_open{severity="warning",state="returned"} 0
# HELP brinell_alarms_unlisted Of these, alarms that have no series of their own, for others have all: see --metrics-alarms.
# TYPE brinell_alarms_unlisted gauge
brinell_alarms_unlisted{severity="alarm",state="acknowledged"} 0
brinell_alarms_unlisted{severity="alarm",state="active"} 1
brinell_alarms_unlisted{severity="alarm",state="returned"} 0
brinell_alarms_unlisted{severity="warning",state="acknowledged"} 0
brinell_alarms_unlisted{severity="warning",state="active"} 1
brinell_alarms_unlisted{severity="warning",state="returned"} 0
`
	if err := testutil.CollectAndCompare(m, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	m.most = 0
	if n := testutil.CollectAndCount(m, "brinell_alarm_info"); n != 0 {
		t.Errorf("%d series, and none may be", n)
	}
}

// TestAlarmSeriesBound: with as many alarms as anybody can raise there are as many series as
// the default has it, which leaves room for the sensors' own.
func TestAlarmSeriesBound(t *testing.T) {
	var c Config
	c.Flags(new(pflag.FlagSet))
	m := alarmMetrics{plantAlarms(t, 45), c.metricsAlarms, "", slog.New(slog.DiscardHandler)}
	if n := testutil.CollectAndCount(m, "brinell_alarm_info"); n != 40 || diagnose.DefaultSeriesSensors > 60 {
		t.Errorf("%d series of alarms and %d sensors with seven each: 40 and 60 leave 40 of 500 to others", n, diagnose.DefaultSeriesSensors)
	}
}

// brokenAlarms are of a store that cannot be read.
type brokenAlarms struct{}

func (brokenAlarms) OpenAlarms(context.Context, time.Time, int) (store.OpenAlarms, error) {
	return store.OpenAlarms{}, os.ErrClosed
}

// TestAlarmSeriesUnread: what cannot be read is not said to be 0.
func TestAlarmSeriesUnread(t *testing.T) {
	var log strings.Builder
	m := alarmMetrics{brokenAlarms{}, 2, "", slog.New(slog.NewTextHandler(&log, nil))}
	if n := testutil.CollectAndCount(m); n != 0 || !strings.Contains(log.String(), "metrics of alarms") {
		t.Errorf("%d series, log %q", n, log.String())
	}
}

// TestStoreFailing: the series says for what windows are refused, here for a database that
// was moved away.
func TestStoreFailing(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(t.Context(), store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(storeMetrics{db, dir, 1, slog.New(slog.DiscardHandler)})
	shown := func(replaced, ready int) {
		t.Helper()
		want := fmt.Sprintf(`
# HELP brinell_store_failing 1 for the error code with which windows are refused because of the disk.
# TYPE brinell_store_failing gauge
brinell_store_failing{code="storage_failed"} 0
brinell_store_failing{code="storage_full"} 0
brinell_store_failing{code="storage_readonly"} 0
brinell_store_failing{code="storage_replaced"} %d
# HELP brinell_store_ready 1 if the last transaction was stored, 0 while the disk fails.
# TYPE brinell_store_ready gauge
brinell_store_ready %d
`, replaced, ready)
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "brinell_store_failing", "brinell_store_ready"); err != nil {
			t.Error(err)
		}
	}
	shown(0, 1)
	file := filepath.Join(dir, "brinell.db")
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	shown(1, 0)
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	shown(0, 1)
}

// TestExternalURL: an address for people is one, and has no secret in it.
func TestExternalURL(t *testing.T) {
	for given, want := range map[string]string{
		"": "", "https://brinell.example": "https://brinell.example", "http://10.1.2.3:8080/": "http://10.1.2.3:8080",
		"https://plant.example/brinell//": "https://plant.example/brinell", "http://[::1]:8080": "http://[::1]:8080",
	} {
		if got, err := externalURL(given); got != want || err != nil {
			t.Errorf("%q is %q, %v; want %q", given, got, err, want)
		}
	}
	for _, given := range []string{"brinell.example", "//brinell.example", "ftp://brinell.example", "https://", "https://:443", "https://b.example/?a=1",
		"https://b.example/?", "https://b.example/#a", "https://b\x00.example", "https://admin:hunter2@b.example", "https://admin@b.example"} {
		got, err := externalURL(given)
		if err == nil || got != "" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q is %q, %v", given, got, err)
		}
	}
}
