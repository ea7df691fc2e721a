//go:build !planted

package api

// leak keeps nothing of a request.
func leak() {}

// bound returns to how many bytes a body may expand.
func bound(most int64) int64 { return most }

// patient says whether a body may take all the time that it wants.
func patient() bool { return false }
