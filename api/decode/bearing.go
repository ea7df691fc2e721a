package decode

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"brinell/bearing"
	"brinell/internal/clamp"
)

// Bearing reads a row of the catalogue without its designation as a JSON object, as
// strictly as a window is read.
func Bearing(b []byte) (row bearing.KnownBearing, err error) {
	if i := InvalidUTF8(b); i >= 0 {
		return row, bearing.Errorf(bearing.Malformed, "invalid_utf8", "the body is not valid UTF-8").At("byte " + strconv.Itoa(i))
	}
	s := &scanner{b: b}
	if s.peek() == 0 && s.i == len(b) {
		return row, bearing.Errorf(bearing.Malformed, "body_empty", "the body is blank: send geometry or orders")
	}
	if s.peek() != '{' {
		return row, bearing.Errorf(bearing.Malformed, "json_malformed", "the body is no JSON object")
	}
	var e bearing.CatalogueEntry
	var g bearing.GeometryEntry
	var orders bool
	err = s.object("", []string{"geometry", "orders", "source", "licence"}, func(key string) (err error) {
		switch key {
		case "geometry":
			e.Geometry = &g
			return s.numbers(key, []string{"elements", "element_mm", "pitch_mm", "contact_deg"}, func(i int, v float64) error {
				if i == 0 {
					if g.Elements = clamp.Int(v, math.MinInt32, math.MaxInt32); float64(g.Elements) != v {
						return bearing.Errorf(bearing.Invalid, "wrong_type", "field geometry/elements must be a whole number").At("/geometry/elements")
					}
					return nil
				}
				*[]*float64{&g.ElementMM, &g.PitchMM, &g.ContactDeg}[i-1] = v
				return nil
			})
		case "orders":
			orders = true
			return s.numbers(key, []string{"bpfo", "bpfi", "bsf2", "ftf"}, func(i int, v float64) error {
				*[]*float64{&e.Orders.BPFO, &e.Orders.BPFI, &e.Orders.BSF2, &e.Orders.FTF}[i] = v
				return nil
			})
		case "source":
			e.Source, err = s.textField(key)
		case "licence":
			e.Licence, err = s.textField(key)
		}
		return err
	})
	if err != nil {
		return row, err
	}
	if s.peek(); s.i != len(b) {
		return row, bearing.Errorf(bearing.Malformed, "trailing_data", "something stands after the JSON object").At("byte " + strconv.Itoa(s.i))
	}
	if e.Geometry != nil && orders {
		return row, bearing.Errorf(bearing.Invalid, "bearing_invalid", "both geometry and orders: state one, the orders follow from the geometry").At("/orders")
	}
	return e.Row(), nil
}

// object reads the object that begins here, at a JSON pointer: f reads the value of
// each key, of which only keys may stand there, each once.
func (s *scanner) object(at string, keys []string, f func(key string) error) error {
	s.i++ // its bracket, which the caller has seen
	seen := make([]bool, len(keys))
	if s.peek() == '}' {
		s.i++
		return nil
	}
	for {
		key, err := s.text()
		if err != nil {
			return err
		}
		k := slices.Index(keys, key)
		if k < 0 {
			return bearing.Errorf(bearing.Malformed, "unknown_field", "field %q is not known: use %s", bearing.Clip(key), strings.Join(keys, ", ")).At(at + Pointer(key))
		}
		if seen[k] {
			return bearing.Errorf(bearing.Malformed, "duplicate_field", "field %q stands twice", key).At(at + Pointer(key))
		}
		seen[k] = true
		if s.peek() != ':' {
			return s.malformed("a colon is missing")
		}
		s.i++
		if err := f(key); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.i++
		case '}':
			s.i++
			return nil
		default:
			return s.malformed("a comma or the end of the object is missing")
		}
	}
}

// numbers reads the value of field: an object of numbers.
func (s *scanner) numbers(field string, keys []string, f func(i int, v float64) error) error {
	if s.peek() != '{' {
		return s.wrongType(field, "an object")
	}
	return s.object("/"+field, keys, func(key string) error {
		v, err := s.numberField(field + "/" + key)
		if err != nil {
			return err
		}
		return f(slices.Index(keys, key), v)
	})
}
