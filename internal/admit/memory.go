package admit

import (
	"context"
	"sync/atomic"
	"time"

	"brinell/bearing"
)

// Memory is the one budget of bytes of a service: bodies, samples, what judging a window
// needs beside them, and what is shown of stored ones. Each counts before it is allocated.
//
// Who comes first may fill all but what those who come later need: bodies leave room for
// judging them, so that what was taken in is judged and lets go of its memory. A nil Memory
// has no bound and counts nothing.
type Memory struct {
	max  int64
	used atomic.Int64
	peak atomic.Int64 // of used since the last Peak

	shares shares
	spares func() bool
}

// Spare has free called before a grant is refused: it lets go of something that is kept without
// need, gives its bytes back, and says whether there was any. It is to be set before the first
// grant.
func (m *Memory) Spare(free func() bool) {
	if m != nil {
		m.spares = free
	}
}

// again says whether something was let go of, so that a grant is worth another look.
func (m *Memory) again() bool { return m.spares != nil && m.spares() }

// Use says what bytes are for.
type Use int

// The uses, in the order in which they find the budget full.
const (
	Receive Use = iota // bodies, and samples read out of them
	Show               // what is computed and encoded of stored windows
	Judge              // what is beside a window while it is judged and stored
)

// Eighths of the budget that all uses together may have come to after one of a use was
// granted. What is between Receive and Judge is there for judging alone, or reading.
var eighths = [...]int64{Receive: 3, Show: 6, Judge: 8}

// NewMemory returns a budget of so many bytes.
func NewMemory(max int64) *Memory { return &Memory{max: max} }

// Most returns how many bytes a single grant of a use may have: one that needs more is
// refused for ever, one that needs less is granted once others let go.
func (m *Memory) Most(u Use) int64 {
	if m == nil {
		return 1<<63 - 1
	}
	switch u {
	case Judge: // while bodies may have theirs
		return m.max / 8 * (eighths[Judge] - eighths[Receive])
	case Receive: // of one tenant, see TakeFor
		return m.max / 8 * eighths[Receive] * 2 / 3
	}
	return m.max / 8 * eighths[u]
}

// Take counts n bytes, or reports that they are not there now.
func (m *Memory) Take(u Use, n int64) bool {
	if m == nil {
		return true
	}
	for m.used.Add(n) > m.upTo(u, n) {
		if m.used.Add(-n); !m.again() {
			return false
		}
	}
	m.add(0)
	return true
}

// upTo returns to how many bytes all may come by a grant of n: the last 16th is for what is
// little.
func (m *Memory) upTo(u Use, n int64) int64 {
	if u == Judge && n > m.max/little {
		return m.max - m.max/16
	}
	return m.max / 8 * eighths[u]
}

// add counts n bytes more.
func (m *Memory) add(n int64) {
	now := m.used.Add(n)
	for p := m.peak.Load(); now > p && !m.peak.CompareAndSwap(p, now); p = m.peak.Load() {
	}
}

// Hold counts n bytes that are there already, whether they fit or not.
func (m *Memory) Hold(n int64) {
	if m != nil {
		m.used.Add(n)
	}
}

// Fits says whether n bytes would be granted now.
func (m *Memory) Fits(u Use, n int64) bool {
	if m == nil {
		return true
	}
	for m.used.Load()+n > m.upTo(u, n) {
		if !m.again() {
			return false
		}
	}
	return true
}

// Give gives n bytes back.
func (m *Memory) Give(n int64) {
	if m != nil {
		m.used.Add(-n)
	}
}

// Used returns how many bytes are counted.
func (m *Memory) Used() int64 {
	if m == nil {
		return 0
	}
	return m.used.Load()
}

// Max returns the budget in bytes, 0 for none.
func (m *Memory) Max() int64 {
	if m == nil {
		return 0
	}
	return m.max
}

// Peak returns the most bytes that were counted since the call before.
func (m *Memory) Peak() int64 {
	if m == nil {
		return 0
	}
	return m.peak.Swap(m.used.Load())
}

// memoryPause is how often one that waits for memory looks for it.
const memoryPause = 5 * time.Millisecond

// Wait is Take that waits for up to so long while others hold the memory. It fails with
// TooLarge memory_exceeded where the bytes would never be there, with Overloaded overloaded
// if they are not in time, or with the error of ctx. what is what the bytes are for, in a
// message that goes on with how many.
func (m *Memory) Wait(ctx context.Context, u Use, n int64, most time.Duration, what string) error {
	if n > m.Most(u) {
		return bearing.Errorf(bearing.TooLarge, "memory_exceeded", "%s takes %d MiB of memory, %d MiB are there for one: send shorter windows, or give the service more with --memory", what, n>>20+1, m.Most(u)>>20).Over(float64(m.Most(u)), float64(n))
	}
	for end := time.Now().Add(most); !m.Take(u, n); {
		if !time.Now().Before(end) {
			return bearing.Errorf(bearing.Overloaded, "overloaded", "%s takes %d MiB of memory, which others hold at present: try again", what, n>>20+1)
		}
		select {
		case <-time.After(memoryPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// patience is how long a window of a patient sender waits for memory.
const patience = 5 * time.Second

// Window is Wait for a window that is to be judged: one of a patient sender waits.
func (m *Memory) Window(ctx context.Context, e Entry, n int64) error {
	most := time.Duration(0)
	if e.Patient {
		most = patience
	}
	return m.Wait(ctx, Judge, n, most, "the window")
}
