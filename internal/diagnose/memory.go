package diagnose

import (
	"brinell/bearing"
	"brinell/features"
	"brinell/features/lines"
	"brinell/models/input"
)

// DefaultShelf is how many bytes of plans a core keeps if nothing else is said.
const DefaultShelf = 64 << 20

// need is what a window takes beside its samples, in bytes, whatever is found in it: while
// it is judged, and from then until it is on disk.
type need struct{ judged, stored int64 }

// needOf computes it for n samples at that rate (Hz) and shaft speed (Hz, 0 where it has to
// be found). It never says less than is
// allocated.
func needOf(n int, rate, shaft float64, p input.Preprocessing) need {
	return need{
		judged: fixedBytes + features.Bytes(n) + gateBytes(gateLength(rate, n)) + lines.Bytes(n, rate, shaft) + p.Bytes(n, rate),
		stored: storedBytes(n),
	}
}

// fixedBytes is what judging takes whatever the window: levels, frames, the answer.
const fixedBytes = 256 << 10

// longWindow is how many samples a window has above which what stores it keeps no scratch.
const longWindow = 1 << 17

// storedBytes is what a window takes on its way to the disk: its document, its samples
// compressed, at worst as long as they were, and once more in the database; while they are
// compressed, twice their bytes, which short ones share.
func storedBytes(n int) int64 {
	if n <= longWindow {
		return 32<<10 + 6*int64(n)
	}
	return 64<<10 + 20*int64(n)
}

// Need returns how many bytes judging and storing a window takes beside its samples: what
// it is weighed with before it is admitted.
func (c *Core) Need(w *bearing.Window) int64 {
	reg, err := c.register(w)
	if err != nil {
		return fixedBytes // it is refused for that
	}
	n := c.active.Load().need(w, reg)
	return max(n.judged, n.stored)
}

func (e *engine) need(w *bearing.Window, reg registered) need {
	speed, _ := reg.speed(w)
	n := needOf(len(w.Samples), w.SampleRate, speed, e.model.Preprocessing)
	if w.Unit.IsVelocity() {
		n.judged += gateBytes(velocityLength(w.SampleRate, len(w.Samples)))
	}
	return n
}

// SpectrumBytes is not less than what Spectrum takes of a window of n samples, and its answer
// as JSON.
func (c *Core) SpectrumBytes(n int) int64 { return 1<<20 + 440*int64(min(n, spectrumLength)) }
