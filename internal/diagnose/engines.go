package diagnose

import (
	"context"
	"sync"
	"time"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/models"
)

// engines are those of models that sensors name. What one takes counts in the budget of memory
// while it is there. Those that no window uses stay as far as they fit in a part of the budget,
// the one used last in any case, and go as soon as anything else needs the memory: they are
// made again when a window needs them.
type engines struct {
	mu     sync.Mutex
	memory *admit.Memory
	clock  int64 // rises with each use
	by     map[string]*ownEngine
	idle   int64 // bytes of those that no window uses

	// What cannot be used, as a model that reads evidence which this program computes in
	// another way, is not read and proved with each window again.
	refused map[string]bool
}

type ownEngine struct {
	*engine
	bytes int64
	made  chan struct{} // closed when engine or err is there
	err   error
	users int
	used  int64 // by the clock
	gone  bool  // from the map: its bytes are given back with its last user
}

// idlePart is the part of the budget that engines may take that no window uses.
const idlePart = 4

// engineWait is how long a model waits for the memory that it takes.
const engineWait = 250 * time.Millisecond

// engineBytes is not less than what the engine of a model takes: its weights, those again as
// they are computed with, and what is between layers.
func engineBytes(m *models.Model) int64 {
	params, _ := m.Estimator.Count()
	return 1<<20 + 12*int64(params)
}

func newEngines(memory *admit.Memory) *engines {
	s := &engines{memory: memory, by: make(map[string]*ownEngine), refused: make(map[string]bool)}
	memory.Spare(s.spare)
	return s
}

// take returns the engine of a digest, made by build if it is not there, and how to let go of
// it. Others that want the same one wait for it.
func (s *engines) take(digest string, build func(e *ownEngine) error) (*engine, func(), error) {
	s.mu.Lock()
	e := s.by[digest]
	makes := e == nil
	if makes {
		e = &ownEngine{made: make(chan struct{})}
		s.by[digest] = e
	} else if e.users == 0 {
		s.idle -= e.bytes
	}
	e.users++
	s.clock++
	e.used = s.clock
	s.mu.Unlock()
	if makes {
		if e.err = build(e); e.err != nil {
			s.drop(digest, e)
		}
		close(e.made)
	}
	<-e.made
	if e.err != nil {
		s.release(e)
		s.remember(digest, e.err)
		return nil, nil, e.err
	}
	return e.engine, sync.OnceFunc(func() { s.release(e) }), nil
}

// remember notes that a model cannot be used, if err says that of it.
func (s *engines) remember(digest string, err error) {
	if bearing.KindOf(err) == bearing.Invalid {
		s.mu.Lock()
		s.refused[digest] = true
		s.mu.Unlock()
	}
}

func (s *engines) useless(digest string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused[digest]
}

func (s *engines) release(e *ownEngine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.users--; e.users > 0 {
		return
	}
	if e.gone {
		s.memory.Give(e.bytes)
		return
	}
	s.idle += e.bytes
	if most := s.memory.Max() / idlePart; most > 0 {
		for s.idle > most && s.evict(s.clock) {
		}
	}
}

// evict lets go of the engine that no window uses for longest, if there is one used before a time.
func (s *engines) evict(before int64) bool {
	var digest string
	var oldest *ownEngine
	for d, e := range s.by {
		if e.users == 0 && e.used < before && (oldest == nil || e.used < oldest.used) {
			digest, oldest = d, e
		}
	}
	if oldest == nil {
		return false
	}
	delete(s.by, digest)
	s.idle -= oldest.bytes
	s.memory.Give(oldest.bytes)
	return true
}

// spare lets go of the engine that no window uses for longest, for who needs memory, and says
// whether there was one.
func (s *engines) spare() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.evict(s.clock + 1)
}

// drop lets go of an engine: who uses it goes on with it.
func (s *engines) drop(digest string, e *ownEngine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.by[digest]
	if e == nil {
		delete(s.refused, digest)
	}
	if now == nil || e != nil && now != e {
		return
	}
	delete(s.by, digest)
	now.gone = true
	if now.users == 0 {
		s.idle -= now.bytes
		s.memory.Give(now.bytes)
	}
}

// engineOf returns the engine for a sensor's own model, or the active one where it has none,
// or its model has been deleted or cannot be used, and how to let go of it.
func (c *Core) engineOf(ctx context.Context, digest string) (*engine, func(), error) {
	active := c.active.Load()
	if digest == "" || digest == active.model.Digest || c.models == nil || c.own.useless(digest) {
		return active, func() {}, nil
	}
	e, done, err := c.own.take(digest, func(e *ownEngine) error {
		ctx := context.WithoutCancel(ctx) // others may wait for it
		m, err := c.models(ctx, digest)
		if err != nil {
			return err
		}
		need := engineBytes(m)
		if err := c.memory.Wait(ctx, admit.Judge, need, engineWait, "the sensor's model"); err != nil {
			return err
		}
		e.bytes = need
		e.engine, err = c.engine(m)
		return err
	})
	if k := bearing.KindOf(err); k == bearing.NotFound || k == bearing.Invalid {
		return active, func() {}, nil
	}
	return e, done, err
}

// Drop lets go of a model that was deleted: sensors that name it are judged by the active one
// from now on, as they are after a restart.
func (c *Core) Drop(digest string) { c.own.drop(digest, nil) }
