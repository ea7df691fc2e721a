package service

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// batch asks the kernel not to stop a thread that computes for one that wakes up: under
// load there are thousands of those a second, each with a request that can wait for a
// millisecond, and the thread that computes loses its cache to them. On one processor that
// is worth a quarter of the throughput; see docs/benchmarks.md. Threads that come later are
// children of these. A service manager that forbids it may have set it itself.
func batch() error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		id, err := strconv.Atoi(task.Name())
		if err != nil {
			continue
		}
		attr, err := unix.SchedGetAttr(id, 0)
		if err != nil {
			return fmt.Errorf("scheduling policy: %w", err)
		}
		if attr.Policy != unix.SCHED_NORMAL {
			continue // somebody's choice
		}
		attr.Policy = unix.SCHED_BATCH
		if err := unix.SchedSetAttr(id, attr, 0); err != nil {
			return fmt.Errorf("scheduling policy: %w", err)
		}
	}
	return nil
}
