package bearing

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// Encode writes a window in the JSON form in which windows are sent: sent again it
// is the same window, to the bit. Samples stand in the unit that was stated.
func (w *Window) Encode() ([]byte, error) {
	head, err := json.Marshal(struct {
		Sensor  string    `json:"sensor"`
		Axis    string    `json:"axis,omitempty"`
		Start   time.Time `json:"start"`
		Rate    float64   `json:"sample_rate_hz"`
		Unit    Unit      `json:"unit"`
		RPM     float64   `json:"shaft_speed_rpm,omitempty"`
		Bearing string    `json:"bearing,omitempty"`
	}{w.Sensor, w.Axis, w.Start, w.SampleRate, w.Unit, RPM(w.ShaftSpeed), w.Bearing})
	if err != nil {
		return nil, err
	}
	const sampleBytes = 15 // that a number and its comma take at most
	b := append(make([]byte, 0, len(head)+sampleBytes*len(w.Samples)+16), head[:len(head)-1]...)
	b = append(b, `,"samples":[`...)
	for i, v := range w.Samples {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, float64(w.Unit.Stated(v)), 'g', -1, 32)
	}
	return append(b, "]}\n"...), nil
}

// Stated returns a sample, which is in the unit of Inside, in u itself: of m/s², a value
// that stated so becomes v in g. There is one if v was stated so, and it is at most a few
// steps from the product.
func (u Unit) Stated(v float32) float32 {
	if u != MetresPerSec2 {
		return v
	}
	x := float32(float64(v) * StandardGravity)
	for _, to := range []float32{float32(math.Inf(1)), float32(math.Inf(-1))} {
		for y, i := x, 0; i < 4; y, i = math.Nextafter32(y, to), i+1 {
			if float32(float64(y)/StandardGravity) == v {
				return y
			}
		}
	}
	return x
}
