package dataset

import (
	"reflect"
	"strings"
	"testing"

	"brinell/bearing"
)

// tableRecordings makes silent recordings of the table's rows, about as long as
// the real ones.
func tableRecordings(t *testing.T, keep func(Entry) bool) []bearing.Recording {
	t.Helper()
	c, err := Named("cwru")
	if err != nil {
		t.Fatal(err)
	}
	var recs []bearing.Recording
	for _, e := range c.Entries {
		if e.Exclude || e.RepackOf != "" || keep != nil && !keep(e) {
			continue
		}
		recs = append(recs, bearing.Recording{
			Name: e.Name(), Samples: make([]float32, int(10.1*e.SampleRate)), SampleRate: e.SampleRate, Truth: e.Truth(),
		})
	}
	return recs
}

// forSplit adds what a split needs besides the primary channels of CWRU: the sensor at
// the other end, or another corpus.
func forSplit(t *testing.T, name string, recs []bearing.Recording) []bearing.Recording {
	t.Helper()
	add := func(e Entry) {
		recs = append(recs, bearing.Recording{Name: e.Name(), Samples: make([]float32, int(10.1*e.SampleRate)), SampleRate: e.SampleRate, Truth: e.Truth()})
	}
	corpus := map[string]string{"sensor": "cwru", "cross": "mfpt"}[name]
	if corpus == "" {
		return recs
	}
	c, err := Named(corpus)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range c.Entries {
		o, far := e.Other("FE")
		switch {
		case e.Exclude:
		case name == "cross":
			add(e)
		case far && e.Channel == "DE":
			add(o)
		}
	}
	return recs
}

// TestSplitSensor: training hears bearings from beside them, the test hears others from
// afar.
func TestSplitSensor(t *testing.T) {
	s, _ := SplitNamed("sensor")
	if _, err := s.Folds(tableRecordings(t, nil), 1); bearing.CodeOf(err) != "split_impossible" {
		t.Errorf("without the other sensor: %v", err)
	}
	folds, err := s.Folds(forSplit(t, "sensor", tableRecordings(t, nil)), 1)
	if err != nil || len(folds) != 3 {
		t.Fatalf("%d folds: %v", len(folds), err)
	}
	for _, f := range folds {
		for _, p := range f.Test {
			if p.Rec.Truth.Fault != bearing.Normal && (!strings.HasPrefix(p.Rec.Truth.Specimen, "DE/") || !strings.HasSuffix(p.Rec.Name, "/FE")) {
				t.Errorf("fold %s tests on %s", f.Name, p.Rec.Name)
			}
		}
		for _, p := range f.Train {
			if !besides(p.Rec) {
				t.Errorf("fold %s trains on %s", f.Name, p.Rec.Name)
			}
		}
	}
}

// TestSplitCross: each side is one corpus, and no fault is tested that training lacks.
func TestSplitCross(t *testing.T) {
	s, _ := SplitNamed("cross")
	if _, err := s.Folds(tableRecordings(t, nil), 1); bearing.CodeOf(err) != "split_impossible" {
		t.Errorf("one corpus alone: %v", err)
	}
	folds, err := s.Folds(forSplit(t, "cross", tableRecordings(t, nil)), 1)
	if err != nil || len(folds) != 2 {
		t.Fatalf("%d folds: %v", len(folds), err)
	}
	for _, f := range folds {
		from, to, _ := strings.Cut(f.Name, "-to-")
		faults := map[bearing.Fault]bool{}
		for _, p := range f.Train {
			faults[p.Rec.Truth.Fault] = true
			if corpusOf(p.Rec) != from {
				t.Errorf("fold %s trains on %s", f.Name, p.Rec.Name)
			}
		}
		for _, p := range f.Test {
			if corpusOf(p.Rec) != to || !faults[p.Rec.Truth.Fault] {
				t.Errorf("fold %s tests on %s", f.Name, p.Rec.Name)
			}
		}
	}
}

