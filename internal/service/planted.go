//go:build planted

package service

import "os"

// reserved, with the planted fault "patient", has no places for who has a key. No program
// that is shipped is built with this tag.
func reserved(demanded func() bool) func() bool {
	if os.Getenv("BRINELL_PLANTED") == "patient" {
		return func() bool { return false }
	}
	return demanded
}
