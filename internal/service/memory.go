package service

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"brinell/internal/admit"
	"brinell/internal/settings"
)

// autoMemory is the default of --memory.
const autoMemory = "auto"

// unboundedMemory is what a service takes at most where nothing bounds it: what the unit and
// the compose file allow.
const unboundedMemory = 1 << 30

// leastMemory is the least of --memory: below, there is no room for a window of a second
// beside what the program takes for itself.
const leastMemory = 192 << 20

// memoryPlan shares out the memory of a service, in bytes.
type memoryPlan struct {
	total  int64 // what it may take
	heap   int64 // limit of the Go runtime; the rest is the database's, and the program's own pages
	shelf  int64 // of plans that are kept
	budget int64 // of all that windows need, see admit.Memory

	registry int64 // of the sensors that are registered
	states   int64 // of what sensors taught, see diagnose.Config
}

// Bytes that are none of the budget's: the program, its models and when ten thousand sensors sent,
// and for each worker its own buffers.
const (
	baseMemory   = 24 << 20
	workerMemory = 1 << 20
)

// planMemory shares out total among so many workers. What is garbage at a time is as much
// again as the shelf; past the limit of the heap the runtime collects it sooner.
func planMemory(total int64, workers int) memoryPlan {
	p := memoryPlan{total: total, heap: total / 100 * 64, shelf: total / 16, registry: total / 64, states: total / 20}
	p.budget = p.heap - 2*p.shelf - p.registry - p.states - baseMemory - int64(workers)*workerMemory
	return p
}

// leastBudget is the least that windows are left: one of a second at any usual rate is read,
// judged and stored in it.
const leastBudget = 16 << 20

// mostWorkers returns how many workers leave windows their least budget, one at least.
func mostWorkers(total int64) int {
	return int(min(max(1, (planMemory(total, 0).budget-leastBudget)/workerMemory), 1<<20))
}

// memoryOf returns what --memory says in bytes.
func memoryOf(s string) (int64, error) {
	if s == autoMemory {
		return max(leastMemory, availableMemory("/")), nil
	}
	n, err := settings.ParseSize(s)
	if err != nil {
		return 0, settings.Usagef("--memory: %w, nor %s", err, autoMemory)
	}
	if n < leastMemory {
		return 0, settings.Usagef("--memory %s is less than %d MiB, which the service takes for itself and a short window", s, leastMemory>>20)
	}
	return n, nil
}

// availableMemory returns what bounds the program's memory: the limit of its control group,
// of either version, or of one around it; without one half of the machine's, 1 GiB at most.
// root is that of the file system.
func availableMemory(root string) int64 {
	least := int64(0)
	limit := func(path string) {
		b, err := os.ReadFile(path)
		if err != nil {
			return
		}
		// Version 1 says a huge number where version 2 says max.
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 && n < 1<<50 && (least == 0 || n < least) {
			least = n
		}
	}
	b, _ := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	for line := range strings.Lines(string(b)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		dir, file := "sys/fs/cgroup", "memory.max"
		if parts[1] == "memory" {
			dir, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if parts[1] != "" {
			continue
		}
		for at := filepath.Clean("/" + parts[2]); ; at = filepath.Dir(at) {
			limit(filepath.Join(root, dir, at, file))
			if at == "/" {
				break
			}
		}
	}
	if least > 0 {
		return least
	}
	if f, err := os.Open(filepath.Join(root, "proc/meminfo")); err == nil {
		defer f.Close()
		for sc := bufio.NewScanner(f); sc.Scan(); {
			fields := strings.Fields(sc.Text())
			if len(fields) < 2 || fields[0] != "MemTotal:" {
				continue
			}
			if kib, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				return min(unboundedMemory, kib<<10/2)
			}
		}
	}
	return unboundedMemory
}

// limitHeap sets the runtime's limit, unless GOMEMLIMIT has set a lower one: who sets it to what
// the program may take, as is usual, must not take away what is left for the database.
func (p memoryPlan) limitHeap() {
	if debug.SetMemoryLimit(-1) > p.heap {
		debug.SetMemoryLimit(p.heap)
	}
}

// Of giving memory back: how often is looked, above what something was large, and below what
// the service is idle.
const (
	returnEvery = 5 * time.Second
	returnAbove = 48 << 20
	returnBelow = 8 << 20
)

// returnMemory gives memory back to the machine after windows that took much of it, once
// nothing is judged. By itself the runtime does so in minutes, and only after it has
// collected: without work that is every two minutes. One collection of a small heap takes
// milliseconds, and there is at most one for each time that the budget was filled.
func returnMemory(ctx context.Context, m *admit.Memory, free func()) {
	t := time.NewTicker(returnEvery)
	defer t.Stop()
	for large := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		peak := m.Peak()
		large = large || peak > returnAbove
		if large && peak < returnBelow {
			large = false
			free()
		}
	}
}
