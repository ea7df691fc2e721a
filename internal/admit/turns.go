package admit

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"

	"brinell/bearing"
)

// Turns gives a number of places to tenants by fair queueing. Each tenant has a clock, which
// goes on by what its work costs; a place that becomes free goes to the tenant that waits
// and whose clock is the furthest behind. So a tenant that asks for little is never behind
// what another has piled up, only behind what is at work already.
//
// A tenant is any name. What one asks for is served in its order.
//
// Reference: Goyal, Vin, Cheng, "Start-Time Fair Queueing", SIGCOMM 1996.
type Turns struct {
	places int

	mu      sync.Mutex
	busy    int
	waiting int
	load    time.Duration // cost of those that wait
	clock   time.Duration // start of what was served last
	tenants map[string]*account
	queue   accounts // of those tenants that wait
}

// account is what is known of a tenant.
type account struct {
	clock  time.Duration // when its next begins, by the clock of Turns
	load   time.Duration // cost of those that wait
	holds  int           // turns that it has or waits for
	first  *turn         // of those that wait
	last   *turn
	number int // in the queue, from 1 on; 0 for not in it
}

// turn is one that waits for a place, or has one.
type turn struct {
	of      *Turns
	account *account
	cost    time.Duration
	next    *turn
	prev    *turn
	granted chan struct{} // nil if it had not to wait
	has     bool
}

// manyTenants is how many are remembered before those that ask for nothing are forgotten.
const manyTenants = 4096

// NewTurns returns turns with so many places, one at least.
func NewTurns(places int) *Turns {
	return &Turns{places: max(1, places), tenants: make(map[string]*account)}
}

// errLate says that the turn did not come in time.
var errLate = errors.New("admit: the turn did not come in time")

// terms are how a turn is asked for.
type terms struct {
	cost    time.Duration // of the work, as estimated
	most    time.Duration // work that may wait; a tenant below its share of it may add to it; 0 for any
	longest time.Duration // that it waits, 0 for ever
	patient bool          // however much waits
}

// room says whether a tenant may add to what waits: where that is too much, only one that
// holds less than an even share of it.
func (t *Turns) room(a *account, w terms) bool {
	if w.most == 0 || t.load <= w.most {
		return true
	}
	n, own := time.Duration(t.queue.Len()), w.cost
	if a == nil || a.number == 0 {
		n++
	}
	if a != nil {
		own += a.load
	}
	return own*n <= w.most
}

// wouldTake says whether take would let a tenant wait.
func (t *Turns) wouldTake(tenant string, w terms) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.room(t.tenants[tenant], w)
}

// take waits for a place, which n then has. It fails with errOverloaded where too much waits, with errLate if
// the turn does not come in time, or with the error of ctx.
func (n *turn) take(ctx context.Context, t *Turns, tenant string, w terms) error {
	t.mu.Lock()
	a := t.tenants[tenant]
	if !t.room(a, w) && !w.patient && t.busy == t.places {
		t.mu.Unlock()
		return errOverloaded
	}
	if a == nil {
		t.forget()
		a = &account{}
		t.tenants[tenant] = a
	}
	a.holds++
	*n = turn{of: t, account: a, cost: w.cost}
	if t.busy < t.places { // none waits
		t.busy++
		n.has = true
		t.serve(n)
		t.mu.Unlock()
		return nil
	}
	n.granted = make(chan struct{})
	t.enqueue(n)
	t.mu.Unlock()

	var late <-chan time.Time
	if w.longest > 0 {
		timer := time.NewTimer(w.longest)
		defer timer.Stop()
		late = timer.C
	}
	var err error
	select {
	case <-n.granted:
		return nil
	case <-late:
		err = errLate
	case <-ctx.Done():
		err = ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.has { // just now
		return nil
	}
	t.remove(n)
	a.holds--
	return err
}

// serve begins a turn's work by the clocks.
func (t *Turns) serve(n *turn) {
	a := n.account
	a.clock = max(a.clock, t.clock)
	t.clock = a.clock
	a.clock += n.cost
}

// done gives the place, if n has one, to whoever is next. took is what the work cost in the
// end.
func (n *turn) done(took time.Duration) {
	if !n.has {
		return
	}
	n.has = false
	t, a := n.of, n.account
	t.mu.Lock()
	defer t.mu.Unlock()
	a.clock += took - n.cost
	a.holds--
	if a.number > 0 {
		heap.Fix(&t.queue, a.number-1)
	}
	if len(t.queue) == 0 {
		t.busy--
		return
	}
	next := t.queue[0].first
	t.remove(next)
	t.serve(next)
	if b := next.account; b.number > 0 {
		heap.Fix(&t.queue, b.number-1)
	}
	next.has = true
	close(next.granted)
}

// enqueue puts a turn behind the others of its tenant.
func (t *Turns) enqueue(n *turn) {
	a := n.account
	if n.prev = a.last; n.prev != nil {
		n.prev.next = n
	} else {
		a.first = n
	}
	a.last = n
	t.count(n, 1)
	if a.number == 0 {
		a.clock = max(a.clock, t.clock)
		heap.Push(&t.queue, a)
	}
}

// remove takes a turn out of those that wait.
func (t *Turns) remove(n *turn) {
	a := n.account
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		a.first = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		a.last = n.prev
	}
	n.prev, n.next = nil, nil
	t.count(n, -1)
	if a.first == nil {
		heap.Remove(&t.queue, a.number-1)
	}
}