// checkFold fails if two parts of different sides share a sample, or lie closer
// than gap windows.
func checkFold(t *testing.T, f Fold, gap float64) {
	t.Helper()
	type side struct {
		name  string
		parts []Part
	}
	sides := []side{{"train", f.Train}, {"validation", f.Validation}, {"test", f.Test}}
	byRecording := map[string][]struct {
		side     string
		from, to int
	}{}
	for _, s := range sides {
		for _, p := range s.parts {
			if p.From < 0 || p.To > len(p.Rec.Samples) || p.From >= p.To {
				t.Fatalf("fold %s: part %v is outside its recording", f.Name, p.Range())
			}
			d := int(gap * float64(NativeLength(defaultWindow, defaultWindowRate, p.Rec.SampleRate)))
			for _, o := range byRecording[p.Rec.Name] {
				if o.side != s.name && p.From < o.to+d && o.from < p.To+d {
					t.Fatalf("fold %s: %s [%d,%d) of %s and %s [%d,%d) overlap or touch", f.Name, s.name, p.From, p.To, p.Rec.Name, o.side, o.from, o.to)
				}
			}
			byRecording[p.Rec.Name] = append(byRecording[p.Rec.Name], struct {
				side     string
				from, to int
			}{s.name, p.From, p.To})
		}
	}
}

func specimens(parts []Part, damaged bool) map[string]bool {
	m := map[string]bool{}
	for _, p := range parts {
		if !damaged || p.Rec.Truth.Fault != bearing.Normal {
			m[p.Rec.Truth.Specimen] = true
		}
	}
	return m
}

