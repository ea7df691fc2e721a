package admit

import (
	"context"
	"sync"
)

// Queue keeps windows that come one after the other in that order where it matters:
// each gets its slot after those before it, and changes its sensor's state after them.
// In between they are computed side by side.
type Queue struct {
	gate    *Gate
	n       int // tickets given out
	entered sequence
	turned  sequence
}

// Queue returns a queue whose windows pass g, which may be nil. They wait for their slot
// however long that takes.
func (g *Gate) Queue() *Queue { return &Queue{gate: g} }

// Next returns the ticket of the next window. It is called by one goroutine; whoever has
// the ticket must Close it.
func (q *Queue) Next() *Ticket {
	q.n++
	return &Ticket{q: q, n: q.n - 1}
}

// Ticket is a window's place in a queue.
type Ticket struct {
	q    *Queue
	n    int
	once sync.Once
}

// Enter waits until those before have their slots, and then for one. The place that it
// returns holds up those behind until it is computed.
func (t *Ticket) Enter(ctx context.Context, c Claim) (*Place, error) {
	t.q.entered.wait(t.n)
	c.Patient = true // those behind it wait as well
	p, err := t.q.gate.Enter(ctx, c)
	t.q.entered.done(t.n)
	if p == nil && err == nil {
		p = &Place{}
	}
	if p != nil {
		p.ticket = t
	}
	return p, err
}

// Close lets those behind pass, whatever became of this one.
func (t *Ticket) Close() {
	t.once.Do(func() {
		t.q.entered.done(t.n)
		t.q.turned.done(t.n)
	})
}

// Turn waits until what came before p in its queue is computed. Without a queue it does
// nothing.
func (p *Place) Turn() {
	if p != nil && p.ticket != nil {
		p.ticket.q.turned.wait(p.ticket.n)
	}
}

// sequence lets the holders of numbers pass in their order. The zero value waits for 0.
type sequence struct {
	mu      sync.Mutex
	at      int // the number whose turn it is
	passed  map[int]bool
	waiting map[int]chan struct{}
}

// wait returns when all numbers below n are done.
func (s *sequence) wait(n int) {
	s.mu.Lock()
	if n <= s.at {
		s.mu.Unlock()
		return
	}
	if s.waiting == nil {
		s.waiting = make(map[int]chan struct{})
	}
	c := make(chan struct{})
	s.waiting[n] = c
	s.mu.Unlock()
	<-c
}

// done says that n is; once is enough.
func (s *sequence) done(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n < s.at {
		return
	}
	if s.passed == nil {
		s.passed = make(map[int]bool)
	}
	for s.passed[n] = true; s.passed[s.at]; {
		delete(s.passed, s.at)
		s.at++
		if c := s.waiting[s.at]; c != nil {
			delete(s.waiting, s.at)
			close(c)
		}
	}
}
