package bearing

import "math"

// RPM returns the revolutions per minute that divided by 60 are exactly hz, the rounder
// of several first; hz*60 if there is none.
func RPM(hz float64) float64 {
	near := hz * 60
	for _, v := range []float64{math.Round(near*1e6) / 1e6, near, math.Nextafter(near, 0), math.Nextafter(near, math.Inf(1))} {
		if v/60 == hz {
			return v
		}
	}
	return near
}
