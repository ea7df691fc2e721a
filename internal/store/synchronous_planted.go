//go:build planted

package store

// A planted fault, for the power-cut rig to find: a commit is on disk some time after it
// returns. No program that is shipped is built with this tag.
const synchronous, synchronousReads = "NORMAL", "1"
