package bearing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// Diagnosis is the stored answer to one window, in the form in which the API
// gives it. Keys are added over time, none is renamed.
type Diagnosis struct {
	ID            string    `json:"id"`
	Sensor        string    `json:"sensor"`
	Axis          string    `json:"axis"`
	Start         time.Time `json:"start"`
	ReceivedAt    time.Time `json:"received_at"`
	SampleRate    float64   `json:"sample_rate_hz"`
	SampleCount   int       `json:"sample_count"`
	Unit          Unit      `json:"unit"`
	ShaftSpeedRPM float64   `json:"shaft_speed_rpm,omitempty"`
	Bearing       string    `json:"bearing,omitempty"`
	Fault         Fault     `json:"fault"`
	Probabilities Values    `json:"probabilities"`
	Features      Values    `json:"features"`
	Model         ModelRef  `json:"model"`
	Segments      int       `json:"segments"` // stretches of the window that the network judged
	Duplicate     bool      `json:"duplicate,omitempty"`

	Quality   Quality   `json:"quality"`
	Verdict   Verdict   `json:"verdict"`
	Witnesses Witnesses `json:"witnesses"`
	State     State     `json:"state"`

	Provenance Provenance `json:"provenance,omitzero"`

	Alarms []AlarmRef `json:"alarms,omitempty" doc:"that are open after this window"`
}

// Provenance says, with Model, what an answer came from, so that it can be given again.
type Provenance struct {
	Build       string `json:"build" doc:"version and revision of the program"`
	FeatureList string `json:"feature_list" doc:"hash of names and definitions of the features"`
	Input       string `json:"input_sha256" doc:"of samples (g, little-endian float32), rate, speed, unit and bearing of the window"`
}

// At is when the window stands in the order of its sensor's windows: at its start, or where
// the clock of the sensor ran ahead, when it was received.
func (d *Diagnosis) At() time.Time {
	if d.Quality.Has(ClockSkew) {
		return d.ReceivedAt
	}
	return d.Start
}

// Complete returns the window w of d with the bearing and the speed that were registered of its
// sensor when it was judged, where it states none itself: so it is judged alike elsewhere.
func (d *Diagnosis) Complete(w *Window) *Window {
	e := d.Witnesses.Envelope
	full := *w
	if full.Bearing == "" {
		full.Bearing = e.Bearing
	}
	if full.ShaftSpeed == 0 && e.SpeedSource == SpeedRegistered {
		full.ShaftSpeed = e.SpeedHz
	}
	return &full
}

// Stated returns w without what Complete has put into it: the window of which d is the diagnosis,
// if the samples agree.
func (d *Diagnosis) Stated(w *Window) *Window {
	e := d.Witnesses.Envelope
	bare := *w
	if d.Bearing == "" && w.Bearing == e.Bearing {
		bare.Bearing = ""
	}
	if d.ShaftSpeedRPM == 0 && e.SpeedSource == SpeedRegistered && math.Abs(w.ShaftSpeed-e.SpeedHz) <= 1e-9*e.SpeedHz {
		bare.ShaftSpeed = 0
	}
	return &bare
}

// Encode returns what json.Marshal returns for d, in half the time: that reads
// each list again, byte by byte, after its MarshalJSON. Here the lists are put
// into the rest, which has them empty. Their keys stand nowhere else in it, since
// JSON escapes quotes in text.
func (d Diagnosis) Encode() ([]byte, error) {
	lists := []struct {
		empty  string
		values Values
	}{{`"probabilities":{}`, d.Probabilities}, {`"features":{}`, d.Features}}
	bare := d
	bare.Probabilities, bare.Features = nil, nil
	rest, err := json.Marshal(bare)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(rest)+40*(len(lists[0].values)+len(lists[1].values)))
	for _, l := range lists {
		i := bytes.Index(rest, []byte(l.empty))
		if i < 0 { // the fields are others by now
			return json.Marshal(d)
		}
		i += len(l.empty) - len("{}")
		b = append(b, rest[:i]...)
		if b, err = l.values.appendJSON(b); err != nil {
			return nil, err
		}
		rest = rest[i+len("{}"):]
	}
	return append(b, rest...), nil
}

