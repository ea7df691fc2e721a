package csvfile

import (
	"math"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Of what loggers write before a table: when the recording began, in one line or as a date and a
// time of day in two, and the unit of all columns. A date with slashes and the year behind is
// none, for nobody knows its month.
var (
	starts = regexp.MustCompile(`(?i)^\W*(?:(?:recording|measurement|acquisition|mess|aufnahme)?[ _-]*(?:start(?:ed|zeit|datum)?|begin|beginn)(?:[ _-]?(?:time|date|datum|zeit|at|on|am))*|recorded(?: at| on)?|acquired(?: at| on)?|aufgenommen(?: am)?|aufnahme(?:zeit|datum)?|messzeit(?:punkt)?|date(?:[ _/-]?time)?|datum(?:[ _/-]*(?:uhr)?zeit)?|timestamp)\b[^0-9]*(` + day + `)[T \t;,"]+(` + clock + `)`)
	dates  = regexp.MustCompile(`(?i)^\W*(?:(?:start|mess|aufnahme)[ _-]?)?(?:date|datum)\b[^0-9]*(` + day + `)\W*$`)
	hours  = regexp.MustCompile(`(?i)^\W*(?:(?:start|mess|aufnahme)[ _-]?)?(?:time|zeit|uhrzeit)\b[^0-9]*(` + clock + `)\W*$`)
	unit   = regexp.MustCompile(`(?i)^\W*(?:units?|einheit|y_unit_label)\b[^a-z]*(g|m/s2|m/s²|m/s\^2|mm/s|mm/sec)[\s\])};,"]*$`)
)

const (
	day   = `\d{4}[-/]\d\d[-/]\d\d|\d{1,2}\.\d{1,2}\.\d{4}`
	clock = `\d{1,2}:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|[+-]\d\d:\d\d|[ap]m))?`
)

// began returns when the lines before a table say that the recording began, zero if they do not.
// What states no zone is UTC, as it is in a column.
func (t Table) began() time.Time {
	var date, hour string
	for _, line := range t.Preamble {
		if m := starts.FindStringSubmatch(line); m != nil {
			return moment(m[1], m[2])
		}
		if m := dates.FindStringSubmatch(line); m != nil && date == "" {
			date = m[1]
		}
		if m := hours.FindStringSubmatch(line); m != nil && hour == "" {
			hour = m[1]
		}
	}
	return moment(date, hour)
}

// moment is a day and a time of that day, zero if one of them is none.
func moment(day, clock string) time.Time {
	day = strings.ReplaceAll(day, "/", "-")
	clock = strings.ReplaceAll(strings.ReplaceAll(strings.ToUpper(clock), ",", "."), " ", "")
	for _, d := range []string{"2006-01-02", "2.1.2006"} {
		for _, c := range []string{"15:04:05.999999999", "15:04:05.999999999Z07:00", "3:04:05.999999999PM"} {
			if at, err := time.Parse(d+" "+c, day+" "+clock); err == nil {
				return at.UTC()
			}
		}
	}
	return time.Time{}
}

// remarkedHeader takes the last comment before a table without names for its names, as NumPy
// writes them, if it has as many cells as the table.
func (d *decoder) remarkedHeader(rows []row) {
	if d.t.Header != nil || len(rows) == 0 || len(d.t.Preamble) == 0 {
		return
	}
	d.split(rows[0].text)
	width := len(d.cells)
	if !d.numbers() { // the names themselves
		return
	}
	if d.split([]byte(d.t.Preamble[len(d.t.Preamble)-1])); width < 2 || len(d.cells) != width || d.numbers() {
		return
	}
	for _, c := range d.cells {
		d.t.Header = append(d.t.Header, string(unquoted(c)))
	}
}

// remarkedUnit is the unit that the lines before a table state for all of it, "" for none.
func (t Table) remarkedUnit() string {
	for _, line := range t.Preamble {
		if m := unit.FindStringSubmatch(line); m != nil {
			return spelt(m[1])
		}
	}
	return ""
}

// spelt is a unit of acceleration or velocity as it is spelt here.
func spelt(unit string) string {
	switch {
	case strings.EqualFold(unit, "g"):
		return "g"
	case len(unit) > 1 && strings.EqualFold(unit[:2], "mm"):
		return "mm/s"
	}
	return "m/s2"
}

// speeds match what a preamble says of the shaft speed, with its unit before or behind the number.
var speeds = regexp.MustCompile(`(?i)^\W*(?:(?:shaft |motor)?(?:speed|drehzahl)\b[^0-9]*(?:rpm|1/min|u/min|r/min|min-1|min⁻¹)|rpm\b|shaft_speed_rpm\b)[^0-9]*([0-9][0-9.,]*)\W*$` +
	`|^\W*(?:shaft |motor)?(?:speed|drehzahl)\b[^0-9]*([0-9][0-9.,]*) ?(?:rpm|1/min|u/min|r/min|min-1|min⁻¹)\W*$`)

// RPM is the shaft speed that the lines before the table state in revolutions a minute, 0 if they
// do not, or not in which unit.
func (t Table) RPM() float64 {
	for _, line := range t.Preamble {
		if m := speeds.FindStringSubmatch(line); m != nil {
			if thousands.MatchString(m[1] + m[2]) {
				return 0 // or a thousandth of it
			}
			return decimal(m[1] + m[2])
		}
	}
	return 0
}

// Counts reports whether a column numbers the samples.
func (t Table) Counts(column int) bool {
	x := t.Columns[column]
	for i, v := range x {
		if v != x[0]+float64(i) || v != math.Trunc(v) {
			return false
		}
	}
	return len(x) > 2
}

// text is what bytes of a name or a remark say: UTF-8, else Latin-1, in which older loggers
// write ä and ².
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	out := make([]rune, len(b))
	for i, c := range b {
		out[i] = rune(c)
	}
	return string(out)
}
