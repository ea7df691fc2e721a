package decode

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"brinell/bearing"
)

// Query reads the query of a URL, in which each of the known parameters may stand once,
// and no other.
func Query(query string, known ...string) (map[string]string, error) {
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
		return nil, bearing.Errorf(bearing.Invalid, "unknown_parameter", "parameter %q is not known here: %s", k, OneOf(known)).At(k)
	}
	return q, nil
}

// OneOf names what may stand where something unknown does.
func OneOf(known []string) string {
	if len(known) == 0 {
		return "there are none"
	}
	return "use " + strings.Join(known, ", ")
}

// Number reads a finite number.
func Number(q map[string]string, name string) (v float64, ok bool, err error) {
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

// Pointer is the JSON pointer to a key (RFC 6901, section 3).
func Pointer(key string) string {
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(bearing.Clip(key))
}

// InvalidUTF8 returns where the first byte stands that is no UTF-8, -1 if there is none.
func InvalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; ; {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
}