// ModelRef names the model that answered.
type ModelRef struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"` // SHA-256 of the tensor bytes, hex

	// Representation is what the model reads of a window, with the version of the constants
	// behind it, "lines@cc38ae7d7f28".
	Representation string `json:"representation,omitempty"`
}

// Value is a named number.
type Value struct {
	Name  string
	Value float64
}

// Values is an ordered list of named finite numbers. In JSON it is an object
// whose keys keep the order.
type Values []Value

// Get returns the value of that name.
func (v Values) Get(name string) (float64, bool) {
	for _, x := range v {
		if x.Name == name {
			return x.Value, true
		}
	}
	return 0, false
}

// MarshalJSON writes an object in list order. NaN and Inf have no JSON form and
// are an error.
func (v Values) MarshalJSON() ([]byte, error) {
	return v.appendJSON(make([]byte, 0, 2+len(v)*40))
}

func (v Values) appendJSON(b []byte) ([]byte, error) {
	b = append(b, '{')
	for i, x := range v {
		if i > 0 {
			b = append(b, ',')
		}
		if x.Value-x.Value != 0 {
			return nil, fmt.Errorf("value %q is %v", x.Name, x.Value)
		}
		if IsName(x.Name) { // needs no escapes
			b = append(append(append(b, '"'), x.Name...), '"')
		} else {
			name, err := json.Marshal(x.Name)
			if err != nil {
				return nil, err
			}
			b = append(b, name...)
		}
		b = append(b, ':')
		b = strconv.AppendFloat(b, x.Value, 'g', -1, 64)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads an object of numbers and keeps its order.
func (v *Values) UnmarshalJSON(b []byte) error {
	if x, ok := parseValues(b); ok {
		*v = x
		return nil
	}
	return v.decode(b)
}

// parseValues reads an object of numbers as this program writes it: no spaces, no
// escapes. Of all else ok is false. A sensor's history has a hundred values in each of
// thousands of diagnoses.
func parseValues(b []byte) (v Values, ok bool) {
	if len(b) < 2 || b[0] != '{' || b[len(b)-1] != '}' {
		return nil, false
	}
	b = b[1 : len(b)-1]
	v = make(Values, 0, bytes.Count(b, []byte{','})+1)
	for len(b) > 0 {
		if b[0] != '"' {
			return nil, false
		}
		end := bytes.IndexByte(b[1:], '"') + 1
		if end < 1 || end+1 >= len(b) || b[end+1] != ':' || bytes.IndexByte(b[:end], '\\') >= 0 || !utf8.Valid(b[:end]) {
			return nil, false
		}
		name, rest := string(b[1:end]), b[end+2:]
		n := bytes.IndexByte(rest, ',')
		if n < 0 {
			n = len(rest)
		} else if n+1 == len(rest) {
			return nil, false
		}
		// What ParseFloat takes and JSON does not (0x1p-2, Inf, 1_000, +1, .5) begins with
		// none of these or has a letter.
		num := rest[:n]
		if n == 0 || num[0] != '-' && (num[0] < '0' || num[0] > '9') || len(bytes.Trim(num, "0123456789.eE+-")) > 0 {
			return nil, false
		}
		x, err := strconv.ParseFloat(string(num), 64)
		if err != nil {
			return nil, false
		}
		v = append(v, Value{name, x})
		b = rest[min(n+1, len(rest)):]
	}
	return v, true
}

func (v *Values) decode(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return fmt.Errorf("values: want an object, have %v", t)
	}
	*v = Values{}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return err
		}
		var x float64
		if err := d.Decode(&x); err != nil {
			return fmt.Errorf("values: %v: %w", k, err)
		}
		*v = append(*v, Value{k.(string), x})
	}
	return nil
}
