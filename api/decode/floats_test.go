package decode

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"brinell/bearing"
)

// padded is an array of the tokens and then enough that none stands near the end.
func padded(tokens ...string) []byte {
	return []byte(strings.Join(tokens, ",") + "," + strings.Repeat("0,", tokenRoom))
}

// checkFloats reads the tokens one by one and reports whether readFloats took
// the first; what it takes must be what strconv makes of it.
func checkFloats(t *testing.T, token string) (taken bool) {
	t.Helper()
	dst := make([]float32, 1)
	b := padded(token)
	n, next := readFloats(dst, b, 0)
	if n == 0 {
		if rest := bytes.TrimLeft(b[:next], " \t\r\n"); len(rest) > 0 {
			t.Errorf("%q: %d bytes are lost", token, next)
		}
		return false
	}
	number := strings.TrimLeft(token, " \t\r\n")
	want, err := strconv.ParseFloat(number, 32)
	if err != nil || math.Float32bits(dst[0]) != math.Float32bits(float32(want)) {
		t.Errorf("%q read as %v (%08x), strconv has %v, %v", token, dst[0], math.Float32bits(dst[0]), want, err)
	}
	if next != len(token)+1 || len(number) > maxToken {
		t.Errorf("%q: goes on at %d", token, next)
	}
	return true
}

// halves are decimals at and around the middle between the float32 v and its
// successor, where rounding turns.
func halves(v float32) []string {
	m := (float64(v) + float64(math.Nextafter32(v, math.MaxFloat32))) / 2 // exact
	var out []string
	for _, x := range []float64{math.Nextafter(m, 0), m, math.Nextafter(m, math.Inf(1))} {
		for _, digits := range []int{8, 9, 14, 15, 16, 17, 18, 19, 24, 40} {
			out = append(out, strconv.FormatFloat(x, 'e', digits, 64), strconv.FormatFloat(x, 'g', digits, 64))
		}
		out = append(out, strconv.FormatFloat(x, 'f', -1, 64))
	}
	return out
}

// TestFloats compares with strconv where rounding is hard, and says which tokens
// the fast way must take: a change that leaves all to the slow one would pass
// every other test.
func TestFloats(t *testing.T) {
	for _, token := range []string{
		"0", "-0", "0.0", "-0.0", "0e5", "-0E-9", "1", "-1", "12", "1.5", "0.1", "-0.125", "1e5", "1E+05", "1e-05", "1.5e22", "123456789012345678",
		"0.12345678", "0.123456789", "0.1234567890123456", "0.12345678901234567", "0.012345678901234567", "-2.718281828459045", " 1", "\n\t 1",
		"16777216", "16777219.5", "3402823400000000e22", "0.1234567890123456789",
	} {
		if !checkFloats(t, token) {
			t.Errorf("%q is left to the slow way", token)
		}
	}
	for _, token := range []string{
		// By the rules, not here.
		"16777217", "1.00000005960464477539062", "1.000000059604644775390625", "9007199791611905", "1e-45", "1e-46", "1.401298464324817e-45", "1.1754943e-38", "1.1754942106924411e-38",
		"3.4028235e38", "3.4028235677973366e38", "3.4028234663852887e38", "1e38", "0." + strings.Repeat("0", 60) + "1", strings.Repeat("1", 64), "1 ", "1e005",
		"1234567890123456789", "0.9999999999999999999", strings.Repeat("9", 40),
		// Errors.
		"", "-", "--1", "+1", ".5", "1.", "1.e5", "01", "-01", "00", "1e", "1e+", "1e-", "1.5.5", "1e5e5", "1e5.5", "1_0", "0x1", "1a", "a", "NaN", "Infinity", "-Infinity",
		"null", "true", `"1"`, "[1", "1]", "{", "1\x00", "\x001", "1:2", "1/2", "1;", "\u0663", "\xff", "1e39", "-1e39", "3.4028236e38", "1e400", strings.Repeat("1", 65), "1" + strings.Repeat("0", 64), "0.1\v",
	} {
		if checkFloats(t, token) {
			t.Errorf("%q is not for the fast way", token)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, v := range []float32{1, 1.5, 16777216, 0.1, 1e-3, 9.80665, 1.9999999, 1e-10, 1e20, 5e-45, 1e-38, 3.4e38} {
		for _, token := range halves(v) {
			checkFloats(t, token)
		}
	}
	for range 3000 {
		for _, token := range halves(float32(math.Ldexp(1+rng.Float64(), rng.IntN(260)-140))) {
			checkFloats(t, token)
		}
	}
	taken, total := 0, 0
	for range 300_000 {
		var v float64
		switch rng.IntN(4) {
		case 0:
			v = rng.NormFloat64()
		case 1:
			v = float64(math.Float32frombits(rng.Uint32()))
		case 2:
			v = math.Ldexp(rng.Float64(), rng.IntN(300)-160)
		case 3:
			v = float64(rng.Int64() >> rng.IntN(64))
		}
		token := strconv.FormatFloat(v, "efg"[rng.IntN(3)], rng.IntN(22)-1, 32<<rng.IntN(2))
		if total++; checkFloats(t, token) {
			taken++
		}
	}
	if taken < total/3 {
		t.Errorf("%d of %d random numbers go the fast way", taken, total)
	}
}

// TestFloatsEverywhere: wherever a number stands, the fast way and the slow one
// together read it, and refuse at its index.
func TestFloatsEverywhere(t *testing.T) {
	const n = 100
	for i := range n {
		for token, code := range map[string]string{
			"-0.25": "", "16777217": "", " 1e-40 ": "", "null": "sample_missing", `"x"`: "sample_not_number", "1e39": "number_out_of_range", "01": "json_malformed", "": "json_malformed",
			strings.Repeat("1", 65): "number_out_of_range",
		} {
			tokens := make([]string, n)
			for j := range tokens {
				tokens[j] = strconv.Itoa(j) + ".5"
			}
			tokens[i] = token
			f, err := JSON([]byte(`{"samples":[`+strings.Join(tokens, ", ")+`]}`), n, makeFloats)
			if bearing.CodeOf(err) != code {
				t.Errorf("%q at %d: %v, want %q", token, i, err, code)
			}
			if e, ok := err.(*bearing.Error); ok && strings.HasPrefix(e.Pointer, "/") && e.Pointer != "/samples/"+strconv.Itoa(i) {
				t.Errorf("%q at %d: pointer %s", token, i, e.Pointer)
			}
			if err != nil {
				continue
			}
			for j := range tokens {
				want, err := strconv.ParseFloat(strings.TrimSpace(tokens[j]), 32)
				if err != nil || math.Float32bits(f.Samples[j]) != math.Float32bits(float32(want)) {
					t.Errorf("%q at %d: sample %d is %v", token, i, j, f.Samples[j])
				}
			}
		}
	}
}

// FuzzFloats compares with strconv on any text.
func FuzzFloats(f *testing.F) {
	for _, s := range []string{"0", "-0.5", "16777217", "1.00000005960464477539062", "1e-45", "123456789012345678", "0.12345678901234567e-5", " 1", "01", "1.e5", "3.4028235677973366e38"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if strings.Contains(token, ",") {
			t.Skip("two numbers")
		}
		taken := checkFloats(t, token)
		// The scanner knows the grammar; what it refuses, the fast way never takes.
		s := &scanner{b: padded(token)}
		s.peek()
		if _, err := s.number(); taken && (err != nil || s.i != len(token)) {
			t.Errorf("%q is taken, the scanner ends at %d: %v", token, s.i, err)
		}
	})
}
