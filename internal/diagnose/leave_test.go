package diagnose

import (
	"context"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/store"
)

// left is a store whose client leaves as soon as something is on its way to the disk.
type left struct {
	*store.DB
	leave func()
}

func (l *left) Append(ctx context.Context, d bearing.Diagnosis, w *bearing.Window, also *bearing.Effects) (bearing.Diagnosis, error) {
	l.leave()
	return l.DB.Append(ctx, d, w, also)
}

func (l *left) PutAlarms(ctx context.Context, sensor, axis string, e *bearing.Effects) error {
	l.leave()
	return l.DB.PutAlarms(ctx, sensor, axis, e)
}

// TestClientLeaves: what is stored although nobody waits for its answer takes part in the
// state of its sensor and of its alarms, as it does after a restart.
func TestClientLeaves(t *testing.T) {
	p := newPlant(t)
	if err := p.put("pump", bearing.Sensor{}); err != nil {
		t.Fatal(err)
	}
	p.usual("pump")
	p.wait(10 * time.Minute)
	a := p.open(bearing.AlarmQuery{})[0]

	disk := &left{DB: p.db}
	p.core.store = disk
	ctx, cancel := context.WithCancel(t.Context())
	disk.leave = cancel
	if _, err := p.core.Acknowledge(ctx, a.ID, a.Version, bearing.Signature{At: p.now, By: "day shift"}); err != nil {
		t.Errorf("acknowledge: %v", err)
	}
	if a, err := p.db.Alarm(t.Context(), a.ID); err != nil || a.Acknowledged == nil {
		t.Errorf("stored: %+v, %v", a, err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	disk.leave = cancel
	if _, err := p.core.Submit(ctx, p.window("pump", p.now), admit.Entry{}); err != nil {
		t.Errorf("submit: %v", err)
	}
	disk.leave = func() {}
	last := p.now
	if d := p.send("pump", last); !d.Duplicate {
		t.Error("the window is not stored")
	}
	if s := p.core.sensors[[2]string{"pump", ""}]; !s.live.last.Equal(last) || len(s.kept) != 7 {
		t.Errorf("the stored window takes no part: %d do, the last at %v", len(s.kept), s.live.last)
	}
}

// slow is a store that holds each window up until it is told what becomes of it.
type slow struct {
	*store.DB
	held chan chan error
}

func (s *slow) Append(ctx context.Context, d bearing.Diagnosis, w *bearing.Window, also *bearing.Effects) (bearing.Diagnosis, error) {
	c := make(chan error)
	s.held <- c
	if err := <-c; err != nil {
		return bearing.Diagnosis{}, err
	}
	return s.DB.Append(ctx, d, w, also)
}

// TestRaisedByTheLost: an alarm that a window raises which is not stored is that of those
// behind it, which are: it is told of once, and can be acknowledged.
func TestRaisedByTheLost(t *testing.T) {
	full := bearing.Errorf(bearing.Overloaded, "storage_full", "full")
	for name, order := range map[string][3]string{
		"the next one is stored first":  {"second", "first", "third"},
		"the next one is stored later":  {"first", "second", "third"},
		"the one after that is between": {"first", "third", "second"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlant(t)
			rule := &bearing.AlarmRule{Conditions: []bearing.AlarmCondition{{Name: "loud", Kind: bearing.OnFeature, Feature: "rms", Above: 1e-6}}}
			if err := p.put("pump", bearing.Sensor{Alarm: rule}); err != nil {
				t.Fatal(err)
			}
			disk := &slow{p.db, make(chan chan error)}
			p.core.store = disk
			turn, done := map[string]chan error{}, make(chan error)
			submit := func(name string) {
				p.now = p.now.Add(time.Second)
				w := p.window("pump", p.now)
				go func() {
					_, err := p.core.Submit(t.Context(), w, admit.Entry{})
					done <- err
				}()
				turn[name] = <-disk.held
			}
			submit("first")
			submit("second")
			for _, name := range order {
				if name == "third" {
					submit("third")
				}
				if name == "first" {
					turn[name] <- full
				} else {
					turn[name] <- nil
				}
				if err := <-done; (err != nil) != (name == "first") {
					t.Errorf("%s: %v", name, err)
				}
			}
			p.restart()
			p.now = p.now.Add(time.Second)
			p.send("pump", p.now)
			open := p.open(bearing.AlarmQuery{})
			n, _ := p.logged()
			if len(open) != 1 || n != 1 {
				t.Fatalf("told %d times, open are %+v", n, open)
			}
			if _, err := p.core.Acknowledge(t.Context(), open[0].ID, open[0].Version, bearing.Signature{At: p.now}); err != nil {
				t.Error(err)
			}
		})
	}
}

// unsure is a store that says of what it has stored that it may not be.
type unsure struct{ *store.DB }

func (u unsure) Append(ctx context.Context, d bearing.Diagnosis, w *bearing.Window, also *bearing.Effects) (bearing.Diagnosis, error) {
	if _, err := u.DB.Append(ctx, d, w, also); err != nil {
		return bearing.Diagnosis{}, err
	}
	return bearing.Diagnosis{}, bearing.Errorf(bearing.Overloaded, "storage_failed", "a sync failed")
}

// TestStoredAfterAll: a window that is found stored when it is sent again takes part, as it
// does after a restart.
func TestStoredAfterAll(t *testing.T) {
	p := newPlant(t)
	p.send("pump", p.now)
	p.core.store = unsure{p.db}
	p.now = p.now.Add(time.Second)
	w := p.window("pump", p.now)
	if _, err := p.core.Submit(t.Context(), w, admit.Entry{}); err == nil {
		t.Fatal("no error")
	}
	p.core.store = p.db
	if d := p.send("pump", p.now); !d.Duplicate {
		t.Error("not stored")
	}
	tendAll(t, p.core)
	p.now = p.now.Add(time.Second)
	p.send("pump", p.now)
	if s := p.core.sensors[[2]string{"pump", ""}]; len(s.kept) != 3 {
		t.Errorf("%d of 3 windows take part", len(s.kept))
	}
}

// TestOldAgain: a window that is older than those that are kept is put in its place once it
// is stored; sending it again costs no look through the history.
func TestOldAgain(t *testing.T) {
	p := newPlant(t)
	begin := p.now
	for i := range 3 {
		p.now = begin.Add(time.Duration(i) * time.Minute)
		p.send("pump", p.now)
	}
	s := p.core.sensors[[2]string{"pump", ""}]
	for range 2 { // as if there had been many since
		s.base.fold(s.kept[0])
		s.kept = s.kept[1:]
	}
	if d := p.send("pump", begin); !d.Duplicate || s.behind {
		t.Errorf("again: duplicate %v, the history is to be folded %v", d.Duplicate, s.behind)
	}
	if d := p.send("pump", begin.Add(time.Second)); d.Duplicate || !s.behind {
		t.Errorf("a new one: duplicate %v, the history is to be folded %v", d.Duplicate, s.behind)
	}
	tendAll(t, p.core)
	p.now = p.now.Add(time.Minute)
	p.send("pump", p.now)
	if len(s.kept) != 5 || s.behind {
		t.Errorf("%d of 5 windows take part, behind %v", len(s.kept), s.behind)
	}
}
