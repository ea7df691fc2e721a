package dataset

import (
	"math"
	"os"
	"slices"
	"testing"

	"brinell/bearing"
	"brinell/features/dsp"
)

// openData opens a corpus of the full recordings, which are not in the repository.
func openData(t *testing.T, corpus string) *Source {
	t.Helper()
	dir := os.Getenv("BRINELL_DATA")
	if dir == "" {
		t.Skip("BRINELL_DATA is not set: this test needs the published recordings")
	}
	c, err := Named(corpus)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(c, dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// numbered returns the table's entry of a record number.
func numbered(t *testing.T, number int) Entry {
	t.Helper()
	for _, e := range cwru().Entries {
		if e.Number == number && e.RepackOf == "" {
			return e
		}
	}
	t.Fatalf("no record %d in the table", number)
	return Entry{}
}

func read(t *testing.T, s *Source, number int, channel string) bearing.Recording {
	t.Helper()
	e, ok := numbered(t, number).Other(channel)
	if !ok {
		t.Fatalf("record %d has no channel %s", number, channel)
	}
	r, err := s.Read(e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var publishedKurtosis = map[int]float64{106: 5.54, 170: 22.1, 210: 7.67, 119: 2.96, 186: 8.84, 223: 9.41, 131: 7.60, 198: 2.94, 235: 22.0}

func TestKurtosisOracle(t *testing.T) {
	s := openData(t, "cwru")
	for number, want := range publishedKurtosis {
		if err := checkKurtosis(read(t, s, number, "DE"), want); err != nil {
			t.Error(err)
		}
		// Planted: the fan-end variable of the same file.
		if err := checkKurtosis(read(t, s, number, "FE"), want); err == nil {
			t.Errorf("record %d: the wrong variable is not noticed", number)
		}
	}
}

// lowLines are common to the healthy record 97 and to 118: they come from the
// motor, so they stand at the same frequencies if both rates are right.
var lowLines = []float64{119.9, 147.7, 161.7, 191.6, 269.3}

func TestLowLinesOracle(t *testing.T) {
	s := openData(t, "cwru")
	healthy, ball := read(t, s, 97, "DE"), read(t, s, 118, "DE")
	if healthy.SampleRate != 48000 {
		t.Errorf("record 97 at %g Hz, want 48000", healthy.SampleRate)
	}
	if err := checkLowLines(healthy, ball, lowLines); err != nil {
		t.Error(err)
	}
	// Planted: the rate under which the page files the record.
	healthy.SampleRate = 12000
	if err := checkLowLines(healthy, ball, lowLines); err == nil {
		t.Error("record 97 read at 12 kHz is not noticed")
	}
}

func TestEnvelopeOracle(t *testing.T) {
	s := openData(t, "cwru")
	for _, x := range []struct {
		number int
		fault  bearing.Fault
	}{{105, bearing.InnerRace}, {130, bearing.OuterRace}} {
		r := read(t, s, x.number, "DE")
		b, ok := bearing.LookupBearing(r.Bearing)
		if !ok {
			t.Fatalf("bearing %q is not known", r.Bearing)
		}
		order := b.Geometry.Orders().Line(x.fault)
		if err := checkEnvelopeLine(r, order, 0.01); err != nil {
			t.Error(err)
		}
		wrong := r
		wrong.ShaftSpeed *= 1730. / 1797 // planted: the speed at another load
		if err := checkEnvelopeLine(wrong, order, 0.01); err == nil {
			t.Errorf("record %d: the wrong speed is not noticed", x.number)
		}
		wrong = r
		wrong.SampleRate *= 4 // planted: the rate of the healthy records
		if err := checkEnvelopeLine(wrong, order, 0.01); err == nil {
			t.Errorf("record %d: the wrong rate is not noticed", x.number)
		}
		wrong = read(t, s, 118, "DE") // planted: another record
		if err := checkEnvelopeLine(wrong, order, 0.01); err == nil {
			t.Errorf("record %d: the wrong record is not noticed", x.number)
		}
	}
}

func TestSpeedOf158(t *testing.T) {
	s := openData(t, "cwru")
	e := numbered(t, 158)
	r, notes, err := s.ReadNoted(e)
	if err != nil {
		t.Fatal(err)
	}
	if len(notes) != 1 || r.ShaftSpeed != 1797./60 {
		t.Errorf("speed %g rpm with notes %q, want 1797 and one note", 60*r.ShaftSpeed, notes)
	}
	b, _ := bearing.LookupBearing("6205-2RS")
	order := b.Geometry.Orders().BPFO
	want, err1 := order, checkEnvelopeLine(r, order, 0.004)
	r.ShaftSpeed = 1773. / 60
	if err1 != nil || checkEnvelopeLine(r, want, 0.004) == nil {
		t.Errorf("the lines do not tell 1797 from 1773 rpm: %v", err1)
	}
}

// The speed of the table fits the lines of every race fault that shows a clear
// line, to half a percent.
func TestSpeedsOfTable(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	s := openData(t, "cwru")
	recs, err := s.Recordings(func(e Entry) bool {
		return !e.Exclude && (e.Fault == bearing.InnerRace || e.Fault == bearing.OuterRace)
	})
	if err != nil {
		t.Fatal(err)
	}
	clear := 0
	for _, r := range recs {
		b, _ := bearing.LookupBearing(r.Bearing)
		want := b.Geometry.Orders().Line(r.Truth.Fault) * r.ShaftSpeed
		at, rise := peak(envelope(r.Samples), r.SampleRate, want, 0.01*want)
		if rise < clearRise {
			continue
		}
		clear++
		if d := at/want - 1; d < -0.005 || d > 0.005 {
			t.Errorf("%s: line at %.2f Hz, %.2f %% off", r.Name, at, 100*d)
		}
	}
	if clear < 40 {
		t.Errorf("%d recordings show a clear line, want 40", clear)
	}
}

// Above 5.5 kHz a healthy record that is only brought to 12 kHz has energy where a
// native fault record has none; within the corpus's band limit both have none.
func TestBandLimitHidesTheRate(t *testing.T) {
	s := openData(t, "cwru")
	healthy, fault := read(t, s, 97, "DE"), read(t, s, 118, "DE")
	// at returns the RMS amplitude of lines around f Hz over that around 1 kHz.
	at := func(x []float32, f float64) float64 {
		y := widen(x[:24000])
		band := func(f float64) float64 {
			var sum float64
			for k := range 64 {
				a := amplitude(y, (f+float64(k))/12000)
				sum += a * a
			}
			return sum
		}
		return math.Sqrt(band(f) / band(1000))
	}
	resample := func(r bearing.Recording, band float64) []float32 {
		x, err := dsp.Resample(r.Samples, r.SampleRate, 12000, band)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	native := at(fault.Samples, 5600)
	if wide := at(resample(healthy, 5950), 5600); wide < 5*native {
		t.Errorf("the trap is gone: at 5.6 kHz %.2g in the decimated healthy record, %.2g in the native fault record", wide, native)
	}
	band := s.Corpus().BandHz
	for _, r := range []bearing.Recording{healthy, fault} {
		if got := at(resample(r, band), 5600); got > native {
			t.Errorf("%s limited to %g Hz: %.2g is left at 5.6 kHz", r.Name, band, got)
		}
	}
}

func TestVerifyData(t *testing.T) {
	for _, x := range []struct {
		corpus string
		ok     int
	}{{"cwru", 60 + 23 + 2}, {"mfpt", 14}} {
		s := openData(t, x.corpus)
		calls := 0
		count := map[string]int{}
		for _, st := range s.Verify(func(done, total int, _ Entry, _ string) { calls++ }) {
			count[st.State]++
			if st.State == StatusMismatch {
				t.Errorf("%s: %q", st.Entry.File, st.Notes)
			}
		}
		if count[StatusOK] != x.ok || calls != len(s.Corpus().Entries) {
			t.Errorf("%s: %v after %d calls, want %d ok", x.corpus, count, calls, x.ok)
		}
	}
}

func TestReadData(t *testing.T) {
	s := openData(t, "cwru")
	recs, err := s.Recordings(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(recs) != 52+23+2 {
		t.Errorf("%d recordings, want 77: 28-mil files left out", len(recs))
	}
	if ten := StandardTen(recs); len(ten) != 38 {
		t.Errorf("%d recordings for ten classes, want 36 and two healthy ones", len(ten))
	}
	i := slices.IndexFunc(recs, func(r bearing.Recording) bool { return r.Name == "normal_3_100/DE" })
	if i < 0 || len(recs[i].Samples) != 485640 || recs[i].SampleRate != 48000 || recs[i].ShaftSpeed != 1725./60 {
		t.Errorf("the repacked healthy record is at %d, or wrong", i)
	}
	names := map[string]bool{}
	for _, r := range recs {
		if names[r.Name] {
			t.Errorf("two recordings are called %s", r.Name)
		}
		names[r.Name] = true
		if r.ShaftSpeed < 28 || r.ShaftSpeed > 30.1 {
			t.Errorf("%s: shaft speed %g Hz", r.Name, r.ShaftSpeed)
		}
	}
	m := openData(t, "mfpt")
	recs, err = m.Recordings(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(recs) != 14 || len(recs[0].Samples) != 146484 || recs[0].SampleRate != 48828 || recs[0].ShaftSpeed != 25 {
		t.Errorf("%d MFPT recordings, the first %d samples at %g Hz", len(recs), len(recs[0].Samples), recs[0].SampleRate)
	}
	b, _ := bearing.LookupBearing("NICE")
	for _, r := range recs {
		// Light loads show no line; from 100 lb on the inner race does.
		if r.Name == "OuterRaceFault_vload_7/gs" || r.Name == "InnerRaceFault_vload_7/gs" {
			if err := checkEnvelopeLine(r, b.Geometry.Orders().Line(r.Truth.Fault), 0.01); err != nil {
				t.Error(err)
			}
		}
	}
}
