package csvfile

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"brinell/bearing"
)

// stamps are the forms of points in time that cells may have. Those without a zone are UTC.
var stamps = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999",
	"2006/01/02 15:04:05.999999999", "02.01.2006 15:04:05.999999999", "15:04:05.999999999",
	"1/2/2006 3:04:05 PM", // with AM and PM the month is first
}

// dates are the forms of a day in a column of its own.
var dateForms = []string{"2006-01-02", "2006/01/02", "02.01.2006"}

// date reads a day.
func date(cell []byte) (time.Time, bool) {
	if len(cell) != len("2006-01-02") {
		return time.Time{}, false
	}
	for _, form := range dateForms {
		if t, err := time.Parse(form, string(cell)); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// joinDays puts a column of dates into that of the times of day, so that those go on at
// midnight and tell when the recording began.
func (d *decoder) joinDays() {
	day := slices.Index(d.days, true)
	if day < 0 {
		return
	}
	d.t.Days = d.days
	d.t.Stamped[day] = false
	first := d.first[day]
	d.first[day] = time.Time{}
	for i, stamped := range d.t.Stamped {
		if at := d.first[i]; stamped && !d.days[i] && at.Year() == 0 {
			for k := range d.t.Columns[i] {
				d.t.Columns[i][k] += d.t.Columns[day][k]
			}
			d.first[i] = first.Add(at.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)))
			return
		}
	}
}

// stamp reads a point in time. A table most often has one form of them, which is tried first.
func (d *decoder) stamp(cell []byte) (time.Time, bool) {
	if len(cell) < 8 || len(cell) > 40 || strings.Count(string(cell), ":") < 2 {
		return time.Time{}, false
	}
	s := strings.Replace(string(cell), ",", ".", 1)
	if d.form != "" {
		if t, err := time.Parse(d.form, s); err == nil {
			return t, true
		}
	}
	for _, form := range stamps {
		if t, err := time.Parse(form, s); err == nil {
			d.form = form
			return t, true
		}
	}
	return time.Time{}, false
}

// timeNames match the header of a column of time, with its unit.
var timeNames = regexp.MustCompile(`(?i)^(?:time|t|zeit|timestamp|time ?stamp|date ?time|datetime|datum|temps|tiempo|tempo|tijd|x_value|elapsed(?: ?time)?|relative ?time)[ _]*[\[(]?(s|sec|secs|seconds|sekunden|ms|msec|us|usec|µs|μs|ns)?[\])]?$`)

// unitsOfTime are seconds by the unit in a header.
var unitsOfTime = map[string]float64{"ms": 1e-3, "msec": 1e-3, "us": 1e-6, "usec": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}

// rates match what a preamble says of the sampling rate, and of the time between two samples.
var (
	rates = regexp.MustCompile(`(?i)^\W*(?:sampl\w*[ _]?(?:rate|freq\w*)|rate|fs|abtastrate|abtastfrequenz|sample_rate_hz)\b[^0-9+-]*([0-9][0-9.,eE+]*)[\s;]*(k?)(?:hz|s/s|sps)?`)
	steps = regexp.MustCompile(`(?i)^\W*(?:delta_x|dt|sample[ _]interval|sampling[ _]interval|abtastintervall)\b[^0-9+-]*([0-9][0-9.,eE+-]*)`)
)

// A rate that is stated within sameRate of the clock's is the same.
const sameRate = 1e-6

// A step of more than gapSteps of the usual ones is a gap.
const gapSteps = 1.5

// Clock returns the column that is the time of the samples, and the sampling rate (Hz) that it
// tells. column is -1 where there is none; then the rate is what the lines before the table say,
// 0 if they do not. The error is Malformed time_gaps: times that jump, stand still or go back.
func (t Table) Clock() (column int, rate float64, err error) {
	column = -1
	for i := range t.Columns {
		if i < len(t.Days) && t.Days[i] {
			continue
		}
		stamped := i < len(t.Stamped) && t.Stamped[i]
		if stamped || i < len(t.Header) && timeNames.MatchString(t.name(i)) {
			column = i
			break
		}
	}
	if column < 0 {
		return -1, t.stated(), nil
	}
	x, unit := t.Columns[column], 1.0
	if column < len(t.Header) {
		if m := timeNames.FindStringSubmatch(t.name(column)); m != nil && unitsOfTime[strings.ToLower(m[1])] != 0 {
			unit = unitsOfTime[strings.ToLower(m[1])]
		}
	}
	n := len(x)
	if n < 3 || !(x[n-1] > x[0]) {
		return column, t.stated(), nil
	}
	step := (x[n-1] - x[0]) / float64(n-1)
	if unit == 1 && step == 1 { // counts samples
		return column, t.stated(), nil
	}
	// Of how many decimals the times have, two in a row may be the same or two apart.
	coarse := resolution(x, step)
	for i := 1; i < n; i++ {
		if d := x[i] - x[i-1]; d > gapSteps*step+coarse || d < -coarse/2 {
			return column, 0, bearing.Errorf(bearing.Malformed, "time_gaps", "the time column steps by %.6g s at sample %d, by %.6g s elsewhere: the recording has gaps, cut it there and send the parts by themselves", d*unit, i+1, usualStep(x, step)*unit)
		}
	}
	rate = 1 / (step * unit)
	if says := t.stated(); math.Abs(says/rate-1) < sameRate {
		return column, says, nil // with more digits than the times
	}
	if whole := 10 * math.Round(rate/10); math.Abs(rate/whole-1) < 1e-4+coarse/(x[n-1]-x[0]) {
		rate = whole // the last digit of the times, not the clock
	}
	return column, rate, nil
}

