package settings

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestQuantity: a unit behind a number is understood, or asked about; a number that is none is
// told in words.
func TestQuantity(t *testing.T) {
	for _, c := range []struct {
		flag, value string
		want        float64
		says        string
	}{
		{"rpm", "1797", 1797, ""}, {"rpm", "1797rpm", 1797, ""}, {"rpm", " 1797.5 RPM", 1797.5, ""}, {"rpm", "1e3 min-1", 1000, ""},
		{"rpm", "30Hz", 0, "write --rpm 1800 for 30 Hz, or --rpm 30 if that is what"},
		{"rpm", "1797,5", 0, "decimal point"}, {"rpm", "fast", 0, "no number"}, {"rpm", "NaN", 0, "no number"}, {"rpm", "1e999", 0, "no number"},
		{"rpm", "30kHz", 0, `unit "kHz": state revolutions per minute`}, {"rpm", "", 0, "no number"}, {"rpm", "-1", -1, ""},
		{"rate", "12kHz", 12000, ""}, {"rate", "25600 S/s", 25600, ""}, {"rate", "12.8 ksps", 12800, ""}, {"rate", "12rpm", 0, "state a rate in Hz"},
	} {
		var rpm, rate float64
		f := new(pflag.FlagSet)
		RPMVar(f, &rpm, "")
		HertzVar(f, &rate, "rate", "")
		err := ValueError(f.Set(c.flag, c.value))
		if got := rpm + rate; got != c.want || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("--%s %q: %g, %v; want %g, %q", c.flag, c.value, got, err, c.want, c.says)
		}
	}
}
