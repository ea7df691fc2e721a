package api

import (
	"encoding/binary"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"brinell/bearing"
)

// decodeRaw reads samples as little-endian numbers, with the other fields as
// query parameters: float32, or with dtype=i16le int16 counts of scale units.
//
// float32 samples share memory with body where the machine has them in the same
// form; others are put into what room returns.
func decodeRaw(query string, body []byte, maxSamples int, room func(int) []float32) (fields, error) {
	q, err := parseQuery(query, "start", "sample_rate_hz", "unit", "shaft_speed_rpm", "bearing", "axis", "dtype", "scale")
	if err != nil {
		return fields{}, err
	}
	f, err := fieldsIn(q)
	if err != nil {
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
		f.samples, err = float32s(body, maxSamples, room)
	case "i16le":
		if !hasScale {
			return f, bearing.Errorf(bearing.Invalid, "scale_missing", "dtype=i16le needs scale, the value of one count in units").At("scale")
		}
		if scale == 0 {
			return f, bearing.Errorf(bearing.Invalid, "scale_not_finite", "scale must not be 0").At("scale")
		}
		f.samples, err = int16s(body, scale, maxSamples, room)
	default:
		return f, bearing.Errorf(bearing.Unsupported, "dtype_unsupported", "dtype %q is not read: use f32le or i16le", bearing.Clip(q["dtype"])).At("dtype")
	}
	return f, err
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

func float32s(b []byte, maxSamples int, room func(int) []float32) ([]float32, error) {
	n, err := samplesIn(b, 4, maxSamples)
	if err != nil {
		return nil, err
	}
	if x := floatsOf(b); x != nil && littleEndian {
		return x, nil
	}
	x := room(n)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x, nil
}

func int16s(b []byte, scale float64, maxSamples int, room func(int) []float32) ([]float32, error) {
	n, err := samplesIn(b, 2, maxSamples)
	if err != nil {
		return nil, err
	}
	x := room(n)
	for i := range x {
		x[i] = float32(float64(int16(binary.LittleEndian.Uint16(b))) * scale)
		b = b[2:]
	}
	return x, nil
}

// samplesIn returns how many samples of that many bytes b holds, 0 with an error.
func samplesIn(b []byte, width, maxSamples int) (int, error) {
	switch n := len(b) / width; {
	case len(b)%width != 0:
		return 0, bearing.Errorf(bearing.Malformed, "length_mismatch", "%d bytes are no whole number of samples of %d bytes", len(b), width)
	case n > maxSamples:
		return 0, tooLong(maxSamples)
	default:
		return n, nil
	}
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
	if len(values) > 0 {
		k := bearing.Clip(slices.Min(slices.Collect(maps.Keys(values))))
		return nil, bearing.Errorf(bearing.Invalid, "unknown_parameter", "parameter %q is not known here: %s", k, oneOf(known)).At(k)
	}
	return q, nil
}

// oneOf names what may stand where something unknown does.
func oneOf(known []string) string {
	if len(known) == 0 {
		return "there are none"
	}
	return "use " + strings.Join(known, ", ")
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
