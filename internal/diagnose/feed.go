package diagnose

import (
	"sync"

	"brinell/bearing"
)

// feedSize is how many of the newest events a Feed keeps.
const feedSize = 1024

// Feed keeps the newest stored events for those who follow. Nobody can hold it up:
// who falls behind further than it keeps has lost it and reads the store.
type Feed struct {
	mu     sync.Mutex
	events []bearing.Event
	before bearing.Position // of the event before the first that is kept
	news   chan struct{}    // closed by the next Publish
}

// NewFeed returns a feed that goes on after a position.
func NewFeed(at bearing.Position) *Feed {
	return &Feed{before: at, news: make(chan struct{})}
}

// Publish adds events in the order of their positions. It is Committed of a store.
func (f *Feed) Publish(events []bearing.Event) {
	if len(events) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range events {
		e.Before = nil // nobody who follows asks for it
		f.events = append(f.events, e)
	}
	if n := len(f.events) - feedSize; n > 0 {
		f.before = f.events[n-1].Position
		f.events = append(f.events[:0], f.events[n:]...)
	}
	close(f.news)
	f.news = make(chan struct{})
}

// After returns the events after a position and a channel that closes when there are
// more. ok is false if the feed no longer has all of them.
func (f *Feed) After(p bearing.Position) (events []bearing.Event, news <-chan struct{}, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.Diagnosis < f.before.Diagnosis || p.Alarm < f.before.Alarm {
		return nil, f.news, false
	}
	for i, e := range f.events {
		if e.Position.Diagnosis > p.Diagnosis || e.Position.Alarm > p.Alarm {
			return append([]bearing.Event(nil), f.events[i:]...), f.news, true
		}
	}
	return nil, f.news, true
}
