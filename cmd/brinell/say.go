package main

import (
	"fmt"
	"io"
	"time"
)

// logPatience is how long the end of the program waits for a log that is not read.
const logPatience = 2 * time.Second

// say writes a last text for the user, and waits for it no longer than logPatience: nobody may
// read it, and the program has to end.
func say(w io.Writer, text string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fmt.Fprint(w, text)
	}()
	select {
	case <-done:
	case <-time.After(logPatience):
	}
}
