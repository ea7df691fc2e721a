// Package admit decides which windows the service takes on, so that under more
// load than it can carry it goes on working at its full rate and refuses the rest
// at once. It bounds how many windows are computed at a time, how long one waits
// for that, and how many are inside between their body and the disk.
//
// It knows nothing of HTTP and of windows. Reading and health do not pass it.
package admit

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"brinell/internal/bearing"
)

// DefaultMaxWait is the default of Config.MaxWait.
const DefaultMaxWait = 100 * time.Millisecond

// Bounds of the number of windows inside. Above the upper one more waiting makes no
// transaction of the store larger; below the lower one there is too little to put
// into one, however slow the disk.
const (
	minInside = 48
	maxInside = 768
)

// Config says how much at a time.
type Config struct {
	// Workers is how many windows are computed at a time. It must be below GOMAXPROCS:
	// when every processor of the scheduler computes, the network is looked at every
	// 10 ms only, and requests grow old where nothing can refuse them.
	Workers int
	// MaxWait is how long a window may wait for a worker, and about how long it may be
	// inside, of which it aims at three quarters. Default DefaultMaxWait.
	MaxWait time.Duration
	// WarmUp is how long from now windows are not refused for a long wait: after a
	// restart the first window of each sensor reads what is stored of it, and those that
	// queued meanwhile come at once. Default not at all.
	WarmUp time.Duration
}

// Gate is what windows pass. A nil Gate lets everything through at once.
type Gate struct {
	workers int
	maxWait time.Duration
	warm    time.Time // from then on a long wait is a reason to refuse
	slots   chan struct{}
	waiting atomic.Int64 // for a slot
	inside  atomic.Int64 // waiting, computed, or on the way to the disk
	service atomic.Int64 // ns in a slot, recent mean

	// limit bounds inside. It follows how long windows have been inside: how fast the
	// store is depends on its disk and on who else computes, and only shows.
	limit atomic.Int64
	mu    sync.Mutex
	cut   time.Time // when limit was lowered last
}

// New returns a gate with at least one worker.
func New(cfg Config) *Gate {
	if cfg.MaxWait <= 0 {
		cfg.MaxWait = DefaultMaxWait
	}
	workers := max(1, cfg.Workers)
	g := &Gate{workers: workers, maxWait: cfg.MaxWait, warm: time.Now().Add(cfg.WarmUp), slots: make(chan struct{}, workers)}
	g.limit.Store(maxInside / 2)
	return g
}

// Room says whether a window that arrives now would be taken on: Overloaded
// overloaded if not. It is asked before the body is read.
func (g *Gate) Room() error {
	if g == nil {
		return nil
	}
	if g.inside.Load() >= g.limit.Load() {
		return errOverloaded
	}
	if g.waiting.Load()*g.service.Load() > int64(g.workers)*int64(g.maxWait) && !time.Now().Before(g.warm) {
		return errOverloaded
	}
	return nil
}

var errOverloaded = bearing.Errorf(bearing.Overloaded, "overloaded", "more windows arrive than the service can take: send this one again later")

// Place is a window's place inside, from its body to its answer.
type Place struct {
	gate     *Gate
	ticket   *Ticket // nil without a queue
	entered  time.Time
	got      time.Time // the slot; zero once it is given back
	counted  bool      // inside
	measured bool
}

// Enter waits for a slot, and returns the place that has it. It fails with Overloaded
// overloaded if there is no room or the wait grows too long, or with the error of ctx.
// The caller must Leave the place.
func (g *Gate) Enter(ctx context.Context) (*Place, error) {
	if g == nil {
		return nil, nil
	}
	patient := isPatient(ctx)
	p := &Place{gate: g, entered: time.Now(), counted: !patient}
	if p.counted && g.inside.Add(1) > g.limit.Load() {
		g.inside.Add(-1)
		return nil, errOverloaded
	}
	select {
	case g.slots <- struct{}{}:
		p.got = p.entered
		return p, nil
	default:
	}
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	// A window that waits longer than was to be expected is the sign of an estimate
	// that is wrong; those behind it must not pay for it.
	var late <-chan time.Time
	if !patient && !time.Now().Before(g.warm) {
		t := time.NewTimer(2 * g.maxWait)
		defer t.Stop()
		late = t.C
	}
	select {
	case g.slots <- struct{}{}:
		p.got = time.Now()
		return p, nil
	case <-late:
		p.leave()
		return nil, errOverloaded
	case <-ctx.Done():
		p.leave()
		return nil, ctx.Err()
	}
}

