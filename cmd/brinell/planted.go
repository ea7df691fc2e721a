//go:build planted

package main

import "os"

// strangers, with "hospitable", takes everybody for known: see api/planted.go.
func strangers(demanded func() bool) func() bool {
	if os.Getenv("BRINELL_PLANTED") == "hospitable" {
		return func() bool { return false }
	}
	return demanded
}
