package rig

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// replaced is the good body with something in place of a part of it.
func replaced(old, new string) string {
	if !strings.Contains(goodJSON, old) {
		panic(old)
	}
	return strings.Replace(goodJSON, old, new, 1)
}

func jsonAttacks() (out []attack) {
	for _, c := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"nothing", "", 400, "body_empty"},
		{"blanks", " \n\t", 400, "body_empty"},
		{"words", "hello", 400, "json_malformed"},
		{"null", "null", 400, "json_malformed"},
		{"an array", "[]", 400, "json_malformed"},
		{"a number", "17", 400, "json_malformed"},
		{"a text", `"window"`, 400, "json_malformed"},
		{"cut in the samples", goodJSON[:len(goodJSON)-3], 400, "json_malformed"},
		{"cut in a key", goodJSON[:5], 400, "json_malformed"},
		{"no colon", replaced(`"unit":`, `"unit"`), 400, "json_malformed"},
		{"no comma", replaced(`"g",`, `"g" `), 400, "json_malformed"},
		{"comma at the end", replaced("3]}", "3],}"), 400, "json_malformed"},
		{"comma after the samples", replaced("3]", "3,]"), 400, "json_malformed"},
		{"two commas", replaced("0.1,", "0.1,,"), 400, "json_malformed"},
		{"key without quotes", replaced(`"unit"`, `unit`), 400, "json_malformed"},
		{"single quotes", replaced(`"unit":"g"`, `'unit':'g'`), 400, "json_malformed"},
		{"comment", replaced(`"unit"`, `/* */"unit"`), 400, "json_malformed"},
		{"control character in text", replaced(`"g"`, "\"\x01\""), 400, "json_malformed"},
		{"line feed in text", replaced(`"g"`, "\"g\n\""), 400, "json_malformed"},
		{"unknown escape", replaced(`"g"`, `"\x"`), 400, "json_malformed"},
		{"escape without digits", replaced(`"g"`, `"\u12"`), 400, "json_malformed"},
		{"NaN", replaced("-2e-3", "NaN"), 400, "json_malformed"},
		{"minus infinity", replaced("-2e-3", "-Infinity"), 400, "json_malformed"},
		{"leading zero", replaced("0.1", "-01"), 400, "json_malformed"},
		{"leading plus", replaced("0.1", "+0.1"), 400, "json_malformed"},
		{"bare point", replaced("0.1", "1."), 400, "json_malformed"},
		{"point first", replaced("0.1", ".1"), 400, "json_malformed"},
		{"exponent without digits", replaced("-2e-3", "2e"), 400, "json_malformed"},
		{"hexadecimal", replaced("0.1", "0x1"), 400, "json_malformed"},
		{"digits with underscores", replaced("12000", "12_000"), 400, "json_malformed"},
		{"byte order mark", "\xef\xbb\xbf" + goodJSON, 400, "json_malformed"},
		{"NUL first", "\x00" + goodJSON, 400, "json_malformed"},
		{"UTF-16", utf16(goodJSON), 400, "invalid_utf8"},
		{"second object", goodJSON + "{}", 400, "trailing_data"},
		{"bracket behind", goodJSON + "]", 400, "trailing_data"},
		{"NUL behind", goodJSON + "\x00", 400, "trailing_data"},
		{"field twice", replaced(`"axis":"x"`, `"unit":"g"`), 400, "duplicate_field"},
		{"field twice, once escaped", replaced(`"axis":"x"`, `"\u0075nit":"g"`), 400, "duplicate_field"},
		{"samples twice", replaced(`"axis":"x"`, `"samples":[]`), 400, "duplicate_field"},
		{"field in capitals", replaced(`"axis"`, `"AXIS"`), 400, "unknown_field"},
		{"long s", replaced(`"axis"`, `"axiſ"`), 400, "unknown_field"},
		{"own id", replaced(`"axis":"x"`, `"id":1`), 400, "unknown_field"},
		{"own diagnosis", replaced(`"axis":"x"`, `"fault":"normal"`), 400, "unknown_field"},
		{"prototype", replaced(`"axis":"x"`, `"__proto__":{}`), 400, "unknown_field"},
		{"deep unknown field", replaced(`"axis":"x"`, `"a":`+strings.Repeat(`{"a":`, 9000)+"1"+strings.Repeat("}", 9000)), 400, "unknown_field"},
		{"broken UTF-8", replaced(`6205-2RS`, "\xff"), 400, "invalid_utf8"},
		{"overlong UTF-8", replaced(`6205-2RS`, "\xc0\xaf"), 400, "invalid_utf8"},
		{"half a surrogate", replaced(`6205-2RS`, `\ud800`), 400, "invalid_utf8"},
		{"surrogates in the wrong order", replaced(`6205-2RS`, `\udc00\ud800`), 400, "invalid_utf8"},
		{"null for a sample", replaced("-2e-3", "null"), 422, "sample_missing"},
		{"text for a sample", replaced("-2e-3", `"1"`), 422, "sample_not_number"},
		{"true for a sample", replaced("-2e-3", "true"), 422, "sample_not_number"},
		{"object for a sample", replaced("-2e-3", "{}"), 422, "sample_not_number"},
		{"list for a sample", replaced("0.1", "[0.1]"), 422, "sample_not_number"},
		{"lists without end for a sample", replaced("0.1", strings.Repeat("[", 20_000)), 422, "sample_not_number"},
		{"sample beyond float32", replaced("-2e-3", "1e39"), 422, "number_out_of_range"},
		{"sample of ten thousand digits", replaced("-2e-3", strings.Repeat("1", 10_000)), 422, "number_out_of_range"},
		{"sample with ten thousand decimals", replaced("-2e-3", "0."+strings.Repeat("3", 10_000)), 422, "number_out_of_range"},
		{"sample beyond any acceleration", replaced("3]", "3,2E+9]"), 422, "sample_out_of_range"},
		{"rate beyond float64", replaced("12000", "1e400"), 422, "number_out_of_range"},
		{"text for the samples", replaced("[0.1,-2e-3,3]", `"abc"`), 422, "wrong_type"},
		{"null for the samples", replaced("[0.1,-2e-3,3]", `null`), 422, "wrong_type"},
		{"object for the samples", replaced("[0.1,-2e-3,3]", `{"0":1}`), 422, "wrong_type"},
		{"text for the rate", replaced("12000", `"12000"`), 422, "wrong_type"},
		{"null for the rate", replaced("12000", `null`), 422, "wrong_type"},
		{"list for the rate", replaced("12000", `[12000]`), 422, "wrong_type"},
		{"number for the unit", replaced(`"g"`, `1`), 422, "wrong_type"},
		{"null for the start", replaced(`"2026-01-31T12:00:00.5Z"`, "null"), 422, "wrong_type"},
		{"number for the start", replaced(`"2026-01-31T12:00:00.5Z"`, "1769860800"), 422, "wrong_type"},
		{"no start", replaced(`"start":"2026-01-31T12:00:00.5Z",`, ""), 422, "start_missing"},
		{"a day that is not", replaced("01-31T12:00:00.5Z", "02-31T12:00:00-05:00"), 422, "start_invalid"},
		{"no zone", replaced("00.5Z", "00.5"), 422, "start_invalid"},
		{"comma in the seconds", replaced("00.5Z", "00,5Z"), 422, "start_invalid"},
		{"hour of one digit", replaced("T12:00:00.5Z", "T1:00:00+01:00"), 422, "start_invalid"},
		{"second 61", replaced("00.5Z", "61Z"), 422, "start_invalid"},
		{"blank between day and time", replaced("31T12", "31 12"), 422, "start_invalid"},
		{"year 1026", replaced("2026-01-31T12:00:00.5Z", "1026-01-31T12:00:00.5-05:00"), 422, "start_out_of_range"},
		{"year 9999", replaced("2026-01-31T12:00:00.5Z", "9999-12-31T23:59:59.9+00:00"), 422, "start_out_of_range"},
		{"no rate", replaced(`"sample_rate_hz":12000,`, ""), 422, "rate_missing"},
		{"rate below 0", replaced("12000", "-1"), 422, "rate_out_of_range"},
		{"rate of a terahertz", replaced("12000", "1000000000000.5"), 422, "rate_out_of_range"},
		{"no unit", replaced(`"unit":"g",`, ""), 422, "unit_missing"},
		{"unit of velocity in inches", replaced(`"g"`, `"in/s"`), 422, "unit_unknown"},
		{"unit of PCM", replaced(`"g"`, `"relative"`), 422, "unit_unknown"},
		{"speed 0", replaced("1797", "-0.0"), 422, "speed_out_of_range"},
		{"speed below 0", replaced("1797", "-5"), 422, "speed_out_of_range"},
		{"speed of light", replaced("1797", "1e9"), 422, "speed_out_of_range"},
		{"axis with a blank", replaced(`"x"`, `"a b"`), 422, "axis_name"},
		{"axis up the tree", replaced(`"x"`, `"../x"`), 422, "axis_name"},
		{"line feed in the bearing", replaced("6205-2RS", `\n`), 422, "bearing_name"},
		{"long bearing", replaced("6205-2RS", strings.Repeat("6", 65)), 422, "bearing_name"},
		{"no samples", replaced("0.1,-2e-3,3", ""), 422, "window_empty"},
		{"few samples", goodJSON, 422, "window_too_short"},
		{"samples over the limit", replaced("0.1", strings.Repeat("1,", 4096)+"1"), 422, "window_too_long"},
		{"body over the limit", replaced("0.1", strings.Repeat("1,", 33_000)+"1"), 413, "body_too_large"},
		{"another sensor", replaced(`"axis"`, `"sensor":"fan","axis"`), 422, "name_mismatch"},
	} {
		out = append(out, attack{name: "JSON: " + c.name, method: "POST", target: windowsOf, key: "ingest", header: []string{"Content-Type", "application/json"}, body: []byte(c.body), status: c.status, code: c.code})
	}
	return append(out, attack{name: "JSON: with a query", method: "POST", target: windowsOf + query, key: "ingest", header: []string{"Content-Type", "application/json"}, body: []byte(goodJSON), status: 422, code: "unknown_parameter"},
		attack{name: "JSON: called text", method: "POST", target: windowsOf, key: "ingest", header: []string{"Content-Type", "text/plain"}, body: []byte(goodJSON), status: 415, code: "media_type_unsupported"},
		attack{name: "JSON: called nothing", method: "POST", target: windowsOf, key: "ingest", body: []byte(goodJSON), status: 415, code: "media_type_unsupported"},
		attack{name: "JSON: called a form", method: "POST", target: windowsOf, key: "ingest", header: []string{"Content-Type", "multipart/form-data; boundary=x"}, body: []byte(goodJSON), status: 415, code: "media_type_unsupported"},
		attack{name: "JSON: a type that is none", method: "POST", target: windowsOf, key: "ingest", header: []string{"Content-Type", "application/json; charset"}, body: []byte(goodJSON), status: 415, code: "media_type_unsupported"})
}