// usualStep is the step between two times in the middle of all, which a gap does not move; mean,
// where so few decimals were written that most times stand still.
func usualStep(x []float64, mean float64) float64 {
	steps := make([]float64, len(x)-1)
	for i := range steps {
		steps[i] = x[i+1] - x[i]
	}
	slices.Sort(steps)
	if middle := steps[len(steps)/2]; middle > 0 {
		return middle
	}
	return mean
}

// resolution is the last digit of times whose usual step is known: by how little two steps differ,
// or where times stand still for several samples, the step between two that differ. It is 0 where
// all steps are alike.
func resolution(x []float64, step float64) float64 {
	least, digit := math.Inf(1), math.Inf(1)
	for i := 1; i < min(len(x), 4096); i++ {
		if d := math.Abs(x[i] - x[i-1]); d > 0 {
			least = min(least, d)
		}
	}
	for i := 1; i < min(len(x), 4096); i++ {
		if off := math.Abs(math.Abs(x[i]-x[i-1]) - least); off > 1e-12*math.Abs(x[i]) && off < least/2 {
			digit = min(digit, off)
		}
	}
	switch {
	case !math.IsInf(digit, 1):
		return digit
	case least > gapSteps*step && !math.IsInf(least, 1):
		return least
	}
	return 0
}

// name is the header of a column, "" if it is too long to be one.
func (t Table) name(column int) string {
	if len(t.Header[column]) > maxRemark {
		return ""
	}
	return strings.TrimSpace(t.Header[column])
}

// stated is the rate that the lines before the table state, 0 if they do not.
func (t Table) stated() float64 {
	for _, line := range t.Preamble {
		if m := rates.FindStringSubmatch(line); m != nil {
			v := decimal(m[1])
			if m[2] != "" {
				v *= 1000
			} else if thousands.MatchString(m[1]) {
				v = decimal(thousandsMarks.Replace(m[1])) // no logger takes some ten samples a second
			}
			return v
		}
		if m := steps.FindStringSubmatch(line); m != nil {
			if v := decimal(m[1]); v > 0 {
				return 1 / v
			}
		}
	}
	return 0
}

// thousands matches a number that may have a separator of thousands, or as many decimals: 1,797.
var thousands = regexp.MustCompile(`^[1-9][0-9]{0,2}[.,][0-9]{3}$`)

// thousandsMarks takes them away.
var thousandsMarks = strings.NewReplacer(".", "", ",", "")

// decimal reads a number of a remark, with a point or a comma; of both the last is the decimal one.
func decimal(s string) float64 {
	s = strings.TrimRight(s, ".,eE+-")
	if at := strings.LastIndexAny(s, ".,"); at > 0 && strings.ContainsAny(s[:at], ".,") {
		s = thousandsMarks.Replace(s[:at]) + "." + s[at+1:]
	}
	if strings.Count(s, ",") == 1 && !strings.Contains(s, ".") {
		s = strings.Replace(s, ",", ".", 1)
	}
	v, _ := strconv.ParseFloat(s, 64)
	return v
}

// units of acceleration and velocity in headers.
var unitNames = regexp.MustCompile(`(?i)(?:^|[\s_\[(])(g|m/s2|m/s²|m/s\^2|mm/s|mm/sec)[\])]?$`)

// Unit is the unit of acceleration or velocity that the header of a column states, or for columns without a
// unit the lines before the table: g, m/s2 or mm/s, "" if none does.
func (t Table) Unit(column int) string {
	if column < 0 || column >= len(t.Header) {
		return t.remarkedUnit()
	}
	if m := unitNames.FindStringSubmatch(t.name(column)); m != nil {
		return spelt(m[1])
	}
	if strings.ContainsAny(t.name(column), "[(") { // another unit, or a remark
		return ""
	}
	return t.remarkedUnit()
}
