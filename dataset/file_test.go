package dataset

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/dataset/matfile"
)

// pcm16 returns a mono WAV file.
func pcm16(rate int, x []int16) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00")
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(2*rate))
	b = append(b, 2, 0, 16, 0)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(2*len(x)))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

func TestReadFile(t *testing.T) {
	wav := pcm16(8000, append([]int16{16384}, make([]int16, 31)...))
	table := []byte("time,x,y\n" + strings.Repeat("0,19.6133,3\n", 32))
	mfptStruct := matfile.Variable{Name: "bearing", Class: "struct", Dims: []int{1, 1}, Fields: []matfile.Variable{
		scalar("sr", 48828), vector("gs", ramp(5, 64)), scalar("load", 100), scalar("rate", 25),
	}}
	for _, x := range []struct {
		name, file string
		b          []byte
		o          FileOptions
		first      float32
		rate, rpm  float64
		unit       bearing.Unit
		rec        string
	}{
		{"known by name", "105.mat", mat(record("105", 1797)...), FileOptions{}, 1, 12000, 1797, "g", "12k_Drive_End_IR007_0_105/DE"},
		{"known, other channel", "x/105.mat", mat(record("105", 1797)...), FileOptions{Channel: "FE"}, 2, 12000, 1797, "g", "12k_Drive_End_IR007_0_105/FE"},
		{"known, by variable", "105.mat", mat(record("105", 1797)...), FileOptions{Channel: "X105_BA_time", RPM: 1800}, 3, 12000, 1800, "g", "12k_Drive_End_IR007_0_105/BA"},
		{"name alone does not decide", "105.mat", mat(record("106", 1772)...), FileOptions{Channel: "FE", RateHz: 48000, Unit: "g"}, 2, 48000, 1772, "g", "105/FE"},
		{"plain vector", "a.mat", mat(vector("x", ramp(1, 64))), FileOptions{RateHz: 5000, Unit: "g"}, 1, 5000, 0, "g", "a"},
		{"by magic", "a.dat", mat(vector("x", ramp(1, 64))), FileOptions{RateHz: 5000, Unit: "g"}, 1, 5000, 0, "g", "a"},
		{"MFPT struct", "m.mat", mat(mfptStruct), FileOptions{}, 5, 48828, 1500, "g", "m/gs"},
		{"CSV by name", "a.csv", table, FileOptions{RateHz: 1000, Unit: "m/s2", Channel: "x"}, 2, 1000, 0, "m/s2", "a/2"},
		{"CSV by number", "a.csv", table, FileOptions{RateHz: 1000, Unit: "g", Column: "3", RPM: 60}, 3, 1000, 60, "g", "a/3"},
		{"WAV, no scale", "a.wav", wav, FileOptions{}, 0.5, 8000, 0, bearing.RelativeToFull, "a"},
		{"WAV, scale", "a.wav", wav, FileOptions{Scale: 50, Unit: "g"}, 25, 8000, 0, "g", "a"},
		{"WAV, rate corrected", "a.wav", wav, FileOptions{RateHz: 16000}, 0.5, 16000, 0, bearing.RelativeToFull, "a"},
	} {
		recs, err := ReadFile(x.file, x.b, x.o)
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		r := recs[0]
		if len(recs) != 1 || r.Samples[0] != x.first || r.SampleRate != x.rate || math.Abs(60*r.ShaftSpeed-x.rpm) > 1e-6 || r.Unit != x.unit || r.Name != x.rec {
			t.Errorf("%s: %d recordings, first %s: begins with %g, %g Hz, %g rpm, %s", x.name, len(recs), r.Name, r.Samples[0], r.SampleRate, 60*r.ShaftSpeed, r.Unit)
		}
	}
	all, err := ReadFile("a.csv", table, FileOptions{RateHz: 1000, Unit: "g", Channel: "all"})
	if err != nil || len(all) != 2 { // the time is the clock
		t.Errorf("all channels: %d, %v", len(all), err)
	}
	all, err = ReadFile("105.mat", mat(record("105", 1797)...), FileOptions{Channel: "all"})
	if err != nil || len(all) != 3 {
		t.Errorf("all channels of a known file: %d, %v", len(all), err)
	}
}