// Computed gives the slot back: what follows waits for the disk. Once is enough, and
// on a nil Place it does nothing.
func (p *Place) Computed() {
	if p == nil {
		return
	}
	if p.ticket != nil {
		p.ticket.q.turned.done(p.ticket.n)
	}
	if p.got.IsZero() {
		return
	}
	took := time.Since(p.got)
	p.got = time.Time{}
	<-p.gate.slots
	// A mean over some 16 windows. Two that end together may lose one of them.
	old := p.gate.service.Load()
	if old == 0 {
		old = int64(took)
	}
	p.gate.service.Store(old + (int64(took)-old)/16)
}

// Aside gives the slot back while f runs, which does what has a budget of its own, and waits
// for one again after it. Without a slot it runs f.
func (p *Place) Aside(ctx context.Context, f func() error) error {
	if p == nil || p.got.IsZero() {
		return f()
	}
	p.got = time.Time{}
	<-p.gate.slots
	if err := f(); err != nil {
		return err
	}
	select {
	case p.gate.slots <- struct{}{}:
		p.got = time.Now()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stored says that the window is on disk: how long that took tells how many may be
// inside.
func (p *Place) Stored() {
	if p == nil || p.measured || !p.counted {
		return
	}
	p.measured = true
	p.gate.learn(time.Now(), p.entered)
}

// Leave ends the place. Once is enough, and on a nil Place it does nothing.
func (p *Place) Leave() {
	if p == nil || p.gate == nil {
		return
	}
	p.Computed()
	p.leave()
	p.gate = nil
}

func (p *Place) leave() {
	if p.counted {
		p.gate.inside.Add(-1)
	}
}

// learn lowers the limit by an eighth where a window was inside for too long, not more
// than once in that time, and raises it by one where one that came through in half of
// it found the limit nearly reached.
func (g *Gate) learn(now, entered time.Time) {
	took, limit := now.Sub(entered), g.limit.Load()
	switch {
	case took > g.maxWait*3/4 && limit > minInside:
		g.mu.Lock()
		defer g.mu.Unlock()
		if !entered.Before(g.cut) { // what entered before tells of the old limit
			g.cut = now
			g.limit.Store(max(minInside, limit-limit/8))
		}
	case took < g.maxWait/2 && limit < maxInside && g.inside.Load() > limit-limit/4:
		g.limit.CompareAndSwap(limit, limit+1)
	}
}

// Load says how many windows wait for a worker, how many are inside, and how many may
// be at present.
func (g *Gate) Load() (waiting, inside, limit int64) {
	return g.waiting.Load(), g.inside.Load(), g.limit.Load()
}

type placeKey struct{}

// With returns a context that carries p to whoever computes, so that a window which
// was decoded in its slot keeps it.
func With(ctx context.Context, p *Place) context.Context {
	if p == nil {
		return ctx
	}
	return context.WithValue(ctx, placeKey{}, p)
}

// From returns the place that ctx carries, or enters. The function it returns leaves
// the place if it was entered here.
func (g *Gate) From(ctx context.Context) (p *Place, leave func(), err error) {
	if p, ok := ctx.Value(placeKey{}).(*Place); ok && (p.gate == nil || !p.got.IsZero()) {
		return p, func() {}, nil
	}
	p, err = g.Enter(ctx)
	return p, p.Leave, err
}

type patientKey struct{}

// Patient returns a context in which a window waits for its turn however long that
// takes, and takes no room from those that do not. It is for senders of many windows,
// which are held up by not being read from.
func Patient(ctx context.Context) context.Context {
	return context.WithValue(ctx, patientKey{}, true)
}

func isPatient(ctx context.Context) bool {
	p, _ := ctx.Value(patientKey{}).(bool)
	return p
}
