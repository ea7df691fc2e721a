package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
)

// TestOwnReaders: what a window waits for is read while lists hold all connections of theirs.
func TestOwnReaders(t *testing.T) {
	db := open(t, Config{Readers: 2})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := put(t, db, "pump", 0, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.PutResource(ctx, bearing.KindBaseline, "pump", []byte(`{}`), bearing.AnyVersion); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c, err := db.read.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	none := func(bearing.Diagnosis) error { return nil }
	for what, read := range map[string]func() error{
		"state":          func() error { _, err := db.State(ctx, "pump", ""); return err },
		"history":        func() error { return db.History(ctx, "pump", none) },
		"unfolded":       func() error { _, err := db.Unfolded(ctx); return err },
		"axes":           func() error { _, err := db.Axes(ctx, "pump"); return err },
		"sensors":        func() error { _, err := db.Sensors(ctx); return err },
		"alarm machine":  func() error { _, err := db.AlarmMachine(ctx, "pump", ""); return err },
		"alarm axes":     func() error { _, err := db.AlarmAxes(ctx, "pump"); return err },
		"controls":       func() error { _, err := db.Resource(ctx, bearing.KindBaseline, "pump"); return err },
		"another window": func() error { _, err := put(t, db, "pump", 1, 0); return err },
	} {
		if err := read(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := db.own.Stats().MaxOpenConnections; n != ownReaders || n < 2 || db.own.Stats().OpenConnections != n {
		t.Errorf("%+v, want %d connections, open from the start, and one beside that of a history", db.own.Stats(), ownReaders)
	}
}

// TestPageReaders: the longest page asks for as many connections as it may have, and no more, and
// has its documents in their order.
func TestPageReaders(t *testing.T) {
	db := open(t, Config{Readers: 1, MaxBatch: 500})
	var want []string
	for i := range bearing.MaxPage {
		d, err := put(t, db, "pump", i, 0)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, d.ID)
	}
	slices.Reverse(want)
	page, err := db.Diagnoses(t.Context(), bearing.Query{Limit: bearing.MaxPage})
	var got []string
	for _, d := range page.Diagnoses {
		got = append(got, d.ID)
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d of a page of %d, in another order, %v", len(got), len(want), err)
	}

	q := bearing.Query{Limit: bearing.MaxPage}
	text, args, err := selectPage(&q)
	if err != nil {
		t.Fatal(err)
	}
	places, err := db.places(t.Context(), text, args)
	if err != nil {
		t.Fatal(err)
	}
	held, err := db.read.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := db.read.Stats().WaitCount
	waiting := func() int64 { return db.read.Stats().WaitCount - before }
	done := make(chan error)
	go func() {
		_, err := db.documentsAt(t.Context(), places)
		done <- err
	}()
	for waiting() < pageReaders {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // for those that there should not be
	if n := waiting(); n != pageReaders {
		t.Errorf("a page asks for %d connections at a time, want %d", n, pageReaders)
	}
	if err := errors.Join(held.Close(), <-done); err != nil {
		t.Error(err)
	}
	if pages := 4; pages*pageReaders >= (Config{}).withDefaults().Readers { // see mostLists of package api
		t.Errorf("%d pages of %d connections leave none of %d", pages, pageReaders, (Config{}).withDefaults().Readers)
	}
}

// TestClientGone: the error of a read whose client has gone is that of its context, alone.
func TestClientGone(t *testing.T) {
	db := open(t, Config{})
	for i := range 40 {
		if _, err := put(t, db, "pump", i, 0); err != nil {
			t.Fatal(err)
		}
	}
	places, err := db.places(t.Context(), "SELECT start_ns, seq FROM diagnoses", nil)
	if err != nil {
		t.Fatal(err)
	}
	gone := errors.New("a reason")
	for _, c := range []struct {
		cancel func() (context.Context, func())
		want   error
	}{
		{func() (context.Context, func()) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx, cancel
		}, context.Canceled},
		{func() (context.Context, func()) { return context.WithTimeout(t.Context(), -time.Second) }, context.DeadlineExceeded},
		{func() (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(gone)
			return ctx, func() {}
		}, context.Canceled},
	} {
		ctx, cancel := c.cancel()
		for what, read := range map[string]func() error{
			"page":      func() error { _, err := db.Diagnoses(ctx, bearing.Query{}); return err },
			"documents": func() error { _, _, err := db.DiagnosisDocuments(ctx, bearing.Query{}); return err },
			"alarms":    func() error { _, err := db.Alarms(ctx, bearing.AlarmQuery{}); return err },
			"resources": func() error { _, err := db.Resources(ctx, bearing.KindSensor, "", 9); return err },
			"trend": func() error {
				_, err := db.Trend(ctx, bearing.TrendQuery{Sensor: "pump", Feature: "rms"}, nil)
				return err
			},
			"events": func() error { _, err := db.Events(ctx, bearing.Position{}, bearing.EventQuery{}, 9); return err },
		} {
			if err := read(); !errors.Is(err, c.want) || strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("%s: %v, want %v", what, err, c.want)
			}
		}
		cancel()
	}

	// In the middle, whatever SQLite says of it.
	ctx, cancel := context.WithCancel(t.Context())
	limited, end, err := db.querying(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.documentsAt(limited, places); err != nil {
		t.Error(err)
	}
	cancel()
	if _, err := db.documentsAt(limited, places); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "\n") {
		t.Errorf("documents for nobody: %v", err)
	}
	if err := end(fmt.Errorf("interrupted (9)")); !errors.Is(err, context.Canceled) {
		t.Errorf("an interruption is given as %v", err)
	}
	if err := spoilt(t, db); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("an error of the database is given as %v", err)
	}
}

// spoilt is what becomes of an error of the database while the client waits.
func spoilt(t *testing.T, db *DB) error {
	_, end, err := db.querying(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return end(errors.New("disk I/O error (10)"))
}