func TestReadFileErrors(t *testing.T) {
	plain := mat(vector("x", ramp(1, 64)))
	table := []byte("y,x\n" + strings.Repeat("0,1\n", 32))
	for _, x := range []struct {
		name, file string
		b          []byte
		o          FileOptions
		code, in   string
	}{
		{"rate", "a.mat", plain, FileOptions{Unit: "g"}, "rate_missing", "--rate"},
		{"unit", "a.mat", plain, FileOptions{RateHz: 1000}, "unit_missing", "--unit"},
		{"other unit", "a.mat", plain, FileOptions{RateHz: 1000, Unit: "in/s"}, "unit_unknown", "--unit"},
		{"negative rate", "a.mat", plain, FileOptions{RateHz: -1, Unit: "g"}, "rate_out_of_range", "--rate"},
		{"speed", "a.mat", plain, FileOptions{RateHz: 1000, RPM: -1, Unit: "g"}, "speed_out_of_range", "--rpm"},
		{"channel", "a.csv", table, FileOptions{RateHz: 1000, Unit: "g"}, "channel_ambiguous", "y"},
		{"no such channel", "a.csv", table, FileOptions{RateHz: 1000, Unit: "g", Channel: "z"}, "channel_unknown", "y (1), x (2)"},
		{"no such channel, known file", "105.mat", mat(record("105", 1797)...), FileOptions{Channel: "z"}, "channel_unknown", "DE, FE, BA"},
		{"no signal", "a.mat", mat(scalar("x", 1)), FileOptions{RateHz: 1000, Unit: "g"}, "no_signal", "a.mat"},
		{"not finite", "a.mat", mat(vector("x", append(ramp(1, 63), math.NaN()))), FileOptions{RateHz: 1000, Unit: "g"}, "sample_not_finite", "63"},
		{"format", "a.bin", []byte{0, 1, 2, 3}, FileOptions{}, "format_unknown", "a.bin"},
		{"scale", "a.wav", pcm16(8000, make([]int16, 32)), FileOptions{Unit: "g"}, "scale_missing", "--scale"},
	} {
		_, err := ReadFile(x.file, x.b, x.o)
		if bearing.CodeOf(err) != x.code || !strings.Contains(err.Error(), x.in) {
			t.Errorf("%s: %v, want %s with %q", x.name, err, x.code, x.in)
		}
	}
}

func FuzzReadFile(f *testing.F) {
	f.Add("a.mat", mat(record("105", 1797)...))
	f.Add("a.csv", []byte("t,x\n1,2\n3,4\n"))
	f.Add("a.wav", pcm16(8000, make([]int16, 32)))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		recs, err := ReadFile(name, b, FileOptions{RateHz: 1000, Unit: "g", Channel: "all"})
		if err == nil && len(recs) == 0 {
			t.Error("no recording and no error")
		}
	})
}

// TestUnitOfChannel: a table whose columns differ says the unit of the one that is chosen.
func TestUnitOfChannel(t *testing.T) {
	b := []byte("t [s];a [g];Temp [°C];b [m/s²]\n")
	for i := range 4000 {
		b = fmt.Appendf(b, "%.6f;%d;40;%d\n", float64(i)/12000, i%7, i%5)
	}
	if _, err := ReadFile("x.csv", b, FileOptions{}); bearing.CodeOf(err) != "channel_ambiguous" {
		t.Errorf("two accelerations: %v", err)
	}
	for channel, want := range map[string]bearing.Unit{"a [g]": bearing.G, "b [m/s²]": bearing.MetresPerSec2, "Temp [°C]": ""} {
		recs, err := ReadFile("x.csv", b, FileOptions{Channel: channel})
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "--unit") {
				t.Errorf("%s: %v", channel, err)
			}
			continue
		}
		if err != nil || recs[0].Unit != want {
			t.Errorf("%s: %v, %v", channel, recs, err)
		}
	}
}

