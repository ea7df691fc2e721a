package logs

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func note(lost int) []byte { return fmt.Appendf(nil, "%d lost\n", lost) }

// TestQueue: who writes a line does not wait for a log that nobody reads; what waits is bounded in
// bytes, and once the log is read the first lines are there, and one about those left out.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		q := NewQueue(w, note)
		line := strings.Repeat("x", 1023) + "\n"
		const fit = 1024 // 1 MiB
		for i := range fit + 100 {
			if n, err := q.Write([]byte(line)); n != 1024 || err != nil {
				t.Fatal(i, n, err)
			}
			synctest.Wait() // the first is on its way by now
		}
		if q.Close(2 * time.Second) {
			t.Error("closed, and nobody has read")
		}
		_, _ = q.Write([]byte("late\n"))
		b := make([]byte, 2<<20)
		n := 0
		for !strings.HasSuffix(string(b[:n]), "lost\n") {
			m, err := r.Read(b[n:])
			if n += m; err != nil {
				t.Fatal(err)
			}
		}
		got := strings.SplitAfter(strings.TrimSuffix(string(b[:n]), "\n"), "\n")
		if len(got) != fit+1 || got[0] != line || got[fit-1] != line || got[fit] != "101 lost" {
			t.Errorf("%d lines of which %d fit, the last %.20s", len(got), fit, got[len(got)-1])
		}
		if !q.Close(0) {
			<-q.done
		}
	})
}

// TestQueueOrder: all lines of many writers are there whole, those of each in their order, when
// the queue has been closed.
func TestQueueOrder(t *testing.T) {
	var b strings.Builder
	q := NewQueue(&b, note)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 2000 {
				_, _ = fmt.Fprintf(q, "%d %d\n", w, i)
			}
		})
	}
	writers.Wait()
	closed := q.Close(time.Minute)
	if again := q.Close(time.Minute); !closed || !again {
		t.Fatal("not closed")
	}
	var next [4]int
	for line := range strings.Lines(b.String()) {
		var w, i int
		if _, err := fmt.Sscanf(line, "%d %d\n", &w, &i); err != nil || next[w] != i {
			t.Fatalf("%q where line %v is next: %v", line, next, err)
		}
		next[w]++
	}
	if next != [4]int{2000, 2000, 2000, 2000} {
		t.Errorf("%v lines", next)
	}
}