func TestSplitsKeepSamplesApart(t *testing.T) {
	recs := tableRecordings(t, nil)
	for _, s := range Splits() {
		t.Run(s.Name, func(t *testing.T) {
			folds, err := s.Folds(forSplit(t, s.Name, recs), 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range folds {
				gap := 1.0
				if s.Leaky {
					gap = 0
				}
				checkFold(t, f, gap)
				if len(f.Validation) == 0 {
					t.Errorf("fold %s has no validation", f.Name)
				}
				// Leaving bearings out is claimed by some splits only.
				if s.Name == "load" || s.Name == "time" || s.Leaky {
					continue
				}
				seen := specimens(append(append([]Part{}, f.Train...), f.Validation...), true)
				for sp := range specimens(f.Test, true) {
					if seen[sp] {
						t.Errorf("fold %s: damaged bearing %s is on two sides", f.Name, sp)
					}
				}
			}
		})
	}
}

func TestLeakyOnlyUnderItsName(t *testing.T) {
	for _, s := range Splits() {
		if s.Leaky != (s.Name == "random-leaky") {
			t.Errorf("split %s: leaky is %v", s.Name, s.Leaky)
		}
	}
	// Only the leaky split puts neighbouring windows of a recording on two sides.
	recs := tableRecordings(t, func(e Entry) bool { return e.Number == 105 })
	s, _ := SplitNamed("random-leaky")
	folds, err := s.Folds(recs, 1)
	if err != nil {
		t.Fatal(err)
	}
	neighbours := 0
	for _, a := range folds[0].Train {
		for _, b := range folds[0].Test {
			if a.To == b.From || b.To == a.From {
				neighbours++
			}
		}
	}
	if neighbours == 0 {
		t.Error("random-leaky keeps sides apart: it would not show the leak")
	}
	again, _ := s.Folds(recs, 1)
	other, _ := s.Folds(recs, 2)
	if !reflect.DeepEqual(folds, again) {
		t.Error("the same seed gives another split")
	}
	if reflect.DeepEqual(folds, other) {
		t.Error("another seed gives the same split")
	}
}

func TestSplitBearing(t *testing.T) {
	recs := tableRecordings(t, func(e Entry) bool { return !strings.HasPrefix(e.Specimen, "FE") })
	s, _ := SplitNamed("bearing")
	folds, err := s.Folds(recs, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range folds {
		names = append(names, f.Name)
		for _, p := range f.Test {
			if tr := p.Rec.Truth; tr.Position == "3" || tr.Position == "12" {
				t.Errorf("fold %s scores %s, which is outside the load zone", f.Name, p.Rec.Name)
			}
		}
		if got := len(specimens(f.Test, true)); got != 3 {
			t.Errorf("fold %s tests %d damaged bearings, want IR, OR and B", f.Name, got)
		}
		// The healthy bearing is the one that was seen.
		if seen, total := specimenOverlap(f); seen != 1 || total != 4 {
			t.Errorf("fold %s: %d of %d seen, want 1 of 4", f.Name, seen, total)
		}
	}
	if want := []string{"7mil", "14mil", "21mil"}; !reflect.DeepEqual(names, want) {
		t.Errorf("folds %q, want %q", names, want)
	}
	trained := specimens(folds[1].Train, true)
	if !trained["DE/OR007@3"] || !trained["DE/OR021@12"] {
		t.Error("outer races at 3 and 12 o'clock must train with their size")
	}
}

func TestSplitEnd(t *testing.T) {
	recs := tableRecordings(t, nil)
	s, _ := SplitNamed("end")
	folds, err := s.Folds(recs, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(folds) != 2 {
		t.Fatalf("%d folds, want 2", len(folds))
	}
	for i, want := range [][2]string{{"DE/", "FE/"}, {"FE/", "DE/"}} {
		for sp := range specimens(folds[i].Train, true) {
			if !strings.HasPrefix(sp, want[0]) {
				t.Errorf("fold %s trains on %s", folds[i].Name, sp)
			}
		}
		for sp := range specimens(folds[i].Test, true) {
			if !strings.HasPrefix(sp, want[1]) {
				t.Errorf("fold %s tests on %s", folds[i].Name, sp)
			}
		}
		if seen, _ := specimenOverlap(folds[i]); seen != 1 {
			t.Errorf("fold %s: %d specimens seen, want the healthy one", folds[i].Name, seen)
		}
	}

	// With the fan end's own healthy channel, each end has its own bearing.
	c, _ := Named("cwru")
	fan, ok := c.Entries[0].Other("FE")
	if !ok {
		t.Fatal("the healthy record has a fan-end channel")
	}
	recs = append(recs, bearing.Recording{Name: fan.Name(), Samples: make([]float32, 480000), SampleRate: fan.SampleRate, Truth: fan.Truth()})
	if folds, err = s.Folds(recs, 0); err != nil {
		t.Fatal(err)
	}
	for _, f := range folds {
		if seen, _ := specimenOverlap(f); seen != 0 {
			t.Errorf("fold %s: %d specimens seen, want none", f.Name, seen)
		}
	}

	if _, err := s.Folds(tableRecordings(t, func(e Entry) bool { return e.Channel == "DE" }), 0); bearing.CodeOf(err) != "split_impossible" {
		t.Errorf("one end only: %v", err)
	}
}

func TestSplitLoad(t *testing.T) {
	recs := StandardTen(tableRecordings(t, nil))
	s, _ := SplitNamed("load")
	folds, err := s.Folds(recs, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(folds) != 12 {
		t.Fatalf("%d folds, want the 12 ordered pairs of four loads", len(folds))
	}
	task, _ := TaskNamed("fault+size")
	for _, f := range folds {
		classes := map[string]bool{}
		for _, p := range f.Test {
			l, _ := task.Label(*p.Rec)
			classes[l] = true
		}
		if len(classes) != 9 || classes["normal"] {
			t.Errorf("fold %s tests %d classes, want nine faults", f.Name, len(classes))
		}
		if seen, total := specimenOverlap(f); seen != 9 || total != 9 {
			t.Errorf("fold %s: %d of %d specimens seen, want 9 of 9: this split leaks and must say so", f.Name, seen, total)
		}
	}
}

func TestSplitTime(t *testing.T) {
	recs := tableRecordings(t, func(e Entry) bool { return e.Number == 97 || e.Number == 105 })
	s, _ := SplitNamed("time")
	folds, err := s.Folds(recs, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := folds[0]
	for i, r := range recs {
		n, w := len(r.Samples), NativeLength(2048, 12000, r.SampleRate)
		want := [][2]int{{0, n/2 - w}, {n / 2, int(0.6*float64(n)) - w}, {int(0.6 * float64(n)), n}}
		got := [][2]int{{f.Train[i].From, f.Train[i].To}, {f.Validation[i].From, f.Validation[i].To}, {f.Test[i].From, f.Test[i].To}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", r.Name, got, want)
		}
	}
	if _, err := s.WithWindow(100000, 12000).Folds(recs, 0); bearing.CodeOf(err) != "split_empty" {
		t.Errorf("window longer than the training part: %v", err)
	}
}

// Own data states no sizes: bearings are dealt to folds.
func TestSplitBearingWithoutSizes(t *testing.T) {
	rec := func(name, specimen string, f bearing.Fault) bearing.Recording {
		return bearing.Recording{Name: name, Samples: make([]float32, 60000), SampleRate: 12000, Truth: bearing.Truth{Fault: f, Specimen: specimen}}
	}
	recs := []bearing.Recording{
		rec("a", "s1", bearing.InnerRace), rec("b", "s1", bearing.InnerRace), rec("c", "s2", bearing.InnerRace),
		rec("d", "s3", bearing.OuterRace), rec("e", "s4", bearing.OuterRace), rec("f", "s5", bearing.OuterRace),
		rec("n", "s6", bearing.Normal),
	}
	s, _ := SplitNamed("bearing")
	folds, err := s.Folds(recs, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(folds) != 2 {
		t.Fatalf("%d folds, want 2: inner race has two bearings", len(folds))
	}
	for _, f := range folds {
		checkFold(t, f, 1)
		if seen, _ := specimenOverlap(f); seen != 1 {
			t.Errorf("fold %s: %d seen, want the healthy one", f.Name, seen)
		}
		if len(specimens(f.Test, true)) < 2 {
			t.Errorf("fold %s does not test both faults", f.Name)
		}
	}
	if _, err := s.Folds(recs[:3:3], 0); err != nil {
		t.Errorf("two bearings of one fault: %v", err)
	}
	if _, err := s.Folds(recs[:2], 0); bearing.CodeOf(err) != "split_impossible" {
		t.Errorf("one bearing: %v", err)
	}
}

func TestSplitNamed(t *testing.T) {
	if _, err := SplitNamed("honest"); bearing.CodeOf(err) != "unknown_split" || !strings.Contains(err.Error(), "random-leaky") {
		t.Errorf("unknown name: %v", err)
	}
}

func TestStandardTen(t *testing.T) {
	recs := StandardTen(tableRecordings(t, nil))
	task, err := TaskNamed("fault+size")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]int{}
	faulty := 0
	for _, r := range recs {
		l, ok := task.Label(r)
		if !ok {
			t.Errorf("%s has no class", r.Name)
		}
		files[l]++
		if r.Truth.Fault != bearing.Normal {
			faulty++
		}
	}
	if faulty != 36 {
		t.Errorf("%d faulty files, want 36", faulty)
	}
	if len(task.Classes) != 10 || len(files) != 10 {
		t.Errorf("classes %v, in files %v: want ten", task.Classes, files)
	}
	for _, c := range task.Classes[1:] {
		if files[c] != 4 {
			t.Errorf("class %s has %d files, want 4", c, files[c])
		}
	}
}

func TestSegments(t *testing.T) {
	r := &bearing.Recording{Samples: make([]float32, 100)}
	for i := range r.Samples {
		r.Samples[i] = float32(i)
	}
	w := Segments(Part{r, 10, 60}, 20, 10)
	if len(w) != 4 || w[3][0] != 40 || w[3][19] != 59 || len(w[0]) != 20 || cap(w[0]) != 20 {
		t.Errorf("windows %v", w)
	}
	if w := Segments(Part{r, 10, 29}, 20, 10); w != nil {
		t.Errorf("a short part gives %v", w)
	}
	for _, x := range []struct {
		rate float64
		want int
	}{{12000, 2048}, {48000, 8192}, {48828, 8334}} {
		if got := NativeLength(2048, 12000, x.rate); got != x.want {
			t.Errorf("2048 at 12 kHz are %d samples at %g Hz, want %d", got, x.rate, x.want)
		}
	}
}

// specimenOverlap returns how many physical bearings the test parts come from,
// and how many of these were seen in training or validation.
func specimenOverlap(f Fold) (seen, total int) {
	known := map[string]bool{}
	for _, side := range [][]Part{f.Train, f.Validation} {
		for _, p := range side {
			known[p.Rec.Truth.Specimen] = true
		}
	}
	tested := map[string]bool{}
	for _, p := range f.Test {
		if s := p.Rec.Truth.Specimen; !tested[s] {
			tested[s] = true
			total++
			if known[s] {
				seen++
			}
		}
	}
	return seen, total
}