func (t *Turns) count(n *turn, sign int) {
	t.waiting += sign
	t.load += time.Duration(sign) * n.cost
	n.account.load += time.Duration(sign) * n.cost
}

// forget drops tenants that hold nothing where there are many: they owe one turn at most.
func (t *Turns) forget() {
	if len(t.tenants) < manyTenants {
		return
	}
	for name, a := range t.tenants {
		if a.holds == 0 {
			delete(t.tenants, name)
		}
	}
}

// Busy returns how many have a place.
func (t *Turns) Busy() int {
	_, busy := t.counts()
	return busy
}

// counts returns how many wait, and how many have a place.
func (t *Turns) counts() (waiting, busy int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiting, t.busy
}

// accounts is a heap of tenants by their clocks.
type accounts []*account

func (q accounts) Len() int           { return len(q) }
func (q accounts) Less(i, j int) bool { return q[i].clock < q[j].clock }
func (q accounts) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].number, q[j].number = i+1, j+1
}

func (q *accounts) Push(x any) {
	a := x.(*account)
	*q = append(*q, a)
	a.number = len(*q)
}

func (q *accounts) Pop() any {
	n := len(*q) - 1
	a := (*q)[n]
	(*q)[n] = nil
	*q = (*q)[:n]
	a.number = 0
	return a
}

// Turn is a place of Turns.
type Turn struct {
	turn  turn
	start time.Time
}

// Turn waits for a place however long that takes, or until ctx ends. The caller must give it
// back by Done.
func (t *Turns) Turn(ctx context.Context, tenant string) (*Turn, error) {
	n := &Turn{}
	err := n.turn.take(ctx, t, Claim{Tenant: tenant}.plant().Tenant, terms{})
	n.start = time.Now()
	return n, err
}

// Done gives the place back, and charges the tenant for how long it had it. Once is enough.
func (n *Turn) Done() {
	n.turn.done(time.Since(n.start))
}

// mostAsked is how many turns a tenant may have and wait for.
const mostAsked = 32

// Within is Turn that waits so long at most: Overloaded overloaded says that the turn did not
// come, TooMany too_many_reads that the tenant waits for many already.
func (t *Turns) Within(ctx context.Context, tenant string, longest time.Duration) (*Turn, error) {
	tenant = Claim{Tenant: tenant}.plant().Tenant
	t.mu.Lock()
	a := t.tenants[tenant]
	full := a != nil && a.holds >= mostAsked
	t.mu.Unlock()
	if full {
		return nil, bearing.Errorf(bearing.TooMany, "too_many_reads", "%d requests of yours wait to be answered: ask for less at a time", mostAsked).Over(mostAsked, 0)
	}
	n := &Turn{}
	err := n.turn.take(ctx, t, tenant, terms{longest: longest})
	if errors.Is(err, errLate) {
		return nil, bearing.Errorf(bearing.Overloaded, "overloaded", "as many requests are answered as may be at a time: try again")
	}
	if err != nil {
		return nil, err
	}
	n.start = time.Now()
	return n, nil
}
