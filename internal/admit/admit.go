// Package admit decides which windows the service takes on, so that under more
// load than it can carry it goes on working at its full rate and refuses the rest
// at once. It bounds how many windows are computed at a time, how long one waits
// for that, and how many are inside between their body and the disk.
//
// It knows nothing of HTTP and of windows. Reading and health do not pass it.
package admit

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"brinell/bearing"
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
//
// Work is given out by turns of tenants, so that one who sends more than the service can do
// is held up by itself. A long window holds its place for a second, which nobody can take
// back: long ones take turns of their own first, fewer than there are workers. With one
// worker a long window is computed beside it, and the processor is shared by the scheduler.
type Gate struct {
	workers int
	maxWait time.Duration
	warm    time.Time // from then on a long wait is a reason to refuse
	short   *Turns    // of all windows, a place for each worker
	long    *Turns    // of long ones, before
	costs   costs

	// limit bounds inside. It follows how long windows have been inside: how fast the
	// store is depends on its disk and on who else computes, and only shows.
	limit  atomic.Int64
	inside atomic.Int64 // waiting, computed, or on the way to the disk

	mu  sync.Mutex
	cut time.Time      // when limit was lowered last
	by  map[string]int // inside of each tenant that has some
}

// Claim is what is known of a window before it is decoded.
type Claim struct {
	Tenant  string // who sends it
	Bytes   int    // of its body
	Patient bool   // Entry.Patient
}

// LongWindow is the number of bytes from which on a window is a long one: 10 s of float32
// at 12.8 kHz, which take some 20 ms to compute.
const LongWindow = 512 << 10

// New returns a gate with at least one worker.
func New(cfg Config) *Gate {
	if cfg.MaxWait <= 0 {
		cfg.MaxWait = DefaultMaxWait
	}
	workers := max(1, cfg.Workers)
	g := &Gate{workers: workers, maxWait: cfg.MaxWait, warm: time.Now().Add(cfg.WarmUp), short: NewTurns(workers), long: NewTurns(workers / 2), by: make(map[string]int)}
	g.limit.Store(maxInside / 2)
	return g
}

// Room says whether a window that arrives now would be taken on: Overloaded
// overloaded if not. It is asked before the body is read.
func (g *Gate) Room(c Claim) error {
	if g == nil {
		return nil
	}
	c = c.plant()
	if g.inside.Load() >= g.limit.Load() && !g.mayBeInside(c.Tenant) {
		return errOverloaded
	}
	t, w := g.terms(c, false)
	if !t.wouldTake(c.Tenant, w) {
		return errOverloaded
	}
	return nil
}

// mayBeInside says whether a tenant may have one more inside although there are as many as
// the limit: it has less than an even share of it.
func (g *Gate) mayBeInside(tenant string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	own := g.by[tenant]
	n := len(g.by)
	if own == 0 {
		n++
	}
	return own < int(g.limit.Load())/n
}

func (g *Gate) enterInside(tenant string, sign int) {
	g.inside.Add(int64(sign))
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := g.by[tenant] + sign; n > 0 {
		g.by[tenant] = n
	} else {
		delete(g.by, tenant)
	}
}

// terms returns which turns a window takes first, and how. A window that waits longer than
// was to be expected is the sign of an estimate that is wrong; those behind it must not pay
// for it.
func (g *Gate) terms(c Claim, patient bool) (*Turns, terms) {
	t, w := g.short, terms{cost: g.costs.of(c.Bytes), patient: patient}
	if c.isLong() {
		t = g.long
	}
	if !patient && !time.Now().Before(g.warm) {
		w.most = time.Duration(t.places) * g.maxWait
		w.longest = 2 * g.maxWait
		if t == g.long {
			w.longest += 2 * w.cost
		}
	}
	return t, w
}

var errOverloaded = bearing.Errorf(bearing.Overloaded, "overloaded", "more windows arrive than the service can take: send this one again later")

// Place is a window's place inside, from its body to its answer.
type Place struct {
	gate     *Gate
	claim    Claim
	ticket   *Ticket // nil without a queue
	entered  time.Time
	turns    [2]turn       // that it has
	got      time.Time     // the turns; zero once they are given back
	took     time.Duration // of turns before Aside
	counted  bool          // inside
	measured bool
}

// Tenant returns whose place it is, "" where nothing is bounded.
func (p *Place) Tenant() string {
	if p == nil {
		return ""
	}
	return p.claim.Tenant
}

// Enter waits for a slot, and returns the place that has it. It fails with Overloaded
// overloaded if there is no room or the wait grows too long, or with the error of ctx.
// The caller must Leave the place.
func (g *Gate) Enter(ctx context.Context, c Claim) (*Place, error) {
	if g == nil {
		return nil, nil
	}
	c = c.plant()
	p := &Place{gate: g, claim: c, entered: time.Now(), counted: !c.Patient}
	if p.counted {
		if g.inside.Load() >= g.limit.Load() && !g.mayBeInside(c.Tenant) {
			return nil, errOverloaded
		}
		g.enterInside(c.Tenant, 1)
	}
	if err := p.take(ctx, c.Patient); err != nil {
		p.leave()
		return nil, err
	}
	return p, nil
}

// take waits for the turns that the place needs.
func (p *Place) take(ctx context.Context, patient bool) (err error) {
	g := p.gate
	t, w := g.terms(p.claim, patient)
	if err = p.turns[0].take(ctx, t, p.claim.Tenant, w); err != nil {
		if errors.Is(err, errLate) {
			err = errOverloaded
		}
		return err
	}
	p.got = time.Now()
	if t == g.long && g.workers > 1 {
		if err = p.turns[1].take(ctx, g.short, p.claim.Tenant, terms{cost: w.cost, patient: true}); err != nil {
			p.giveBack()
			return err
		}
		p.got = time.Now()
	}
	return nil
}

// giveBack gives the turns to others.
func (p *Place) giveBack() {
	took := time.Since(p.got)
	p.got = time.Time{}
	p.took += took
	for i := len(p.turns) - 1; i >= 0; i-- {
		p.turns[i].done(took)
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
	p.giveBack()
	p.gate.costs.learn(p.claim.Bytes, p.took)
}

// Aside gives the slot back while f runs, which does what has a budget of its own, and waits
// for one again after it. Without a slot it runs f.
func (p *Place) Aside(ctx context.Context, f func() error) error {
	if p == nil || p.got.IsZero() {
		return f()
	}
	p.giveBack()
	if err := f(); err != nil {
		return err
	}
	return p.take(ctx, true)
}

// Stored says that the window is on disk: how long that took tells how many may be
// inside. A long one tells nothing of that.
func (p *Place) Stored() {
	if p == nil || p.measured || !p.counted || p.claim.isLong() {
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
		p.gate.enterInside(p.claim.Tenant, -1)
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
	short, _ := g.short.counts()
	long, _ := g.long.counts()
	return int64(short + long), g.inside.Load(), g.limit.Load()
}

// Entry is how a window comes in.
type Entry struct {
	Place *Place // that it has, since it was decoded there; nil to take one

	// Patient waits for a turn however long that takes, and takes no room from those that
	// do not. It is for senders of many windows, which are held up by not being read from.
	Patient bool
}

// From returns the place that the window has, or enters. The function it returns leaves
// the place if it was entered here.
func (g *Gate) From(ctx context.Context, e Entry, c Claim) (p *Place, leave func(), err error) {
	if p := e.Place; p != nil && (p.gate == nil || !p.got.IsZero()) {
		return p, func() {}, nil
	}
	c.Patient = e.Patient
	p, err = g.Enter(ctx, c)
	return p, p.Leave, err
}
