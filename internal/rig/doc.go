// Package rig holds tests that are apparatus: they run the real program and cut its
// power, kill it, fill its disk, flood it and send it what no client should. Each proves
// that it can fail. The short forms run with go test; make rigs runs the long ones,
// whose figures stand in docs/guarantees.md.
package rig
