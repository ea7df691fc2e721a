package logs

import (
	"strings"
	"testing"
)

// TestLongPanic: of a panic's value 500 bytes are logged, for it may be what a client sent.
func TestLongPanic(t *testing.T) {
	for length, want := range map[int]int{0: 0, 499: 499, 500: 500, 501: 500} {
		text := (&Panic{Value: strings.Repeat("x", length), Site: "s"}).Error()
		if text != "panic: "+strings.Repeat("x", want)+" at s" {
			t.Errorf("%d bytes: %d of them: %s", length, strings.Count(text, "x"), text)
		}
	}
}
