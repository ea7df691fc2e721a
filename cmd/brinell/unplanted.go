//go:build !planted

package main

// strangers says whether there are any: while keys are demanded.
func strangers(demanded func() bool) func() bool { return demanded }
