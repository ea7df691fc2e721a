package dataset

import (
	"strings"
	"testing"

	"brinell/bearing"
	"brinell/dataset/matfile"
)

// Every trap of the CWRU files, on synthesised files: most defective ones are
// not to be had.

// ramp returns n samples that begin with first, so that a test sees where samples
// came from.
func ramp(first float64, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = first + float64(i)/1024
	}
	return x
}

func vector(name string, x []float64) matfile.Variable {
	return matfile.Variable{Name: name, Class: "double", Dims: []int{len(x), 1}, Data: x}
}

func scalar(name string, v float64) matfile.Variable { return vector(name, []float64{v}) }

func mat(vars ...matfile.Variable) []byte { return matfile.Encode(vars, false, true) }

// record returns the variables of a CWRU record: DE from 1, FE from 2, BA from 3.
func record(number string, rpm float64) []matfile.Variable {
	v := []matfile.Variable{
		vector("X"+number+"_DE_time", ramp(1, 64)), vector("X"+number+"_FE_time", ramp(2, 64)), vector("X"+number+"_BA_time", ramp(3, 64)),
	}
	if rpm != 0 {
		v = append(v, scalar("X"+number+"RPM", rpm))
	}
	return v
}

func TestTrapVariables(t *testing.T) {
	for _, x := range []struct {
		name   string
		number int
		vars   []matfile.Variable
		first  float32 // of the samples that must be found; 0: must be refused
		notes  int
	}{
		{"plain", 105, record("105", 1797), 1, 0},
		{"another record's variables first", 99, append(record("098", 1772)[:2], vector("X099_DE_time", ramp(9, 64)), scalar("X099RPM", 1750)), 9, 1},
		{"another record's variables only", 174, record("173", 1797), 0, 0},
		{"28 mil, number 048", 3005, []matfile.Variable{vector("X048_DE_time", ramp(5, 64))}, 5, 0},
		{"28 mil, number 059", 3004, []matfile.Variable{vector("X059_DE_time", ramp(6, 64))}, 6, 0},
		{"28 mil under the file's number", 3001, []matfile.Variable{vector("X3001_DE_time", ramp(5, 64))}, 0, 0},
		{"fan end takes its own channel", 270, record("270", 1796), 2, 0},
		{"extra variable i", 278, append([]matfile.Variable{vector("i", ramp(7, 100))}, record("278", 1796)...), 2, 1},
		{"no signal", 105, []matfile.Variable{scalar("X105RPM", 1797)}, 0, 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			var e Entry
			if x.number == 174 { // a 48 kHz record, outside this corpus
				e = cwruRow{174, 174, "IR", 14, "", 0, 1797, 0, ""}.entry("Drive", "DE")
			} else {
				e = numbered(t, x.number)
			}
			r, notes, err := e.Decode(mat(x.vars...))
			if x.first == 0 {
				if bearing.CodeOf(err) != "variable_missing" || !strings.Contains(err.Error(), e.Variable) {
					t.Fatalf("error %v, want one that names %s", err, e.Variable)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Samples[0] != x.first || len(notes) != x.notes {
				t.Errorf("samples begin with %g, notes %q: want %g and %d notes", r.Samples[0], notes, x.first, x.notes)
			}
		})
	}
}

func TestTrapSpeeds(t *testing.T) {
	for _, x := range []struct {
		name   string
		number int
		stated float64
		want   float64
		notes  int
	}{
		{"as in the table", 105, 1797, 1797, 0},
		{"279 states the speed of another load", 279, 1732, 1774, 1},
		{"158 states a speed that its lines contradict", 158, 1773, 1797, 1},
		{"file not at hand: its own speed is better than the nominal one", 280, 1754, 1754, 0},
		{"file not at hand, far off", 280, 1732, 1750, 1},
		{"no speed in the file", 3001, 0, 1797, 0},
		{"not a speed", 105, -1, 1797, 1},
	} {
		e := numbered(t, x.number)
		number, _, _ := strings.Cut(strings.TrimPrefix(e.Variable, "X"), "_")
		r, notes, err := e.Decode(mat(record(number, x.stated)...))
		if err != nil {
			t.Fatalf("%s: %v", x.name, err)
		}
		if got := 60 * float64(r.ShaftSpeed); got < x.want-1e-6 || got > x.want+1e-6 || len(notes) != x.notes {
			t.Errorf("%s: %g rpm, notes %q: want %g and %d notes", x.name, got, notes, x.want, x.notes)
		}
	}
}

// 276 under the name of the 1 hp record repeats the 2 hp record: it is excluded,
// left out where the original is there, and noticed by its signal.
func TestTrap276(t *testing.T) {
	b := mat(record("276", 1755)...)
	both := sourceOf(t, map[string][]byte{"12k_Fan_End_IR014_2_276.mat": b, cwruRepeated: b})
	if got := both.Entries(); len(got) != 1 || got[0].Load != "2 hp" {
		t.Errorf("with both files: %d entries", len(got))
	}
	noted := false
	for _, st := range both.Verify(nil) {
		for _, n := range st.Notes {
			noted = noted || n == "repeats the signal of 12k_Fan_End_IR014_2_276.mat"
		}
	}
	if !noted {
		t.Error("verify does not notice that one signal is there twice")
	}
	alone := sourceOf(t, map[string][]byte{cwruRepeated: b})
	if got := alone.Entries(); len(got) != 1 || !got[0].Exclude || got[0].Name() != "12k_Fan_End_IR014_2_276/FE" {
		t.Errorf("the copy alone: %+v", got)
	}
	recs, err := alone.Recordings(nil)
	if err != nil || len(recs) != 0 {
		t.Errorf("the copy alone gives %d recordings (%v), want none", len(recs), err)
	}
}

func TestHealthyRecordsAre48kHz(t *testing.T) {
	n := 0
	for _, e := range cwru().Entries {
		if e.Fault != bearing.Normal {
			if e.SampleRate != 12000 {
				t.Errorf("%s at %g Hz", e.File, e.SampleRate)
			}
			continue
		}
		n++
		if e.SampleRate != 48000 {
			t.Errorf("%s at %g Hz, want 48000", e.File, e.SampleRate)
		}
	}
	if n != 5 {
		t.Errorf("%d healthy rows", n)
	}
	// The rate that the page suggests is refused, not used.
	b := mat(vector("X097_DE_time", ramp(1, 64)), vector("X097_FE_time", ramp(2, 64)), scalar("X097RPM", 1796))
	for _, name := range []string{"normal_0_97.mat", "97.mat"} {
		if _, err := ReadFile(name, b, FileOptions{RateHz: 12000}); bearing.CodeOf(err) != "rate_conflict" {
			t.Errorf("%s at 12 kHz: %v", name, err)
		}
		recs, err := ReadFile(name, b, FileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if r := recs[0]; r.SampleRate != 48000 || r.Bearing != "6205-2RS" || r.Truth.Fault != bearing.Normal || r.Samples[0] != 1 {
			t.Errorf("%s: %g Hz, bearing %s", name, r.SampleRate, r.Bearing)
		}
	}
}
