//go:build !planted

package api

import "time"

// leak keeps nothing of a request.
func leak() {}

// bound returns to how many bytes a body may expand.
func bound(most int64) int64 { return most }

// patience is how long something that is to take so long may take.
func patience(d time.Duration) time.Duration { return d }
