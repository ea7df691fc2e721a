package store

import (
	"sync/atomic"
	"testing"
	"time"

	"brinell/bearing"
)

// aging is a store with a clock that the test sets, in hours after epoch.
type aging struct {
	*DB
	t    *testing.T
	hour *atomic.Int64
	next int
}

func openAging(t *testing.T, dir string, c Config, hour int) *aging {
	t.Helper()
	a := &aging{t: t, hour: new(atomic.Int64)}
	a.hour.Store(int64(hour))
	c.Dir, c.Now = dir, func() time.Time { return epoch.Add(time.Duration(a.hour.Load()) * time.Hour) }
	db, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	a.DB = db
	return a
}

// put stores a window at an hour and returns its id.
func (a *aging) put(hour int) string {
	a.t.Helper()
	a.hour.Store(int64(hour))
	d, err := put(a.t, a.DB, "pump", 1000*(hour+10_000)+a.next, 0)
	a.next++
	if err != nil {
		a.t.Fatal(err)
	}
	a.turn(hour)
	return d.ID
}

// turn sets the clock and lets the writer tidy.
func (a *aging) turn(hour int) {
	a.t.Helper()
	a.hour.Store(int64(hour))
	// A step of tidying comes between two transactions: after these it has been done.
	for range 8 {
		if err := a.PutBearing(a.t.Context(), bearing.KnownBearing{Designation: "X"}); err != nil && bearing.CodeOf(err) == "" {
			a.t.Fatal(err)
		}
	}
}

// has says what is left of a window: its samples, its diagnosis, or nothing.
func (a *aging) has(id string) string {
	a.t.Helper()
	_, err := a.Window(a.t.Context(), id)
	switch code := bearing.CodeOf(err); code {
	case "":
		return "samples"
	case "samples_expired":
		return "diagnosis"
	case "diagnosis_not_found", "window_not_found":
		return "nothing"
	default:
		a.t.Fatalf("%s: %v", id, err)
		return ""
	}
}

func (a *aging) want(id, want string) {
	a.t.Helper()
	if got := a.has(id); got != want {
		a.t.Errorf("%s is left of %s, want %s", got, id, want)
	}
}

// TestAge: samples go after RawAge and diagnoses after Age, by when they were received
// and not by when they were measured; the totals stay true, and the newest row stays.
func TestAge(t *testing.T) {
	a := openAging(t, t.TempDir(), Config{RawAge: 10 * time.Hour, Age: 20 * time.Hour}, 0)
	first := a.put(0)
	a.put(1)
	last := a.put(9)
	a.want(first, "samples")
	a.put(11)
	a.want(first, "diagnosis")
	a.want(last, "samples")
	a.put(20)
	a.want(first, "diagnosis")
	a.put(21)
	a.want(first, "nothing")
	newest := a.put(22)
	if err := a.Check(t.Context()); err != nil {
		t.Error(err)
	}
	a.put(44)
	a.put(66)
	a.turn(67) // the hour may have been tidied before its row came, when that of 44 was the newest
	s, err := a.Stats(t.Context())
	if err != nil || s.Diagnoses != 1 {
		t.Errorf("%d diagnoses, %v; want that of the last 20 hours alone", s.Diagnoses, err)
	}
	a.want(newest, "nothing")
	if err := a.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestClockJumps: nothing is removed on a clock that ran away, whatever it says later,
// over restarts too; an operator's word or the right time ends that.
func TestClockJumps(t *testing.T) {
	dir, c := t.TempDir(), Config{RawAge: 10 * time.Hour}
	a := openAging(t, dir, c, 0)
	first := a.put(0)
	a.put(24 * 365)
	a.want(first, "samples")
	a.put(24*365 + 30)
	a.want(first, "samples")
	_ = a.Close()

	a = openAging(t, dir, c, 24*366)
	a.put(24 * 366)
	a.want(first, "samples")
	a.put(-24 * 365) // back too far is no harm
	a.want(first, "samples")
	second := a.put(8) // the right time again
	a.want(first, "samples")
	third := a.put(30)
	a.want(first, "diagnosis")
	a.want(second, "diagnosis") // not taken to be received in the hour that the clock ran to
	a.want(third, "samples")
	_ = a.Close()

	c.TrustClock = true
	a = openAging(t, dir, c, 24*400)
	a.put(24 * 400)
	a.put(24*400 + 1) // the newest row stays until there is another
	a.want(third, "diagnosis")
	if err := a.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestClockHeals: what was received while the clock ran ahead is kept as long as what came
// when it was right again, and not until the date that it ran to; also where that was believed
// at first, once an operator says so.
func TestClockHeals(t *testing.T) {
	a := openAging(t, t.TempDir(), Config{RawAge: 10 * time.Hour}, 0)
	a.put(0)
	ahead := []string{a.put(24 * 365), a.put(24*365 + 1)}
	after := a.put(2)
	a.put(11)
	for _, id := range append(ahead, after) {
		a.want(id, "samples")
	}
	late := a.put(13)
	for _, id := range append(ahead, after) {
		a.want(id, "diagnosis")
	}
	a.want(late, "samples")
	_ = a.Close()

	dir := t.TempDir()
	a = openAging(t, dir, Config{RawAge: 10 * time.Hour}, 24*365)
	first := a.put(24 * 365) // all that it knows
	second := a.put(1)
	a.put(30)
	a.want(first, "samples")
	a.want(second, "samples")
	_ = a.Close()
	a = openAging(t, dir, Config{RawAge: 10 * time.Hour, TrustClock: true}, 31)
	a.put(31)
	a.want(first, "samples")
	a.put(50)
	a.want(first, "diagnosis")
	a.want(second, "diagnosis")
	if err := a.Check(t.Context()); err != nil {
		t.Error(err)
	}
}
