//go:build !planted

package store

// A commit is on disk when it returns.
const synchronous, synchronousReads = "FULL", "2"
