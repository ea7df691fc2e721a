package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"brinell/api/decode"
	"brinell/bearing"
)

// maxDepth is how deep the values of a document may lie in each other.
const maxDepth = 8

// decodeStrict reads a JSON object into v, a pointer to a struct. encoding/json alone
// would take keys in any case, the last of several, null for anything and what stands
// after the end: each of these is an error here.
func decodeStrict(b []byte, v any) error {
	if i := decode.InvalidUTF8(b); i >= 0 {
		return bearing.Errorf(bearing.Malformed, "invalid_utf8", "the body is not valid UTF-8").At("byte " + strconv.Itoa(i))
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return bearing.Errorf(bearing.Malformed, "body_empty", "the body is blank: send a JSON object")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := checkValue(dec, reflect.TypeOf(v).Elem(), "", 0); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return bearing.Errorf(bearing.Malformed, "trailing_data", "something stands after the JSON object").At("byte " + strconv.FormatInt(dec.InputOffset(), 10))
	}
	if err := json.Unmarshal(b, v); err != nil {
		if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return bearing.Errorf(bearing.Invalid, "wrong_type", "field %s must be %s, it is a JSON %s", bearing.Clip(e.Field), jsonType(e.Type), e.Value).At("/" + strings.ReplaceAll(e.Field, ".", "/"))
		}
		return bearing.Errorf(bearing.Invalid, "wrong_type", "the body cannot be read: %s", bearing.Clip(err.Error()))
	}
	return nil
}

// checkValue reads one value that is to become a t, at a JSON pointer.
func checkValue(dec *json.Decoder, t reflect.Type, at string, depth int) error {
	tok, err := dec.Token()
	if err != nil {
		return bearing.Errorf(bearing.Malformed, "json_malformed", "the body is not JSON").At("byte " + strconv.FormatInt(dec.InputOffset(), 10))
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch tok {
	case nil:
		return bearing.Errorf(bearing.Invalid, "wrong_type", "null stands for nothing here: leave the field out").At(at)
	case json.Delim('{'), json.Delim('['):
		if depth == maxDepth {
			return bearing.Errorf(bearing.Malformed, "json_too_deep", "values lie deeper in each other than %d", maxDepth).At(at)
		}
		if tok == json.Delim('[') {
			return checkArray(dec, t, at, depth)
		}
		return checkObject(dec, t, at, depth)
	}
	if depth == 0 {
		return bearing.Errorf(bearing.Malformed, "json_malformed", "the body is no JSON object")
	}
	return nil
}

func checkArray(dec *json.Decoder, t reflect.Type, at string, depth int) error {
	if depth == 0 {
		return bearing.Errorf(bearing.Malformed, "json_malformed", "the body is no JSON object")
	}
	var elem reflect.Type
	if t != nil && t.Kind() == reflect.Slice {
		elem = t.Elem()
	}
	for i := 0; dec.More(); i++ {
		if err := checkValue(dec, elem, at+"/"+strconv.Itoa(i), depth+1); err != nil {
			return err
		}
	}
	return closed(dec)
}

func checkObject(dec *json.Decoder, t reflect.Type, at string, depth int) error {
	known := fieldsOf(t)
	seen := make(map[string]bool)
	for dec.More() {
		tok, err := dec.Token()
		key, ok := tok.(string)
		if err != nil || !ok {
			return bearing.Errorf(bearing.Malformed, "json_malformed", "the body is not JSON").At("byte " + strconv.FormatInt(dec.InputOffset(), 10))
		}
		if seen[key] {
			return bearing.Errorf(bearing.Malformed, "duplicate_field", "field %q stands twice", bearing.Clip(key)).At(at + decode.Pointer(key))
		}
		seen[key] = true
		field, ok := known[key]
		if known != nil && !ok {
			return bearing.Errorf(bearing.Malformed, "unknown_field", "field %q is not known here: %s", bearing.Clip(key), decode.OneOf(slices.Sorted(maps.Keys(known)))).At(at + decode.Pointer(key))
		}
		if err := checkValue(dec, field, at+decode.Pointer(key), depth+1); err != nil {
			return err
		}
	}
	return closed(dec)
}

func closed(dec *json.Decoder) error {
	if _, err := dec.Token(); err != nil {
		return bearing.Errorf(bearing.Malformed, "json_malformed", "the body ends early, or a comma or a bracket is wrong").At("byte " + strconv.FormatInt(dec.InputOffset(), 10))
	}
	return nil
}

// fieldsOf returns the types of a struct's fields by their names in JSON, nil for what
// is no struct that JSON reads field by field.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if t == nil || t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	known := make(map[string]reflect.Type)
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "" && name != "-" {
			known[name] = t.Field(i).Type
		}
	}
	return known
}

// jsonType says what JSON a field of a type takes.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "an array"
	}
	return "an object"
}
