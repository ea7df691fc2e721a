package service

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"brinell/internal/admit"
)

// TestMemoryPlan: what unit and compose file allow is enough for all that is counted, whatever
// the number of workers, and leaves a quarter; the worst window fits, and a body beside it.
func TestMemoryPlan(t *testing.T) {
	const allowed, most = 1 << 30, 768 << 20
	const outside = 96 << 20 // of the Go runtime: the database's pages and buffers, the program itself
	for _, workers := range []int{1, 2, 16} {
		p := planMemory(allowed, workers)
		if sum := p.budget + 2*p.shelf + p.registry + p.states + baseMemory + int64(workers)*workerMemory; sum > p.heap || p.heap+outside > most {
			t.Errorf("%d workers: %d MiB are counted, the heap may have %d MiB, and the service %d", workers, sum>>20, p.heap>>20, most>>20)
		}
		m := admit.NewMemory(p.budget)
		if judged := m.Most(admit.Judge); judged < 260<<20 {
			t.Errorf("%d workers: %d MiB for the worst window", workers, judged>>20)
		}
		if body := m.Most(admit.Receive); body < 3*(32<<20) {
			t.Errorf("%d workers: %d MiB for bodies, one of the longest has 32", workers, body>>20)
		}
	}
	if p := planMemory(leastMemory, 16); p.budget < 24<<20 {
		t.Errorf("with the least memory there are %d MiB for windows", p.budget>>20)
	}
}

// TestLimitHeap: GOMEMLIMIT, which the runtime has read, may lower the limit that --memory makes,
// and does not raise it.
func TestLimitHeap(t *testing.T) {
	was := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(was)
	p := planMemory(1<<30, 2)
	for set, want := range map[int64]int64{math.MaxInt64: p.heap, 1 << 30: p.heap, p.heap + 1: p.heap, p.heap - 1: p.heap - 1, 300 << 20: 300 << 20} {
		debug.SetMemoryLimit(set)
		t.Setenv("GOMEMLIMIT", strconv.FormatInt(set, 10))
		if p.limitHeap(); debug.SetMemoryLimit(-1) != want {
			t.Errorf("GOMEMLIMIT %d: the limit is %d, want %d", set, debug.SetMemoryLimit(-1), want)
		}
	}
}

// TestMostWorkers: as many workers are let in as leave windows 16 MiB, and not one more.
func TestMostWorkers(t *testing.T) {
	for _, total := range []int64{leastMemory, 512 << 20, 1 << 30} {
		most := mostWorkers(total)
		if left := planMemory(total, most).budget; left < 16<<20 {
			t.Errorf("%d workers of %d MiB leave %d bytes", most, total>>20, left)
		}
		if left := planMemory(total, most+1).budget; left >= 16<<20 {
			t.Errorf("%d workers of %d MiB leave %d bytes: one more would do", most, total>>20, left)
		}
		for workers, want := range map[int]bool{most: true, most + 1: false} {
			if n, err := (Config{workers: workers}).crew(total); (err == nil) != want || want && n != workers {
				t.Errorf("%d of at most %d workers: %d, %v", workers, most, n, err)
			}
		}
	}
	if n, err := (Config{}).crew(1); n != 1 || err != nil { // by default as many as go
		t.Errorf("%d, %v", n, err)
	}
}

func TestAvailableMemory(t *testing.T) {
	f := func(name string, want int64, files ...string) {
		t.Helper()
		root := t.TempDir()
		for i := 0; i < len(files); i += 2 {
			path := filepath.Join(root, files[i])
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := availableMemory(root); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	const self, info = "proc/self/cgroup", "MemTotal:       16384000 kB\n"
	f("nothing known", 1<<30)
	f("a large machine", 1<<30, "proc/meminfo", info)
	f("a small machine", 512000<<10, "proc/meminfo", "MemFree: 1 kB\nMemTotal: 1024000 kB\n")
	f("version 2", 4<<30, self, "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max", "4294967296\n", "proc/meminfo", info)
	f("around it", 1<<29, self, "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max", "max\n", "sys/fs/cgroup/a/memory.max", "536870912\n")
	f("no limit", 1<<30, self, "0::/a\n", "sys/fs/cgroup/a/memory.max", "max\n", "proc/meminfo", info)
	f("version 1", 1<<28, self, "4:memory:/x\n3:cpu:/x\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes", "268435456\n")
	f("version 1 without", 1<<30, self, "4:memory:/x\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes", "9223372036854771712\n")
	f("in a container", 1<<29, self, "0::/\n", "sys/fs/cgroup/memory.max", "536870912\n")
}

func TestMemoryOf(t *testing.T) {
	for s, want := range map[string]int64{"1GiB": 1 << 30, "192MiB": leastMemory, "191MiB": 0, "much": 0} {
		if got, err := memoryOf(s); got != want || (err != nil) != (want == 0) {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
	if n, err := memoryOf(autoMemory); err != nil || n < leastMemory {
		t.Errorf("%d, %v", n, err)
	}
}

// TestReturnMemory: memory is given back once after windows that took much, when nothing is
// judged any more, and not for what is small.
func TestReturnMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		m, freed := admit.NewMemory(1<<30), 0
		go returnMemory(ctx, m, func() { freed++ })
		after := func(what string, want int) {
			t.Helper()
			time.Sleep(3 * returnEvery)
			synctest.Wait()
			if freed != want {
				t.Errorf("%s: given back %d times, want %d", what, freed, want)
			}
		}
		m.Take(admit.Judge, returnAbove)
		m.Give(returnAbove)
		after("a small one", 0)
		m.Take(admit.Judge, returnAbove+1)
		after("while it is judged", 0)
		m.Give(returnAbove + 1 - returnBelow)
		after("while others are", 0)
		m.Give(returnBelow)
		after("once it is over", 1)
		after("long after", 1)
	})
}
