package diagnose

import (
	"fmt"
	"sync"
	"time"

	"brinell/bearing"
)

// wall knows whether the clock of the service is behind: a time that it was already is over.
// The clock that retention by age goes by (internal/store) is another one: that must never
// run ahead, and believes no jump, so after a month switched off it waits for an operator.
// What is judged now may not wait. The zero value knows nothing.
type wall struct {
	built time.Time // the program, by its commit

	mu      sync.Mutex
	seen    time.Time // the latest time at which a window came
	fitting int       // windows in a row that the clock fits as it is
}

// enoughFit is how many windows in a row must begin in the day before they come to show that
// the clock is right: sensors may keep them for a while.
const enoughFit = 10

// came notes that a window came. One that begins when it comes shows that two clocks agree: if
// that of the service was ahead before, it is so no more.
func (w *wall) came(start, received time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch old := received.Sub(start); {
	case received.After(w.seen), old.Abs() <= skewLimit:
		w.seen, w.fitting = received, 0
	case old < 0 || old > DefaultLateHorizon:
		w.fitting = 0
	default:
		if w.fitting++; w.fitting == enoughFit {
			w.seen, w.fitting = received, 0
		}
	}
}

// behind returns how far the clock is behind at least, and why: 0 for not as far as is known.
func (w *wall) behind(now time.Time) (by time.Duration, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if by = w.built.Sub(now); by > 0 && !w.seen.After(w.built) {
		return by, fmt.Sprintf("the program was built at %s", w.built.UTC().Format(time.RFC3339))
	}
	if by = w.seen.Sub(now); by > 0 && !w.seen.IsZero() {
		return by, fmt.Sprintf("it was %s already when a window came", w.seen.UTC().Format(time.RFC3339))
	}
	return 0, ""
}

// timely refuses a window whose start cannot be meant. While the clock of the service is known
// to be behind, that is no fault of the window: it may come again.
func (c *Core) timely(w *bearing.Window, received time.Time) error {
	ahead := w.Start.Sub(received)
	if ahead <= skewMost && !w.Start.Before(firstYear) {
		return nil
	}
	if by, why := c.wall.behind(received); by > skewLimit && ahead >= -skewMost {
		return bearing.Errorf(bearing.Overloaded, "clock_behind", "the window begins at %s, and this service's clock "+
			"says %s, but %s: set the clock of the service and send the window again; if it is right, set that of the sensor",
			w.Start.Format(time.RFC3339), received.Format(time.RFC3339), why).At("/start")
	}
	return bearing.Errorf(bearing.Invalid, "start_out_of_range", "start %s is before 2000, or more than %s ahead of this "+
		"service's clock (%s): set the clock of the sensor",
		w.Start.Format(time.RFC3339), skewMost, received.Format(time.RFC3339)).At("/start")
}
