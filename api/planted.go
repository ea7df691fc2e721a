//go:build planted

package api

import (
	"math"
	"os"
	"runtime"
)

// Planted faults, for the rigs to find, by their names in BRINELL_PLANTED. No program that
// is shipped is built with this tag.
var planted = os.Getenv("BRINELL_PLANTED")

// leak, with "leak", keeps a goroutine and a descriptor of each request.
func leak() {
	if planted != "leak" {
		return
	}
	go func() {
		f, _ := os.Open(os.DevNull)
		<-make(chan struct{})
		runtime.KeepAlive(f)
	}()
}

// bound, with "unbounded", lets a body expand to anything.
func bound(most int64) int64 {
	if planted == "unbounded" {
		return math.MaxInt64 - 1
	}
	return most
}

// patient, with "patient", lets a body take all the time that it wants.
func patient() bool { return planted == "patient" }
