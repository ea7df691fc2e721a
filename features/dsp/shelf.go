package dsp

import "sync"

// Shelf keeps plans that nobody uses at present for those who need one like them, bounded
// in bytes: the ones that were used longest ago go first. A plan is out while it is used, so
// that it may own work space, and what all users together keep does not grow with their
// number. It is safe for concurrent use.
type Shelf struct {
	max int64

	mu     sync.Mutex
	bytes  int64
	free   map[PlanKey]*shelved // the latest of each key
	newest *shelved             // a ring through next and prev
	spare  *shelved             // a list through next
}

// PlanKey says what a plan is for: a kind, which is its package's own, and what the plan
// follows from.
type PlanKey struct {
	Kind       string
	A, B, C, D int
}

// shelved is a plan in the shelf.
type shelved struct {
	key        PlanKey
	plan       any
	bytes      int64
	next, prev *shelved // towards longer ago, and back
	same       *shelved // of the same key, put here before
}

// NewShelf returns a shelf that keeps so many bytes. Plans of more than a quarter of them
// are not kept: one would drive out all others.
func NewShelf(max int64) *Shelf { return &Shelf{max: max, free: make(map[PlanKey]*shelved)} }

// Take returns a plan that was put under the key, nil if there is none. It is the caller's
// until it is put back.
func (s *Shelf) Take(key PlanKey) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.free[key]
	if e == nil {
		return nil
	}
	plan := e.plan
	s.remove(e)
	return plan
}

// Put keeps a plan of so many bytes under the key, or lets go of it. The caller uses it no
// more.
func (s *Shelf) Put(key PlanKey, plan any, bytes int64) {
	if bytes > s.max/4 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.bytes+bytes > s.max {
		s.remove(s.oldestOf(s.newest.prev))
	}
	e := s.spare
	if e == nil {
		e = new(shelved)
	} else {
		s.spare = e.next
	}
	*e = shelved{key: key, plan: plan, bytes: bytes, same: s.free[key]}
	s.free[key] = e
	s.bytes += bytes
	if s.newest == nil {
		e.next, e.prev = e, e
	} else {
		e.next, e.prev = s.newest, s.newest.prev
		e.prev.next, e.next.prev = e, e
	}
	s.newest = e
}

// oldestOf returns the plan that is removed in place of e: the latest of the same key, which
// is as good and is found at once.
func (s *Shelf) oldestOf(e *shelved) *shelved { return s.free[e.key] }

// remove takes out e, which is the latest of its key.
func (s *Shelf) remove(e *shelved) {
	if e.same == nil {
		delete(s.free, e.key)
	} else {
		s.free[e.key] = e.same
	}
	s.bytes -= e.bytes
	switch {
	case e.next == e:
		s.newest = nil
	case s.newest == e:
		s.newest = e.next
		fallthrough
	default:
		e.next.prev, e.prev.next = e.prev, e.next
	}
	*e = shelved{next: s.spare}
	s.spare = e
}

// Bytes returns how many bytes are kept.
func (s *Shelf) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}
