package decode

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"brinell/bearing"
)

// JSON reads a window as a JSON object. It is stricter than encoding/json,
// which takes null for 0, the last of two equal keys, keys in any case, and
// replaces what is not UTF-8: each of these would change a measurement silently.
//
// Its time and memory are bounded by the length of b and by maxSamples. The
// samples are put into what room returns, and nothing shares memory with b.
func JSON(b []byte, maxSamples int, room func(int) []float32) (f Fields, err error) {
	if i := InvalidUTF8(b); i >= 0 {
		return f, bearing.Errorf(bearing.Malformed, "invalid_utf8", "the body is not valid UTF-8").At("byte " + strconv.Itoa(i))
	}
	s := &scanner{b: b, maxSamples: maxSamples, room: room}
	if s.peek() == 0 && s.i == len(b) {
		return f, bearing.Errorf(bearing.Malformed, "body_empty", "the body is blank: send a window")
	}
	if s.peek() != '{' {
		return f, bearing.Errorf(bearing.Malformed, "json_malformed", "the body is no JSON object")
	}
	s.i++
	var seen [len(windowKeys)]bool
	for first := true; ; first = false {
		if s.peek() == '}' && first {
			break
		}
		key, err := s.text()
		if err != nil {
			return f, err
		}
		// A key that is not known is refused where it first stands.
		if k := slices.Index(windowKeys[:], key); k >= 0 {
			if seen[k] {
				return f, bearing.Errorf(bearing.Malformed, "duplicate_field", "field %q stands twice", key).At(Pointer(key))
			}
			seen[k] = true
		}
		if s.peek() != ':' {
			return f, s.malformed("a colon is missing")
		}
		s.i++
		if err := s.field(&f, key); err != nil {
			return f, err
		}
		c := s.peek()
		if c != ',' && c != '}' {
			return f, s.malformed("a comma or the end of the object is missing")
		}
		if c == '}' {
			break
		}
		s.i++
	}
	s.i++
	if s.peek(); s.i != len(b) {
		return f, bearing.Errorf(bearing.Malformed, "trailing_data", "something stands after the JSON object").At("byte " + strconv.Itoa(s.i))
	}
	return f, nil
}

// windowKeys are the fields of a window.
var windowKeys = [...]string{"sensor", "start", "unit", "bearing", "axis", "sample_rate_hz", "shaft_speed_rpm", "samples"}

// field reads the value of a key.
func (s *scanner) field(f *Fields, key string) (err error) {
	switch key {
	case "sensor":
		f.Sensor, err = s.textField(key)
	case "start":
		f.Start, err = s.textField(key)
	case "unit":
		f.Unit, err = s.textField(key)
	case "bearing":
		f.Bearing, err = s.textField(key)
	case "axis":
		f.Axis, err = s.textField(key)
	case "sample_rate_hz":
		f.SampleRate, err = s.numberField(key)
	case "shaft_speed_rpm":
		f.HasSpeed = true
		f.SpeedRPM, err = s.numberField(key)
	case "samples":
		f.Samples, err = s.samples()
	default:
		err = bearing.Errorf(bearing.Malformed, "unknown_field", "field %q is not known: use sensor, start, sample_rate_hz, unit, shaft_speed_rpm, bearing, axis, samples", bearing.Clip(key)).At(Pointer(key))
	}
	return err
}

func (s *scanner) textField(key string) (string, error) {
	if s.peek() != '"' {
		return "", s.wrongType(key, "a string")
	}
	return s.text()
}

func (s *scanner) numberField(key string) (float64, error) {
	if !startsNumber(s.peek()) {
		return 0, s.wrongType(key, "a number")
	}
	tok, err := s.number()
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(tok, 64)
	if err != nil {
		return 0, bearing.Errorf(bearing.Invalid, "number_out_of_range", "%s does not fit a 64-bit float", key).At("/" + key)
	}
	return v, nil
}

// wrongType reports a value of another type than the field has; bytes that begin
// no JSON value at all are malformed.
func (s *scanner) wrongType(key, want string) error {
	if !s.startsValue() {
		return s.malformed("a value is missing")
	}
	return bearing.Errorf(bearing.Invalid, "wrong_type", "field %s must be %s", key, want).At("/" + key)
}

// samples reads an array of numbers, each rounded to the nearest float32.
func (s *scanner) samples() ([]float32, error) {
	if s.peek() != '[' {
		return nil, s.wrongType("samples", "an array of numbers")
	}
	s.i++
	x := s.room(min(s.commas()+1, s.maxSamples))[:0]
	if s.peek() == ']' {
		s.i++
		return x, nil
	}
	for {
		n, next := readFloats(x[len(x):cap(x)], s.b, s.i)
		x, s.i = x[:len(x)+n], next
		if !startsNumber(s.peek()) {
			return nil, s.badSample(len(x))
		}
		if len(x) == s.maxSamples {
			return nil, tooLong(s.maxSamples)
		}
		tok, err := s.number()
		if err != nil {
			return nil, err
		}
		v, err := strconv.ParseFloat(tok, 32)
		if err != nil {
			return nil, bearing.Errorf(bearing.Invalid, "number_out_of_range", "sample %d does not fit a 32-bit float", len(x)).At("/samples/" + strconv.Itoa(len(x)))
		}
		x = append(x, float32(v))
		switch s.peek() {
		case ',':
			s.i++
		case ']':
			s.i++
			return x, nil
		default:
			return nil, s.malformed("a comma or the end of the samples is missing")
		}
	}
}

