package api

import (
	"encoding/binary"
	"math"
	"net/url"
	"strconv"

	"brinell/internal/bearing"
)

// decodeRaw reads samples as little-endian numbers, with the other fields as
// query parameters: float32, or with dtype=i16le int16 counts of scale units.
func decodeRaw(query string, body []byte) (fields, error) {
	var f fields
	q, err := parseQuery(query, "start", "sample_rate_hz", "unit", "shaft_speed_rpm", "bearing", "axis", "dtype", "scale")
	if err != nil {
		return f, err
	}
	f.start, f.unit, f.bearing, f.axis = q["start"], q["unit"], q["bearing"], q["axis"]
	if f.rate, _, err = numberParameter(q, "sample_rate_hz"); err != nil {
		return f, err
	}
	if f.rpm, f.hasRPM, err = numberParameter(q, "shaft_speed_rpm"); err != nil {
		return f, err
	}
	scale, hasScale, err := numberParameter(q, "scale")
	if err != nil {
		return f, err
	}
	switch q["dtype"] {
	case "", "f32le":
		if hasScale {
			return f, bearing.Errorf(bearing.Invalid, "parameter_invalid", "scale goes with dtype=i16le only").At("scale")
		}
		f.samples, err = float32s(body)
	case "i16le":
		if !hasScale {
			return f, bearing.Errorf(bearing.Invalid, "scale_missing", "dtype=i16le needs scale, the value of one count in units").At("scale")
		}
		if scale == 0 {
			return f, bearing.Errorf(bearing.Invalid, "scale_not_finite", "scale must not be 0").At("scale")
		}
		f.samples, err = int16s(body, scale)
	default:
		return f, bearing.Errorf(bearing.Unsupported, "dtype_unsupported", "dtype %q is not read: use f32le or i16le", bearing.Clip(q["dtype"])).At("dtype")
	}
	return f, err
}

func float32s(b []byte) ([]float32, error) {
	if len(b)%4 != 0 {
		return nil, lengthMismatch(len(b), 4)
	}
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x, nil
}

func int16s(b []byte, scale float64) ([]float32, error) {
	if len(b)%2 != 0 {
		return nil, lengthMismatch(len(b), 2)
	}
	x := make([]float32, len(b)/2)
	for i := range x {
		x[i] = float32(float64(int16(binary.LittleEndian.Uint16(b[2*i:]))) * scale)
	}
	return x, nil
}

func lengthMismatch(n, width int) error {
	return bearing.Errorf(bearing.Malformed, "length_mismatch", "%d bytes are no whole number of samples of %d bytes", n, width)
}

// parseQuery reads a query in which each of the known parameters may stand once,
// and no other.
func parseQuery(query string, known ...string) (map[string]string, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, bearing.Errorf(bearing.Invalid, "parameter_invalid", "the query cannot be read: %s", bearing.Clip(err.Error()))
	}
	q := make(map[string]string)
	for _, k := range known {
		if v := values[k]; len(v) > 1 {
			return nil, bearing.Errorf(bearing.Invalid, "duplicate_parameter", "parameter %s stands %d times", k, len(v)).At(k)
		} else if len(v) == 1 {
			q[k] = v[0]
		}
		delete(values, k)
	}
	for k := range values {
		return nil, bearing.Errorf(bearing.Invalid, "unknown_parameter", "parameter %q is not known here", bearing.Clip(k))
	}
	return q, nil
}

// numberParameter reads a finite number.
func numberParameter(q map[string]string, name string) (v float64, ok bool, err error) {
	s, ok := q[name]
	if !ok {
		return 0, false, nil
	}
	v, perr := strconv.ParseFloat(s, 64)
	if perr != nil || v-v != 0 {
		return 0, true, bearing.Errorf(bearing.Invalid, "parameter_invalid", "parameter %s: %q is no finite number", name, bearing.Clip(s)).At(name)
	}
	return v, true, nil
}
