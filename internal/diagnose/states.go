package diagnose

import "container/list"

// states are the live states of sensor axes that no window holds: what they take in bytes, and in
// which order they were used, by the tenant whose windows did so last. Of a core's mutex.
type states struct {
	most    int64 // bytes; zero for no bound
	held    int64
	by      map[string]*owned
	fetched int // that were recalled and came to rest
}

// keptOf is how many states that were recalled come to rest before one is kept as if it had been there:
// the others go first, unless they are used again before. Sensors send in turn, and of more than
// there is room for each would go just before its next window.
const keptOf = 8

type owned struct {
	bytes int64
	order list.List // of *sensor, the one used last in front
}

// rest counts a state that is held no more. fetched says that it was recalled for this use.
func (x *states) rest(s *sensor, bytes int64, fetched bool) {
	x.drop(s)
	if x.by == nil {
		x.by = make(map[string]*owned)
	}
	o := x.by[s.tenant]
	if o == nil {
		o = &owned{}
		x.by[s.tenant] = o
	}
	push := o.order.PushFront
	if fetched {
		if x.fetched++; x.fetched%keptOf != 0 {
			push = o.order.PushBack
		}
	}
	s.resting, s.owner, s.size = push(s), s.tenant, bytes
	o.bytes += bytes
	x.held += bytes
}

// drop counts a state no more: it is held, or gone.
func (x *states) drop(s *sensor) {
	if s.resting == nil {
		return
	}
	o := x.by[s.owner]
	o.order.Remove(s.resting)
	o.bytes -= s.size
	x.held -= s.size
	s.resting = nil
	if o.order.Len() == 0 {
		delete(x.by, s.owner)
	}
}

// dispensable returns the state that is let go first, nil if they take no more than so many bytes: that
// which was used longest ago by the tenant who has most, so that who touches many takes no place
// of others.
func (x *states) dispensable(bound int64) *sensor {
	if x.most == 0 || x.held <= bound {
		return nil
	}
	var most *owned
	for _, o := range x.by {
		if most == nil || o.bytes > most.bytes {
			most = o
		}
	}
	return most.order.Back().Value.(*sensor)
}

// holdFor is hold for a window of a tenant.
func (c *Core) holdFor(tenant, name, axis string) *sensor {
	s := c.hold(name, axis)
	c.mu.Lock()
	defer c.mu.Unlock()
	s.tenant = tenant
	return s
}

// idleShare is the part of what windows leave of their budget that states may take beside their own:
// it is given back before a window that needs it is judged.
const idleShare = 2

// letGo forgets states that are in no use while they take more than they may. What they knew is
// stored, and recalled with the next window as after a restart. The caller holds c.mu.
func (c *Core) letGo() {
	most := c.states.most + max(0, c.memory.Max()-c.memory.Used())/idleShare
	if c.store != nil {
		for s := c.states.dispensable(most); s != nil; s = c.states.dispensable(most) {
			c.states.drop(s)
			delete(c.sensors, [2]string{s.name, s.axis})
		}
	}
	c.metrics.held(len(c.sensors), c.states.held)
}

// Bytes of parts of a state, each with what it is allocated beside.
const (
	stateBytes    = 2 << 10 // a state of nothing, and its places in maps and lists
	keptBytes     = 960     // an observation and its names
	flagBytes     = 160
	trackBytes    = 1 << 10 // of alarms
	unsavedBytes  = 64      // an ID
	baselineBytes = 1 << 10
	controlBytes  = 192
	coderBytes    = 16 << 10
)

// bytes is not less than what a state takes. The caller holds s.mu.
func (s *sensor) bytes() int64 {
	n := stateBytes + unsavedBytes*cap(s.unsaved)
	for _, o := range s.kept {
		n += keptBytes + 8*cap(o.vector) + flagBytes*cap(o.quality.Flags)
	}
	n += s.base.bytes() + s.live.bytes()
	if s.alarms != nil {
		n += trackBytes * (cap(s.alarms.Tracks) + 2)
	}
	return int64(n)
}

// bytes is not less than what a memory takes, as if it shared nothing with another.
func (m *memory) bytes() (n int) {
	for i := range m.controls {
		n += controlBytes + len(m.controls[i].By) + len(m.controls[i].Note)
	}
	for running, b := range m.baselines {
		n += baselineBytes + len(running) + 24*cap(b.learnt) + 8*cap(b.levels)
		for _, v := range b.learnt {
			n += 8*cap(v) + 16
		}
		n += b.fit.bytes()
	}
	return n
}

// bytes is not less than what a fit takes.
func (f *fit) bytes() int {
	if f == nil {
		return 0
	}
	n := 256 + 8*cap(f.mean)
	if f.inverse != nil {
		n += 8*f.inverse.SymmetricDim()*f.inverse.SymmetricDim() + 128
	}
	if f.coder != nil {
		n += coderBytes
	}
	return n
}