func utf16(s string) string {
	b := []byte{0xff, 0xfe}
	for _, c := range []byte(s) {
		b = append(b, c, 0)
	}
	return string(b)
}

func floats(n int, v ...float32) (b []byte) {
	for i := range n {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v[i%len(v)]))
	}
	return b
}

func rawAttacks() (out []attack) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, c := range []struct {
		name, query string
		body        []byte
		status      int
		code        string
	}{
		{"nothing", query, []byte{}, 400, "body_empty"},
		{"three quarters of a float", query, []byte("123"), 400, "length_mismatch"},
		{"half an int16", query + "&dtype=i16le&scale=1", []byte("123"), 400, "length_mismatch"},
		{"int16 without scale", query + "&dtype=i16le", []byte("1234"), 422, "scale_missing"},
		{"scale 0", query + "&dtype=i16le&scale=0", []byte("abcd"), 422, "scale_not_finite"},
		{"scale NaN", query + "&dtype=i16le&scale=NaN", []byte("1234"), 422, "parameter_invalid"},
		{"scale that makes all infinite", query + "&dtype=i16le&scale=1e300", []byte("\x01\x00\x02\x00"), 422, "sample_not_finite"},
		{"scale of floats", query + "&scale=1", []byte("1234"), 422, "parameter_invalid"},
		{"doubles", query + "&dtype=f64", []byte("12345678"), 415, "dtype_unsupported"},
		{"big-endian", query + "&dtype=f32be", []byte("1234"), 415, "dtype_unsupported"},
		{"NaN", query, floats(2048, 1, nan), 422, "sample_not_finite"},
		{"infinity", query, floats(2048, 1, inf), 422, "sample_not_finite"},
		{"float32's greatest", query, floats(2048, math.MaxFloat32), 422, "sample_out_of_range"},
		{"swapped bytes", query, bytes.Repeat([]byte{0x7f, 0x80, 0, 0x7f}, 2048), 422, "sample_out_of_range"},
		{"one sample", query, floats(1, 1), 422, "window_too_short"},
		{"over the limit of samples", query, floats(4097, 1), 422, "window_too_long"},
		{"over the limit of int16", query + "&dtype=i16le&scale=1", make([]byte, 2*4097), 422, "window_too_long"},
		{"over the limit of a body", query, make([]byte, 64<<10+4), 413, "body_too_large"},
		{"a low rate", "?start=2026-01-31T12:00:00Z&sample_rate_hz=100&unit=g", floats(2048, 1, 2), 422, "rate_too_low"},
		{"the least rate", "?start=2026-01-31T12:00:00Z&sample_rate_hz=5e-324&unit=g", floats(2048, 1, 2), 422, "rate_out_of_range"},
		{"the least speed", query + "&shaft_speed_rpm=5e-324", floats(2048, 1, 2), 422, "speed_out_of_range"},
		{"no query", "", floats(2048, 1), 422, "start_missing"},
		{"no rate", "?start=2026-01-31T12:00:00Z&unit=g", floats(2048, 1), 422, "rate_missing"},
		{"a rate in words", "?start=2026-01-31T12:00:00Z&sample_rate_hz=fast&unit=g", floats(2048, 1), 422, "parameter_invalid"},
		{"a rate in hexadecimal", "?start=2026-01-31T12:00:00Z&sample_rate_hz=0x1p14&unit=g", floats(4, 1), 422, "window_too_short"},
		{"an infinite rate", "?start=2026-01-31T12:00:00Z&sample_rate_hz=Inf&unit=g", floats(2048, 1), 422, "parameter_invalid"},
		{"sensor in the query", query + "&sensor=fan", floats(2048, 1), 422, "unknown_parameter"},
		{"parameter twice", query + "&unit=g", floats(2048, 1), 422, "duplicate_parameter"},
		{"broken escape", query + "&axis=%zz", floats(2048, 1), 422, "parameter_invalid"},
		{"semicolons", "?start=2026-01-31T12:00:00Z;unit=g", floats(2048, 1), 422, "parameter_invalid"},
		{"line feed in the axis", query + "&axis=a%0ab", floats(2048, 1), 422, "axis_name"},
		{"an axis of markup", query + "&axis=%3Cimg%20src%3Dx%3E", floats(2048, 1), 422, "axis_name"},
		{"formula for a bearing", query + "&bearing=%3Dcmd%7C%01", floats(2048, 1), 422, "bearing_name"},
		{"a year ahead", "?start=2199-01-31T12:00:00Z&sample_rate_hz=12000&unit=g", floats(2048, 1, -1), 422, "start_out_of_range"},
		{"the last century", "?start=1999-01-31T12:00:00%2B01:00&sample_rate_hz=12000&unit=g", floats(2048, 1, -1), 422, "start_out_of_range"},
		{"before 1970", "?start=1969-12-31T23:59:59.999Z&sample_rate_hz=12000&unit=g", floats(2048, 1, -1), 422, "start_out_of_range"},
	} {
		out = append(out, attack{name: "raw: " + c.name, method: "POST", target: windowsOf + c.query, key: "ingest", header: []string{"Content-Type", "application/octet-stream"}, body: c.body, status: c.status, code: c.code})
	}
	for _, c := range []struct{ name, sensor, code string }{
		{"blank in the name", "a%20b", "sensor_name"}, {"hidden name", ".x", "sensor_name"}, {"name like a flag", "-x", "sensor_name"}, {"umlaut", "%C3%A4", "sensor_name"},
		{"long name", strings.Repeat("a", 65), "sensor_name"}, {"pattern for a name", "{sensor}", "sensor_name"}, {"line feed in the name", "a%0ab", "sensor_name"}, {"NUL in the name", "a%00", "sensor_name"},
		{"markup for a name", "%3Cscript%3E", "sensor_name"}, {"quotes round the name", "%22pump%22", "sensor_name"}, {"statement for a name", "x';DROP%20TABLE%20diagnoses;--", "sensor_name"}, {"two dots", "..", "sensor_name"}, {"escape sequence", "%1b[31m", "sensor_name"}, {"wrong UTF-8 in the name", "%ff", "sensor_name"},
	} {
		out = append(out, attack{name: "name: " + c.name, method: "POST", target: "/v1/sensors/" + c.sensor + "/windows" + query, key: "admin", header: []string{"Content-Type", "application/octet-stream"}, body: floats(2048, 1, -1), status: 422, code: c.code})
	}
	for _, c := range []struct{ name, query, code string }{
		{"another rate than registered", "?start=2026-01-31T12:00:00Z&sample_rate_hz=12000&unit=m/s2&axis=x", "rate_mismatch"},
		{"another unit than registered", "?start=2026-01-31T12:00:00Z&sample_rate_hz=25600&unit=g&axis=x", "unit_mismatch"},
		{"another axis than registered", "?start=2026-01-31T12:00:00Z&sample_rate_hz=25600&unit=m/s2&axis=y", "axis_mismatch"},
	} {
		out = append(out, attack{name: "registered: " + c.name, method: "POST", target: "/v1/sensors/held/windows" + c.query, key: "admin", header: []string{"Content-Type", "application/octet-stream"}, body: floats(2048, 1, -1), status: 422, code: c.code})
	}
	return out
}

