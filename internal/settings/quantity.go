package settings

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// quantity is the value of a flag with a unit, which may stand behind the number: 1797rpm.
type quantity struct {
	v     *float64
	units map[string]float64 // what the number is multiplied by, in lower case; 0 asks
	wrong func(number float64, unit string) error
}

var _ pflag.Value = quantity{}

func (quantity) Type() string     { return "float" }
func (q quantity) String() string { return strconv.FormatFloat(*q.v, 'g', -1, 64) }

// leading parts a number from what stands behind it.
var leading = regexp.MustCompile(`^([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(.*)$`)

func (q quantity) Set(s string) error {
	m := leading.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return fmt.Errorf("it is no number such as 1797")
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil || math.IsInf(v, 0) {
		return fmt.Errorf("it is no number such as 1797")
	}
	if strings.HasPrefix(m[2], ",") {
		return fmt.Errorf("write a decimal point, and nothing between thousands, such as 1797.5")
	}
	if m[2] == "" {
		*q.v = v
		return nil
	}
	factor := q.units[strings.ToLower(m[2])]
	if factor == 0 {
		return q.wrong(v, m[2])
	}
	*q.v = factor * v
	return nil
}

// RPMVar declares a flag of a shaft speed in revolutions per minute. One in Hz is asked about:
// it may be a speed in Hz, or one in rpm with the wrong unit behind it.
func RPMVar(f *pflag.FlagSet, v *float64, usage string) {
	units := map[string]float64{"rpm": 1, "/min": 1, "1/min": 1, "min-1": 1, "min^-1": 1, "u/min": 1, "r/min": 1, "rev/min": 1}
	f.Var(quantity{v, units, func(n float64, unit string) error {
		if strings.EqualFold(unit, "hz") {
			return fmt.Errorf("a speed in Hz? It is stated in revolutions per minute: "+
				"write --rpm %g for %g Hz, or --rpm %g if that is what the shaft turns in a minute", 60*n, n, n)
		}
		return fmt.Errorf("unit %q: state revolutions per minute, such as 1797 or 1797rpm", unit)
	}}, "rpm", usage)
}

// HertzVar declares a flag of a rate in Hz.
func HertzVar(f *pflag.FlagSet, v *float64, name, usage string) {
	units := map[string]float64{"hz": 1, "s/s": 1, "sa/s": 1, "sps": 1, "1/s": 1, "khz": 1e3, "ks/s": 1e3, "ksps": 1e3}
	f.Var(quantity{v, units, func(_ float64, unit string) error {
		return fmt.Errorf("unit %q: state a rate in Hz, such as 12000, 12000Hz or 12kHz", unit)
	}}, name, usage)
}

// ValueError says what is wrong with the value of a flag in words, instead of those of the
// functions that parsed it. Other errors stay as they are.
func ValueError(err error) error {
	invalid, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err
	}
	f, value, err := invalid.GetFlag(), invalid.GetValue(), invalid.Unwrap()
	if _, ok := errors.AsType[*strconv.NumError](err); ok || f.Value.Type() == "duration" {
		want := map[string]string{
			"bool": "neither true nor false", "duration": "no time such as 500ms, 10s or 5m",
			"int": "no whole number", "uint": "no whole number from 0 on", "uint64": "no whole number from 0 on",
			"float64": "no number",
		}[f.Value.Type()]
		if _, derr := time.ParseDuration(value); want != "" && (f.Value.Type() != "duration" || derr != nil) {
			return fmt.Errorf("--%s %q is %s", f.Name, value, want)
		}
	}
	return fmt.Errorf("--%s %q: %w", f.Name, value, err)
}
