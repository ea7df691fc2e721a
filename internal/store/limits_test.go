package store

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestClockLimits: a step of a day ahead or back is believed, or taken for the same time; one that is
// longer is not, and moves nothing.
func TestClockLimits(t *testing.T) {
	for step, want := range map[time.Duration]struct {
		held    bool
		trusted time.Duration
	}{
		24 * time.Hour: {false, 24 * time.Hour}, 24*time.Hour + 1: {true, 0}, -24 * time.Hour: {false, 0}, -24*time.Hour - 1: {true, 0},
		time.Second: {false, time.Second},
	} {
		c := clock{trusted: epoch, hour: epoch.Unix() / 3600}
		if c.look(epoch.Add(step)); c.held != want.held || !c.trusted.Equal(epoch.Add(want.trusted)) {
			t.Errorf("a step of %s: held %v, believed %v", step, c.held, c.trusted.Sub(epoch))
		}
	}
	begin := time.Unix(3600*1000, 0)
	for after, want := range map[time.Duration]bool{0: false, time.Hour - 1: false, time.Hour: true} {
		c := clock{trusted: begin, hour: 1000}
		if _, fresh := c.look(begin.Add(after)); fresh != want {
			t.Errorf("%s after the hour began: a new one %v", after, fresh)
		}
	}
}

// TestLogLimits: the log of alarms keeps a hundred thousand rows and thirty days.
func TestLogLimits(t *testing.T) {
	db := open(t, Config{})
	now := epoch.Add(1000 * time.Hour)
	row := func(seq int64, age time.Duration) {
		t.Helper()
		doc := `{"changed_at":"` + now.Add(-age).UTC().Format(time.RFC3339Nano) + `"}`
		if _, err := db.write.Exec("INSERT INTO alarm_log (seq, diagnosis, doc) VALUES (?, 0, CAST(? AS BLOB))", seq, doc); err != nil {
			t.Fatal(err)
		}
	}
	row(1, 30*24*time.Hour+time.Second)
	row(2, 30*24*time.Hour)
	row(100_002, 0)
	for _, c := range []struct {
		last int64
		held bool
		want int64
	}{
		{100_001, false, 1}, // too old
		{100_001, true, 1},  // one too many
		{100_000, true, 0},  // neither, as far as is known
		{100_002, true, 2},
	} {
		if to, err := db.cutTo(context.Background(), c.last, now, c.held); err != nil || to != c.want {
			t.Errorf("of the log up to %d, clock held %v: removed up to %d (%v), want %d", c.last, c.held, to, err, c.want)
		}
	}
}

// TestSynchronous: every connection waits for the disk.
func TestSynchronous(t *testing.T) {
	db := open(t, Config{})
	var got string
	if err := db.write.QueryRow("PRAGMA synchronous").Scan(&got); err != nil || got != "2" {
		t.Errorf("synchronous is %s (%v), want 2, which is FULL", got, err)
	}
	if !strings.Contains(newConnector("x", pragmas, pragmas).dsn, "synchronous%28FULL%29") {
		t.Error("it is not set")
	}
}
