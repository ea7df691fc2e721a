package bearing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
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
	Segments      int       `json:"segments"` // network inputs pooled into the answer
	Duplicate     bool      `json:"duplicate,omitempty"`
}

// ModelRef names the model that answered.
type ModelRef struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"` // SHA-256 of the tensor bytes, hex
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
	b := make([]byte, 0, 2+len(v)*40)
	b = append(b, '{')
	for i, x := range v {
		if i > 0 {
			b = append(b, ',')
		}
		if x.Value-x.Value != 0 {
			return nil, fmt.Errorf("value %q is %v", x.Name, x.Value)
		}
		b = strconv.AppendQuote(b, x.Name)
		b = append(b, ':')
		b = strconv.AppendFloat(b, x.Value, 'g', -1, 64)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads an object of numbers and keeps its order.
func (v *Values) UnmarshalJSON(b []byte) error {
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
