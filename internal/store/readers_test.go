package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"brinell/internal/bearing"
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

// TestPageReaders: the longest page waits for no connection where there are as many as it may
// have: it uses no more.
func TestPageReaders(t *testing.T) {
	db := open(t, Config{Readers: pageReaders, MaxBatch: 500})
	for i := range bearing.MaxPage {
		if _, err := put(t, db, "pump", i, 0); err != nil {
			t.Fatal(err)
		}
	}
	before := db.read.Stats().WaitCount
	page, err := db.Diagnoses(t.Context(), bearing.Query{Limit: bearing.MaxPage})
	if err != nil || len(page.Diagnoses) != bearing.MaxPage {
		t.Fatal(len(page.Diagnoses), err)
	}
	for i := 1; i < len(page.Diagnoses); i++ {
		if !page.Diagnoses[i].Start.Before(page.Diagnoses[i-1].Start) {
			t.Fatalf("row %d of the page is out of its place", i)
		}
	}
	if n := db.read.Stats().WaitCount - before; n != 0 {
		t.Errorf("a page waited %d times for a connection: it may have %d, and had as many", n, pageReaders)
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
				_, err := db.Trend(ctx, bearing.TrendQuery{Sensor: "pump", Feature: "rms"})
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
	if err := broken(t, db); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("an error of the database is given as %v", err)
	}
}

// broken is what becomes of an error of the database while the client waits.
func broken(t *testing.T, db *DB) error {
	_, end, err := db.querying(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return end(errors.New("disk I/O error (10)"))
}