// npy is a NumPy file of version 1 with a header as it is given.
func npy(header string, data []byte) []byte {
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	return append(append(b, header...), data...)
}

func npyAttacks() (out []attack) {
	good := npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", floats(2, 1))
	for _, c := range []struct {
		name   string
		body   []byte
		status int
		code   string
	}{
		{"another magic", []byte("PK\x03\x04 a zip of arrays, of all things"), 400, "npy_malformed"},
		{"magic alone", good[:8], 400, "npy_malformed"},
		{"header cut off", good[:20], 400, "npy_malformed"},
		{"data cut off", good[:len(good)-1], 400, "npy_malformed"},
		{"data too long", append(slices.Clone(good), 0), 400, "npy_malformed"},
		{"version 9", append([]byte("\x93NUMPY\x09\x00"), good[8:]...), 400, "npy_malformed"},
		{"header longer than the file", append([]byte("\x93NUMPY\x01\x00\xff\xff"), good[10:]...), 400, "npy_malformed"},
		{"header of 4 GiB", append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), good[10:]...), 400, "npy_malformed"},
		{"pickled objects", npy("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n", []byte("\x80\x04N.\x80\x04N.")), 415, "npy_dtype"},
		{"structures", npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }\n", floats(2, 1)), 415, "npy_dtype"},
		{"complex numbers", npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }\n", floats(2, 1)), 415, "npy_dtype"},
		{"text", npy("{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }\n", floats(4, 1)), 415, "npy_dtype"},
		{"times", npy("{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1,), }\n", floats(2, 1)), 415, "npy_dtype"},
		{"program for a header", npy("__import__('os').system('x')\n", floats(2, 1)), 400, "npy_malformed"},
		{"header without a shape", npy("{'descr': '<f4', 'fortran_order': False, }\n", floats(2, 1)), 400, "npy_malformed"},
		{"key twice in the header", npy("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n", floats(2, 1)), 400, "npy_malformed"},
		{"shape below 0", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }\n", floats(2, 1)), 400, "npy_malformed"},
		{"shape of a tebi", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }\n", floats(2, 1)), 400, "npy_malformed"},
		{"shape whose product overflows", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }\n", floats(2, 1)), 400, "npy_malformed"},
		{"shape of more digits than numbers have", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,), }\n", floats(2, 1)), 400, "npy_malformed"},
		{"shape in parentheses without end", npy("{'descr': '<f4', 'fortran_order': False, 'shape': "+strings.Repeat("(", 2000), floats(2, 1)), 400, "npy_malformed"},
		{"two channels", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n", floats(4, 1)), 422, "npy_shape"},
		{"a single number", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", floats(1, 1)), 422, "npy_shape"},
		{"no samples", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0,), }\n", nil), 422, "window_empty"},
		{"NaN", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", floats(2, float32(math.NaN()))), 422, "sample_not_finite"},
		{"doubles beyond float32", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n", binary.LittleEndian.AppendUint64(nil, math.Float64bits(1e300))), 422, "sample_not_finite"},
		{"counts without scale", npy("{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }\n", floats(1, 1)), 422, "scale_missing"},
		{"few samples", good, 422, "window_too_short"},
	} {
		out = append(out, attack{name: "NPY: " + c.name, method: "POST", target: windowsOf + query, key: "ingest", header: []string{"Content-Type", "application/x-npy"}, body: c.body, status: c.status, code: c.code})
	}
	return out
}

// chunk is one of a WAV file, with a size as it is given, or its own.
func chunk(id string, size int64, data []byte) []byte {
	if size < 0 {
		size = int64(len(data))
	}
	return append(binary.LittleEndian.AppendUint32([]byte(id), uint32(size)), data...)
}

func format(tag, channels uint16, rate uint32, block, bits uint16) []byte {
	b := binary.LittleEndian.AppendUint16(nil, tag)
	b = binary.LittleEndian.AppendUint16(b, channels)
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, rate*uint32(block))
	b = binary.LittleEndian.AppendUint16(b, block)
	return binary.LittleEndian.AppendUint16(b, bits)
}

