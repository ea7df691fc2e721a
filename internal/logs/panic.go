package logs

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// Panic is a panic that was recovered: a bug of ours. As an error it is one line; Stack
// has the rest.
type Panic struct {
	Value any
	Site  string // function and line that panicked
	Stack string
}

// Recovered returns the panic whose value recover has just given. It must be called by
// the deferred function.
func Recovered(v any) *Panic { return &Panic{v, site(), string(debug.Stack())} }

func (p *Panic) Error() string {
	text := fmt.Sprint(p.Value)
	return fmt.Sprintf("panic: %s at %s", text[:min(len(text), maxText)], p.Site)
}

// maxText is how much of a panic's value is logged, bytes: it may hold what a client sent.
const maxText = 500

// site returns the function and line below the runtime's own that panicked.
func site() string {
	pc := make([]uintptr, 32)
	frames := runtime.CallersFrames(pc[:runtime.Callers(2, pc)])
	panicking := false
	for {
		f, more := frames.Next()
		switch own := strings.HasPrefix(f.Function, "runtime."); {
		case own && f.Function == "runtime.gopanic":
			panicking = true
		case panicking && !own:
			return fmt.Sprintf("%s:%d", f.Function, f.Line)
		}
		if !more {
			return "unknown"
		}
	}
}
