package rig

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// overload is what one run of the rig came to.
type overload struct {
	peak, over tally
	resident   float64 // MiB, the most
}

// String gives the figures of docs/guarantees.md.
func (o overload) String() string {
	return fmt.Sprintf("peak %s; at ten times of that %s: goodput %.0f %%, resident %.0f MiB at most", o.peak, o.over, 100*o.over.accepted/o.peak.accepted, o.resident)
}

// overloaded finds out what a service can do with windows of so many samples, and then
// offers ten times as many for so long.
func overloaded(t *testing.T, length time.Duration, samples int, args ...string) (overload, *service) {
	t.Helper()
	args = append([]string{"--max-connections", "1100", "--max-connections-per-address", "1100"}, args...)
	s := serve(t, apart(t), program(t, ""), t.TempDir(), args...)
	f := newFlood(t, s.url, samples, 1000, geometry)
	defer f.close()
	// Sensors are known, buffers grown, and every connection has been used: one on which
	// nothing comes is closed after seconds.
	f.closed(t.Context(), 1000, time.Second)
	var o overload
	f.rest = time.Second // or the refused would take from the peak
	o.peak = f.closed(t.Context(), 32, max(length/6, time.Second))
	f.rest = 0
	o.over = f.open(t.Context(), 10*o.peak.accepted, length)
	o.resident = s.status(t, "VmHWM")
	t.Logf("%d samples: %v", samples, o)
	return o, s
}

// faults says in what an overload misses what is promised.
func (o overload) faults() (out []string) {
	if goodput := o.over.accepted / o.peak.accepted; goodput < 0.75 {
		out = append(out, fmt.Sprintf("goodput is %.0f %%", 100*goodput))
	}
	if o.over.acceptedP99 > 250*time.Millisecond {
		out = append(out, fmt.Sprintf("p99 of the accepted is %v", o.over.acceptedP99))
	}
	if o.over.shedP99 > 50*time.Millisecond {
		out = append(out, fmt.Sprintf("p99 of the refused is %v", o.over.shedP99))
	}
	if o.resident > 256 {
		out = append(out, fmt.Sprintf("%.0f MiB were resident", o.resident))
	}
	return out
}

// TestOverload offers ten times what the service can do, in windows of one second. The
// service has all processors but one; of that one the generator lives, as of another
// machine. BRINELL_OVERLOAD is the length of the long form, which also asserts goodput, times
// and memory, and that without a gate they are missed; the short form asserts what does not
// depend on the machine.
func TestOverload(t *testing.T) {
	if testing.Short() {
		t.Skip("a flood takes the machine")
	}
	length, long := length(t, "BRINELL_OVERLOAD", 2*time.Second)
	o, s := overloaded(t, length, 12000)
	if o.over.accepted == 0 || o.over.shed == 0 {
		t.Errorf("%.0f/s were accepted and %.0f/s refused: both happen under ten times the load", o.over.accepted, o.over.shed)
	}
	if o.over.unasked != 0 || len(o.over.other) != 0 || len(o.peak.other) != 0 {
		t.Errorf("%d refusals without Retry-After; besides 201 and 503 there were %v and %v", o.over.unasked, o.peak.other, o.over.other)
	}
	// Back to normal: whoever comes alone is taken.
	client := &http.Client{Timeout: 10 * time.Second}
	j := newJournal()
	for i := range 10 {
		if err := j.post(t.Context(), client, s.url, "after", i, 12000); err != nil {
			t.Errorf("after the flood: %v", err)
		}
	}
	client.CloseIdleConnections()
	if !long {
		return
	}
	for _, f := range o.faults() {
		t.Error(f)
	}
	// Can it fail? Not waiting less than an hour is no admission.
	if open, _ := overloaded(t, length/4, 12000, "--max-wait", "1h"); len(open.faults()) == 0 {
		t.Error("without bounds nothing is missed either: the rig shows nothing")
	}
}