// commas bounds the commas of the array that begins here: those up to the next
// bracket, of which no more count than there is room for with one digit each.
func (s *scanner) commas() int {
	b := s.b[s.i:]
	if end := bytes.IndexByte(b, ']'); end >= 0 {
		b = b[:end]
	}
	return min(bytes.Count(b, []byte{','}), len(b)/2)
}

func (s *scanner) badSample(i int) error {
	switch {
	case s.literal("null"):
		return bearing.Errorf(bearing.Invalid, "sample_missing", "sample %d is null: send windows without gaps", i).At("/samples/" + strconv.Itoa(i))
	case !s.startsValue():
		return s.malformed("a sample is missing")
	}
	return bearing.Errorf(bearing.Invalid, "sample_not_number", "sample %d is no number", i).At("/samples/" + strconv.Itoa(i))
}

// scanner walks over JSON text that is valid UTF-8.
type scanner struct {
	b          []byte
	i          int
	maxSamples int
	room       func(int) []float32
}

func (s *scanner) malformed(what string) error {
	return bearing.Errorf(bearing.Malformed, "json_malformed", "the body is not JSON: %s", what).At("byte " + strconv.Itoa(s.i))
}

// peek skips blanks and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for s.i < len(s.b) {
		c := s.b[s.i]
		if !isBlank(c) {
			return c
		}
		s.i++
	}
	return 0
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func startsNumber(c byte) bool { return c == '-' || c >= '0' && c <= '9' }

// startsValue reports whether a JSON value begins here.
func (s *scanner) startsValue() bool {
	switch c := s.peek(); c {
	case '"', '{', '[':
		return true
	default:
		return startsNumber(c) || s.literal("true") || s.literal("false") || s.literal("null")
	}
}

func (s *scanner) literal(word string) bool {
	return len(s.b)-s.i >= len(word) && string(s.b[s.i:s.i+len(word)]) == word
}

// maxToken bounds a number: 64 characters hold any float exactly enough.
const maxToken = 64

// number returns the token of a number by JSON's grammar. It shares memory with
// the body.
func (s *scanner) number() (string, error) {
	from := s.i
	digits := func() bool {
		n := s.i
		for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
			s.i++
		}
		return s.i > n
	}
	next := func(c byte) bool {
		if s.i < len(s.b) && s.b[s.i] == c {
			s.i++
			return true
		}
		return false
	}
	next('-')
	if !next('0') && !digits() { // no leading zeros
		return "", s.malformed("a number has no digits")
	}
	if next('.') && !digits() {
		return "", s.malformed("a number has no digits after its point")
	}
	if next('e') || next('E') {
		if !next('+') {
			next('-')
		}
		if !digits() {
			return "", s.malformed("a number has no digits in its exponent")
		}
	}
	if s.i-from > maxToken {
		return "", bearing.Errorf(bearing.Invalid, "number_out_of_range", "a number of %d characters, at most %d are read", s.i-from, maxToken).At("byte " + strconv.Itoa(from))
	}
	// The body is not written to while the token lives.
	return unsafe.String(&s.b[from], s.i-from), nil
}

// text returns the string that begins here, its escapes resolved.
func (s *scanner) text() (string, error) {
	if s.peek() != '"' {
		return "", s.malformed("a string is missing")
	}
	s.i++
	from := s.i
	for s.i < len(s.b) && s.b[s.i] != '"' && s.b[s.i] != '\\' && s.b[s.i] >= ' ' {
		s.i++
	}
	if s.i < len(s.b) && s.b[s.i] == '"' {
		s.i++
		return string(s.b[from : s.i-1]), nil
	}
	out := slices.Clone(s.b[from:s.i])
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return string(out), nil
		case c < ' ':
			return "", s.malformed("a control character in a string")
		case c != '\\':
			out = append(out, c)
			s.i++
		default:
			var err error
			if out, err = s.escape(out); err != nil {
				return "", err
			}
		}
	}
	return "", s.malformed("a string does not end")
}

func (s *scanner) escape(out []byte) ([]byte, error) {
	const plain, means = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if s.i+1 < len(s.b) {
		for k := range plain {
			if s.b[s.i+1] == plain[k] {
				s.i += 2
				return append(out, means[k]), nil
			}
		}
	}
	r, ok := s.unicode()
	if !ok {
		return nil, s.malformed("an unknown escape")
	}
	if utf16.IsSurrogate(r) {
		low, ok := s.unicode()
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return nil, bearing.Errorf(bearing.Malformed, "invalid_utf8", "half of a surrogate pair").At("byte " + strconv.Itoa(s.i))
		}
	}
	return utf8.AppendRune(out, r), nil
}

// unicode reads \uXXXX.
func (s *scanner) unicode() (rune, bool) {
	if len(s.b)-s.i < 6 || s.b[s.i] != '\\' || s.b[s.i+1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(s.b[s.i+2:s.i+6]), 16, 32)
	if err != nil {
		return 0, false
	}
	s.i += 6
	return rune(v), true
}
