//go:build planted

package diagnose

import (
	"math"
	"os"
)

// capped is a planted fault, for the rigs to find: with BRINELL_PLANTED=uncapped every
// sensor has series. No program that is shipped is built with this tag.
func capped(most int) int {
	if os.Getenv("BRINELL_PLANTED") == "uncapped" {
		return math.MaxInt
	}
	return most
}

// kept is another one: with BRINELL_PLANTED=hoard all plans are kept.
func kept(most int64) int64 {
	if os.Getenv("BRINELL_PLANTED") == "hoard" {
		return math.MaxInt64
	}
	return most
}
