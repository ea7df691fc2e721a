package api

import (
	"context"
	"fmt"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"brinell/bearing"
	"brinell/internal/admit"
)

// receiving is a budget of which bodies may have so many bytes, or one or two less.
func receiving(n int64) *admit.Memory { return admit.NewMemory(n / 3 * 8) }

// TestShare: a share counts what it holds, gives it back, and keeps no large
// buffer for later.
func TestShare(t *testing.T) {
	for _, c := range []struct{ max, room, want int64 }{
		{1 << 30, 1, 4 << 10},
		{1 << 30, 4097, 8 << 10},
		{1 << 30, 1 << 20, 1 << 20},
		{1 << 30, 1<<20 + 1, 1<<20 + 1}, // larger than a class
		{5000, 4097, 4097},              // the class is over the budget
		{4096, 4097, 0},
	} {
		budget := &budget{memory: receiving(c.max)}
		own := &share{of: budget}
		b := own.extend([]byte("start"), c.room)
		if got := budget.memory.Used(); got != c.want || own.size != c.want || int64(cap(b)) != c.want || c.want > 0 && string(b) != "start" {
			t.Errorf("room %d of %d: %d are held as %d, %q", c.room, c.max, cap(b), got, b)
		}
		if b = own.extend(b, 2*c.room); b != nil && int64(cap(b)) != budget.memory.Used() {
			t.Errorf("room %d of %d, twice: %d are held as %d", c.room, c.max, cap(b), budget.memory.Used())
		}
		body := int64(cap(b))
		if b == nil {
			body = budget.memory.Used()
		}
		if x := own.floats(2000); len(x) != 2000 || budget.memory.Used() != body+8192 {
			t.Errorf("with %d samples: %d", len(x), budget.memory.Used())
		}
		if own.release(); budget.memory.Used() != 0 {
			t.Errorf("%d are still held", budget.memory.Used())
		}
	}
	budget := &budget{memory: receiving(1 << 30)}
	for _, size := range []int{0, 1, 4095, 4097, 2 << 20} {
		budget.put(&buffer{make([]byte, size)})
	}
	for i := range budget.idle {
		if budget.idle[i].Get() != nil {
			t.Errorf("a buffer of no class is kept as %d bytes", 1<<(minClass+i))
		}
	}
}

// TestWindowsApart: requests that reuse each other's memory at the same time
// never see each other's samples, whether they end well, in an error or because
// the client went away.
func TestWindowsApart(t *testing.T) {
	f := &fake{}
	sum := func(x []float32) (s float64) {
		for _, v := range x {
			s += float64(v)
		}
		return s
	}
	f.submitCtx = func(ctx context.Context, w *bearing.Window) (bearing.Diagnosis, error) {
		before := sum(w.Samples)
		for range 10 {
			runtime.Gosched()
		}
		if after := sum(w.Samples); before != after {
			t.Errorf("the sum was %v and is %v", before, after)
		}
		// A window of n samples holds n everywhere.
		for _, v := range w.Samples {
			if int(v) != len(w.Samples) {
				t.Errorf("a sample of %d is %v", len(w.Samples), v)
				break
			}
		}
		return bearing.Diagnosis{ID: "x"}, ctx.Err()
	}
	s, err := newServer(Config{}, backend(f))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 60 {
				n := 1 + (g*977+i*1511)%5000
				path, media, body := "/v1/sensors/p/windows", asJSON, ""
				if i%2 == 0 {
					path, media, body = path+"?"+benchQuery, asRaw, string(raw(slices.Repeat([]float32{float32(n)}, n)...))
				} else {
					v := strconv.Itoa(n)
					body = fmt.Sprintf(`{"start":"2026-01-31T12:00:00Z","sample_rate_hz":12000,"unit":"g","samples":[%s%s]}`, strings.Repeat(v+",", n-1), v)
				}
				if i%5 == 0 {
					body = body[:len(body)-1]
				}
				ctx, cancel := context.WithCancel(t.Context())
				if i%7 == 0 {
					cancel()
				}
				r := httptest.NewRequestWithContext(ctx, "POST", path, strings.NewReader(body))
				r.Header.Set("Content-Type", media)
				w := httptest.NewRecorder()
				s.router.ServeHTTP(w, r)
				cancel()
				if want := i%5 != 0 && i%7 != 0; (w.Code == 201) != want {
					t.Errorf("%d samples: %d %s", n, w.Code, w.Body)
				}
			}
		})
	}
	wg.Wait()
	if n := s.budget.memory.Used(); n != 0 {
		t.Errorf("%d bytes still held", n)
	}
}