// TestLoggersColumns: what stands beside the acceleration is not asked about.
func TestLoggersColumns(t *testing.T) {
	at := time.Date(2026, 1, 31, 23, 59, 59, 900e6, time.UTC) // midnight falls into it
	for name, c := range map[string]struct {
		header string
		line   func(i int, when time.Time, x float64) string
		start  bool
		rpm    float64
		code   string
	}{
		"a number, the time": {"No.,Time [s],Acc [g]\n", func(i int, when time.Time, x float64) string {
			return fmt.Sprintf("%d,%.6f,%.4f\n", i+1, when.Sub(at).Seconds(), x)
		}, false, 0, ""},
		"date and time of day": {"Date,Time,Acc [g]\n", func(i int, when time.Time, x float64) string {
			return when.Format("2006-01-02,15:04:05.000000") + fmt.Sprintf(",%.4f\n", x)
		}, true, 0, ""},
		"the same in German": {"Seriennummer;31.01.2026;7\nDatum;Uhrzeit;a [mg]\n", func(i int, when time.Time, x float64) string {
			return strings.Replace(when.Format("02.01.2006;15:04:05.000000"), ".000", ",000", 1) + fmt.Sprintf(";%.1f\n", 1000*x)
		}, true, 0, ""},
		"American": {"Timestamp,Acc [g]\n", func(i int, when time.Time, x float64) string {
			return when.Format("1/2/2006 3:04:05.000000 PM") + fmt.Sprintf(",%.4f\n", x)
		}, true, 0, ""},
		"a temperature, the speed": {"Drehzahl [1/min];1797\nt [s];a [m/s2];Temp [°C]\n", func(i int, when time.Time, x float64) string {
			return fmt.Sprintf("%.6f;%.5f;41.5\n", when.Sub(at).Seconds(), x*bearing.StandardGravity)
		}, false, 1797, ""},
		"a speed without a unit": {"Drehzahl;30\nt [s];a [g]\n", func(i int, when time.Time, x float64) string {
			return fmt.Sprintf("%.6f;%.4f\n", when.Sub(at).Seconds(), x)
		}, false, 0, ""},
		"displacement": {"t [s],x [mm]\n", func(i int, when time.Time, x float64) string {
			return fmt.Sprintf("%.6f,%.4f\n", when.Sub(at).Seconds(), x)
		}, false, 0, "unit_missing"},
		"beside what has no unit": {"t [s],a [g],b\n", func(i int, when time.Time, x float64) string {
			return fmt.Sprintf("%.6f,%.4f,1\n", when.Sub(at).Seconds(), x)
		}, false, 0, "channel_ambiguous"},
	} {
		b := []byte(c.header)
		for i := range 4000 {
			b = append(b, c.line(i, at.Add(time.Duration(i)*125*time.Microsecond), float64(i%7)/8)...)
		}
		recs, err := ReadFile("x.csv", b, FileOptions{})
		if bearing.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want code %q", name, err, c.code)
		}
		if c.code != "" || err != nil {
			continue
		}
		r := recs[0]
		if r.SampleRate != 8000 || r.Unit == "" || math.Abs(float64(r.Samples[6])-0.75) > 1e-3 || r.Start.Equal(at) != c.start || math.Abs(60*r.ShaftSpeed-c.rpm) > 1e-9 {
			t.Errorf("%s: %v Hz, %s, %v, from %v, %v rpm", name, r.SampleRate, r.Unit, r.Samples[:8], r.Start, 60*r.ShaftSpeed)
		}
	}
}
