package admit

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// costs are how long windows were computed, by the power of two below their bytes: recent
// means.
type costs [33]atomic.Int64

// guess is a window's cost by byte where none of its size has been computed yet. What others
// cost tells nothing: they may be of somebody who sends what costs much.
const guess = 25 * time.Nanosecond

func classOf(size int) int { return min(bits.Len(uint(max(size, 0))), len(costs{})-1) }

// of returns what a window of so many bytes is expected to cost.
func (c *costs) of(size int) time.Duration {
	if v := c[classOf(size)].Load(); v > 0 {
		return time.Duration(v)
	}
	return time.Duration(size) * guess
}

// learn takes what a window did cost into the mean of some sixteen. Two that end together
// may lose one of them.
func (c *costs) learn(size int, took time.Duration) {
	at := &c[classOf(size)]
	old := at.Load()
	if old == 0 {
		old = int64(took)
	}
	at.Store(max(1, old+(int64(took)-old)/16))
}