func riff(chunks ...[]byte) []byte {
	body := append([]byte("WAVE"), slices.Concat(chunks...)...)
	return chunk("RIFF", -1, body)
}

func wavAttacks() (out []attack) {
	mono := chunk("fmt ", -1, format(1, 1, 12000, 2, 16))
	data := chunk("data", -1, make([]byte, 64))
	full := query + "&scale=1"
	for _, c := range []struct {
		name, query string
		body        []byte
		status      int
		code        string
	}{
		{"no scale", query, riff(mono, data), 422, "scale_missing"},
		{"scale 0", query + "&scale=0e0", riff(mono, data), 422, "scale_not_finite"},
		{"no RIFF", full, []byte("JUNKJUNKJUNKJUNK"), 400, "wav_malformed"},
		{"RIFF alone", full, []byte("RIFF"), 400, "wav_malformed"},
		{"RIFX", full, append([]byte("RIFX"), riff(mono, data)[4:]...), 400, "wav_malformed"},
		{"an AVI", full, chunk("RIFF", -1, []byte("AVI LIST")), 400, "wav_malformed"},
		{"RF64", full, append([]byte("RF64"), riff(mono, data)[4:]...), 415, "wav_codec"},
		{"no format", full, riff(data), 400, "wav_malformed"},
		{"format of eight bytes", full, riff(chunk("fmt ", -1, make([]byte, 8)), data), 400, "wav_malformed"},
		{"format of no bytes", full, riff(chunk("fmt ", -1, nil), data), 400, "wav_malformed"},
		{"format of 4 GiB", full, riff(chunk("fmt ", 0xfffffff0, format(1, 1, 12000, 2, 16)), data), 400, "wav_malformed"},
		{"no channels", full, riff(chunk("fmt ", -1, format(1, 0, 12000, 0, 16)), data), 400, "wav_malformed"},
		{"65,535 channels", full, riff(chunk("fmt ", -1, format(1, 65535, 12000, 65534, 16)), data), 400, "wav_malformed"},
		{"rate 0", full, riff(chunk("fmt ", -1, format(1, 1, 0, 2, 16)), data), 400, "wav_malformed"},
		{"blocks that do not fit", full, riff(chunk("fmt ", -1, format(1, 1, 12000, 7, 16)), data), 400, "wav_malformed"},
		{"bits 0", full, riff(chunk("fmt ", -1, format(1, 1, 12000, 0, 0)), data), 415, "wav_codec"},
		{"MP3 inside", full, riff(chunk("fmt ", -1, format(0x55, 1, 12000, 1, 0)), data), 415, "wav_codec"},
		{"A-law", full, riff(chunk("fmt ", -1, format(6, 1, 12000, 1, 8)), data), 415, "wav_codec"},
		{"extensible, cut off", full, riff(chunk("fmt ", -1, format(0xfffe, 1, 12000, 2, 16)), data), 400, "wav_malformed"},
		{"no data", full, riff(mono), 400, "wav_malformed"},
		{"data longer than the file", full, riff(mono, chunk("data", 1<<30, make([]byte, 64))), 400, "wav_malformed"},
		{"a hundred empty chunks", full, riff(bytes.Repeat(chunk("junk", -1, nil), 100), mono, data), 400, "wav_malformed"},
		{"a chunk that reaches past the end", full, riff(chunk("junk", 1<<31, nil), mono, data), 400, "wav_malformed"},
		{"data before the format", full, riff(data, mono), 400, "wav_malformed"},
		{"less than a sample", full, riff(mono, chunk("data", -1, []byte{1})), 400, "wav_malformed"},
		{"another rate", full, riff(chunk("fmt ", -1, format(1, 1, 44100, 2, 16)), data), 422, "rate_mismatch"},
		{"which channel", full, riff(chunk("fmt ", -1, format(1, 2, 12000, 4, 16)), data), 422, "channel_missing"},
		{"a channel that is not", full + "&channel=3", riff(chunk("fmt ", -1, format(1, 2, 12000, 4, 16)), data), 422, "parameter_invalid"},
		{"channel 0", full + "&channel=0", riff(mono, data), 422, "parameter_invalid"},
		{"doubles of NaN", full, riff(chunk("fmt ", -1, format(3, 1, 12000, 8, 64)), chunk("data", -1, bytes.Repeat([]byte{0xff}, 64))), 400, "wav_malformed"},
		{"few samples", full, riff(mono, data), 422, "window_too_short"},
		{"over the limit", full, riff(mono, chunk("data", -1, make([]byte, 2*4097))), 422, "window_too_long"},
	} {
		out = append(out, attack{name: "WAV: " + c.name, method: "POST", target: windowsOf + c.query, key: "ingest", header: []string{"Content-Type", "audio/wav"}, body: c.body, status: c.status, code: c.code})
	}
	return out
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func zstandard(b []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(b, nil)
}

func encodingAttacks() (out []attack) {
	good, bomb := floats(2048, 1, -1), make([]byte, 64<<20)
	flipped := gzipped(good)
	flipped[len(flipped)-6] ^= 1 // of its checksum
	for _, c := range []struct {
		name, encoding string
		body           []byte
		status         int
		code           string
	}{
		{"gzip bomb", "gzip", gzipped(bomb), 413, "decompressed_too_large"},
		{"zstd bomb", "zstd", zstandard(bomb), 413, "decompressed_too_large"},
		{"gzip in gzip bomb", "gzip", gzipped(gzipped(bomb)), 422, "window_too_long"},
		{"many gzips behind one another", "gzip", bytes.Repeat(gzipped(make([]byte, 60<<10)), 5), 413, "decompressed_too_large"},
		{"zstd that wants a window of 2 GiB", "zstd", []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 1, 0, 0}, 413, "decompressed_too_large"},
		{"zstd with a dictionary", "zstd", []byte{0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x58, 0x07, 1, 0, 0}, 400, "encoding_corrupt"},
		{"no gzip", "gzip", good, 400, "encoding_corrupt"},
		{"no zstd", "zstd", good, 400, "encoding_corrupt"},
		{"gzip for zstd", "zstd", gzipped(good), 400, "encoding_corrupt"},
		{"gzip cut off", "gzip", gzipped(good)[:20], 400, "encoding_corrupt"},
		{"zstd cut off", "zstd", zstandard(good)[:10], 400, "encoding_corrupt"},
		{"gzip with a wrong sum", "gzip", flipped, 400, "encoding_corrupt"},
		{"junk behind gzip", "gzip", append(gzipped(good), "junk"...), 400, "encoding_corrupt"},
		{"gzip of nothing", "gzip", gzipped(nil), 400, "body_empty"},
		{"gzip header alone", "gzip", []byte{0x1f, 0x8b}, 400, "encoding_corrupt"},
		{"two encodings", "gzip, zstd", good, 415, "encoding_unsupported"},
		{"the same twice", "gzip, gzip", good, 415, "encoding_unsupported"},
		{"deflate", "deflate", good, 415, "encoding_unsupported"},
		{"brotli", "br", good, 415, "encoding_unsupported"},
		{"an encoding that is none", "x", good, 415, "encoding_unsupported"},
	} {
		out = append(out, attack{name: "encoding: " + c.name, method: "POST", target: windowsOf + query, key: "ingest", header: []string{"Content-Type", "application/octet-stream", "Content-Encoding", c.encoding}, body: c.body, status: c.status, code: c.code})
	}
	return out
}

