//go:build !race

package picture

import (
	"runtime"
	"testing"

	"brinell/bearing"
)

// TestBytes: drawing takes no more than was said.
func TestBytes(t *testing.T) {
	for _, n := range []int{100, 300_000} {
		for _, q := range []bearing.PictureQuery{{Format: bearing.PNG, Width: 480, Height: 480}, {Format: bearing.PNG,
			Width: 1200, Height: 1000}, {Format: bearing.PNG, Width: 2400, Height: 2400}, {Format: bearing.SVG,
			Width: 1200, Height: 1000}} {
			for _, speed := range []float64{0, 3, 30} { // slower, and steps of long segments follow one another
				w, d := knocks(n, 12000, max(speed, 3))
				w.ShaftSpeed, d.ShaftSpeedRPM = speed, speed*60
				s := Of("", w, d, bearing.LookupBearing)
				took := held(func() { _, _ = Draw(s, q) })
				if says := Bytes(n, 12000, speed, q); took > says {
					t.Errorf("%d samples, %g Hz, %+v: %d bytes, said to be %d", n, speed, q, took, says)
				}
			}
		}
	}
}

// held returns how many bytes f allocates.
func held(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}
