package logs

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// maxWaiting is how many bytes of lines wait to be written at most.
const maxWaiting = 1 << 20

// Queue writes lines of a log for those who must not wait for whoever reads it: that may be a
// pipe which nobody reads. Lines wait in bounded memory, and one goroutine writes them. Those
// for which there is no room are left out and counted; once the others are written, a line
// says how many.
type Queue struct {
	w    io.Writer
	note func(lost int) []byte
	wake chan struct{}
	done chan struct{}

	mu      sync.Mutex
	waiting bytes.Buffer
	writing int // bytes of lines that are being written: they take memory as well
	lost    int
	closed  bool
}

// NewQueue returns a queue of lines for w, which it writes until it is closed. note returns the
// line that says how many were left out.
func NewQueue(w io.Writer, note func(lost int) []byte) *Queue {
	q := &Queue{w: w, note: note, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go q.run()
	return q
}

// Write takes a line, and never fails: one that has no room, or comes after Close, is left out.
func (q *Queue) Write(line []byte) (int, error) {
	q.mu.Lock()
	// After one that was left out none is taken until that can be said: lines stay in order.
	if q.closed || q.lost > 0 || q.writing+q.waiting.Len()+len(line) > maxWaiting {
		q.lost++
	} else {
		q.waiting.Write(line)
	}
	q.mu.Unlock()
	q.nudge()
	return len(line), nil
}

func (q *Queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default: // it is awake
	}
}

// run writes what waits until the queue is closed and empty.
func (q *Queue) run() {
	defer close(q.done)
	for range q.wake {
		for {
			lines, closed := q.next()
			if len(lines) == 0 {
				if closed {
					return
				}
				break
			}
			_, _ = q.w.Write(lines) // there is nobody to tell
		}
	}
}

// next takes what waits, and the line about what was left out after it.
func (q *Queue) next() (lines []byte, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	lines = append(lines, q.waiting.Bytes()...)
	if q.lost > 0 {
		lines = append(lines, q.note(q.lost)...)
	}
	if q.writing, q.lost = len(lines), 0; q.waiting.Cap() > maxWaiting/16 {
		q.waiting = bytes.Buffer{} // a burst does not keep its memory
	}
	q.waiting.Reset()
	return lines, q.closed
}

// Close waits until all lines are written, so long at most, and returns whether they are. What
// comes after it is left out.
func (q *Queue) Close(wait time.Duration) bool {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.nudge()
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-q.done:
		return true
	case <-t.C:
		return false
	}
}
