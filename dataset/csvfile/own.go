package csvfile

import (
	"strings"
	"time"
)

// ownLine begins the comments before a table in which Brinell says what columns do not.
const ownLine = "# brinell "

// Own returns lines to put before a table: when it starts, and at which rate it is sampled.
func Own(start time.Time, rate string) string {
	return ownLine + "start: " + start.UTC().Format(time.RFC3339Nano) + "\n" + ownLine + "sample_rate_hz: " + rate + "\n"
}

// Start returns when the first sample was taken, zero if the lines before the table do not say.
func (t Table) Start() time.Time {
	for _, line := range t.Preamble {
		if s, ok := strings.CutPrefix(line, "start: "); ok {
			if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
				return at
			}
		}
	}
	for _, at := range t.First {
		if at.Year() > 1 { // more than a time of day
			return at
		}
	}
	return t.began()
}
