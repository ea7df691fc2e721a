package diagnose

import (
	"context"
	"testing"
	"time"

	"brinell/internal/bearing"
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
	if _, err := p.core.Submit(ctx, p.window("pump", p.now)); err != nil {
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
