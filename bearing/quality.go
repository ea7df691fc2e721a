package bearing

// Quality is what the signal of a window is worth.
type Quality struct {
	Level QualityLevel `json:"level"`
	Flags []Flag       `json:"flags"`
}

// QualityLevel is a grade of Quality.
type QualityLevel string

// The levels. An unusable window has no fault.
const (
	Good     QualityLevel = "good"
	Degraded QualityLevel = "degraded"
	Unusable QualityLevel = "unusable"
)

// Flag is one reason for a level: what was measured, against which limit.
type Flag struct {
	Code  string  `json:"code"`
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
	Note  string  `json:"note"`
}

// Codes of flags about a window's time: it begins after it was received; it is so far
// behind its sensor's newest one that it has no part in its state; a clock was set back, and
// the order of the sensor's windows begins anew with it.
const (
	ClockSkew = "clock_skew"
	Late      = "late"
	ClockBack = "clock_back"
)

// Has reports whether a flag of that code is set.
func (q Quality) Has(code string) bool {
	for _, f := range q.Flags {
		if f.Code == code {
			return true
		}
	}
	return false
}