func bulkAttacks() (out []attack) {
	line := strings.Replace(goodJSON, "{", `{"sensor":"pump",`, 1)
	for _, c := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"words", "hello\n", 200, "json_malformed"},
		{"an array of windows", "[" + line + "]\n", 200, "json_malformed"},
		{"two windows on a line", line + line + "\n", 200, "trailing_data"},
		{"no sensor", goodJSON + "\n", 200, "sensor_name"},
		{"sensor up the tree", strings.Replace(line, "pump", "../pump", 1) + "\n", 200, "sensor_name"},
		{"sensor null", strings.Replace(line, `"pump"`, "null", 1) + "\n", 200, "wrong_type"},
		{"carriage returns alone", strings.Repeat(line+"\r", 2), 200, "trailing_data"},
		{"line without an end", strings.Repeat("1", 70<<10), 200, "body_too_large"},
		{"few samples", line + "\n", 200, "window_too_short"},
		{"NUL", "\x00\n", 200, "json_malformed"},
		{"lines without end", strings.Repeat("{}\n", 10_001), 200, "sensor_name"},
	} {
		out = append(out, attack{name: "NDJSON: " + c.name, method: "POST", target: "/v1/windows", key: "ingest", header: []string{"Content-Type", "application/x-ndjson"}, body: []byte(c.body), status: c.status, code: c.code})
	}
	post := func(name, key, target string, header []string, body []byte, status int, code string) {
		out = append(out, attack{name: "NDJSON: " + name, method: "POST", target: target, key: key, header: header, body: body, status: status, code: code})
	}
	kind := []string{"Content-Type", "application/x-ndjson"}
	post("called JSON", "ingest", "/v1/windows", []string{"Content-Type", "application/json"}, []byte(line), 415, "media_type_unsupported")
	post("with a query", "ingest", "/v1/windows?unit=g", kind, []byte(line), 422, "unknown_parameter")
	post("for a foreign sensor", "pumps", "/v1/windows", kind, []byte(strings.Replace(line, "pump", "fan", 1)+"\n"), 200, "sensor_forbidden")
	post("gzip bomb of one line", "ingest", "/v1/windows", append(kind, "Content-Encoding", "gzip"), gzipped(bytes.Repeat([]byte("x"), 16<<20)), 200, "body_too_large")
	post("gzip bomb of blank lines", "ingest", "/v1/windows", append(kind, "Content-Encoding", "gzip"), gzipped(bytes.Repeat([]byte("\n"), 16<<20)), 200, "too_many_lines")
	post("gzip cut off", "ingest", "/v1/windows", append(kind, "Content-Encoding", "gzip"), gzipped([]byte(line))[:30], 200, "encoding_corrupt")
	return out
}
