package dataset

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"brinell/bearing"
)

// byTime divides each recording by time.
func byTime(c cutter) ([]Fold, error) {
	f := Fold{Name: "time"}
	for i := range c.recs {
		c.byTimeInto(&f, &c.recs[i])
	}
	return []Fold{f}, nil
}

// randomLeaky deals the windows of each recording to the sides at random, half,
// a tenth and four tenths as byTime does. Windows are disjoint, but neighbours
// are not kept apart.
func randomLeaky(c cutter) ([]Fold, error) {
	f := Fold{Name: "random-leaky"}
	rng := rand.New(rand.NewPCG(c.seed, 0x6c65616b79))
	for i := range c.recs {
		r := &c.recs[i]
		n := c.length(r)
		order := rng.Perm(len(r.Samples) / n)
		for k, w := range order {
			p := Part{Rec: r, From: w * n, To: (w + 1) * n}
			switch q := float64(k) / float64(len(order)); {
			case q < 0.5:
				f.Train = append(f.Train, p)
			case q < 0.6:
				f.Validation = append(f.Validation, p)
			default:
				f.Test = append(f.Test, p)
			}
		}
	}
	return []Fold{f}, nil
}

// byLoad trains on one load and tests on another, for each ordered pair. Healthy
// recordings are left out: they are one bearing, and not measured at all loads.
func byLoad(c cutter) ([]Fold, error) {
	byLoad := map[string][]*bearing.Recording{}
	for i := range c.recs {
		if r := &c.recs[i]; r.Truth.Fault != bearing.Normal {
			byLoad[r.Truth.Load] = append(byLoad[r.Truth.Load], r)
		}
	}
	loads := slices.Sorted(maps.Keys(byLoad))
	if len(loads) < 2 {
		return nil, bearing.Errorf(bearing.Invalid, "split_impossible", "split load needs faulty recordings at two loads or more, these are at %d", len(loads))
	}
	var folds []Fold
	for _, a := range loads {
		for _, b := range loads {
			if a == b {
				continue
			}
			f := Fold{Name: strings.ReplaceAll(a+"-to-"+b, " ", "")}
			for _, r := range byLoad[a] {
				c.trainInto(&f, r)
			}
			for _, r := range byLoad[b] {
				c.testInto(&f, r)
			}
			folds = append(folds, f)
		}
	}
	return folds, nil
}

// byEnd trains on the drive end and tests on the fan end, and back. Healthy
// recordings are split by time; where both ends have some, each fold trains on
// those of its training end and tests on those of its test end.
func byEnd(c cutter) ([]Fold, error) {
	healthy, faulty := map[string]int{}, map[string]int{}
	for i := range c.recs {
		r := &c.recs[i]
		if r.Truth.Fault == bearing.Normal {
			healthy[endOf(r)]++
		} else {
			faulty[endOf(r)]++
		}
	}
	if faulty["DE"] == 0 || faulty["FE"] == 0 {
		return nil, bearing.Errorf(bearing.Invalid, "split_impossible",
			"split end needs faulty recordings of the drive end and of the fan end (specimens DE/... and FE/...), these are %d and %d", faulty["DE"], faulty["FE"])
	}
	var folds []Fold
	for _, ends := range [][2]string{{"DE", "FE"}, {"FE", "DE"}} {
		train, test := ends[0], ends[1]
		f := Fold{Name: train + "-to-" + test}
		for i := range c.recs {
			r := &c.recs[i]
			end := endOf(r)
			switch {
			case r.Truth.Fault == bearing.Normal:
				p := c.pieces(r, 0.5, 0.6, 1)
				if end == train || healthy[train] == 0 {
					f.Train, f.Validation = add(f.Train, p[0]), add(f.Validation, p[1])
				}
				if end == test || healthy[test] == 0 {
					f.Test = add(f.Test, p[2])
				}
			case end == train:
				c.trainInto(&f, r)
			case end == test:
				c.testInto(&f, r)
			}
		}
		folds = append(folds, f)
	}
	return folds, nil
}

// endOf returns the end of the motor that a specimen's name begins with.
func endOf(r *bearing.Recording) string {
	end, _, _ := strings.Cut(r.Truth.Specimen, "/")
	return end
}

// byBearing leaves out, fold by fold, all damaged bearings of one fault size.
// Where sizes are not stated (own data), it deals the bearings of each fault to
// as many folds as every fault has bearings. Healthy recordings are split by
// time, because a corpus may have one healthy bearing only.
func byBearing(c cutter) ([]Fold, error) {
	group, names, err := bearingGroups(c.recs)
	if err != nil {
		return nil, err
	}
	folds := make([]Fold, len(names))
	for g := range folds {
		f := &folds[g]
		f.Name = names[g]
		for i := range c.recs {
			r := &c.recs[i]
			switch {
			case r.Truth.Fault == bearing.Normal:
				c.byTimeInto(f, r)
			case group[r.Truth.Specimen] == g:
				c.testInto(f, r)
			default:
				c.trainInto(f, r)
			}
		}
	}
	return folds, nil
}

// bySensor is byBearing for damaged bearings that are trained on by the sensor beside
// them and tested on by another.
func bySensor(c cutter) ([]Fold, error) {
	var near []bearing.Recording
	far := 0
	for _, r := range c.recs {
		if besides(&r) {
			near = append(near, r)
		} else {
			far++
		}
	}
	if far == 0 {
		return nil, bearing.Errorf(bearing.Invalid, "split_impossible", "split sensor needs recordings by a sensor at the other end of the machine, these have none")
	}
	group, names, err := bearingGroups(near)
	if err != nil {
		return nil, err
	}
	folds := make([]Fold, len(names))
	for g := range folds {
		f := &folds[g]
		f.Name = names[g]
		for i := range c.recs {
			r := &c.recs[i]
			at, damaged := group[r.Truth.Specimen]
			switch {
			case !damaged && besides(r):
				c.byTimeInto(f, r)
			case damaged && at != g && besides(r):
				c.trainInto(f, r)
			case damaged && at == g && !besides(r):
				c.testInto(f, r)
			}
		}
	}
	return folds, nil
}

// besides reports whether the recording is of the sensor at the bearing's own end, or of
// the only one. A recording's name ends in its channel.
func besides(r *bearing.Recording) bool {
	end := endOf(r)
	return end != "DE" && end != "FE" || strings.HasSuffix(r.Name, "/"+end)
}

// byCorpus trains on each corpus and tests on each other one. Faults that training has
// not seen are left out.
func byCorpus(c cutter) ([]Fold, error) {
	faults := map[string]map[bearing.Fault]bool{}
	for i := range c.recs {
		name := corpusOf(&c.recs[i])
		if faults[name] == nil {
			faults[name] = map[bearing.Fault]bool{}
		}
		faults[name][c.recs[i].Truth.Fault] = true
	}
	names := slices.Sorted(maps.Keys(faults))
	if len(names) < 2 {
		return nil, bearing.Errorf(bearing.Invalid, "split_impossible", "split cross needs recordings of two corpora, these are of %s", strings.Join(names, ", "))
	}
	var folds []Fold
	for _, from := range names {
		for _, to := range names {
			f := Fold{Name: from + "-to-" + to}
			for i := range c.recs {
				switch r := &c.recs[i]; corpusOf(r) {
				case from:
					c.trainInto(&f, r)
				case to:
					if faults[from][r.Truth.Fault] {
						c.testInto(&f, r)
					}
				}
			}
			if from != to && len(f.Test) > 0 {
				folds = append(folds, f)
			}
		}
	}
	return folds, nil
}

// corpusOf returns the corpus that a specimen's name begins with. Those of CWRU begin
// with the end of the motor.
func corpusOf(r *bearing.Recording) string {
	if end := endOf(r); end != "DE" && end != "FE" {
		return strings.ToLower(end)
	}
	return "cwru"
}

// bearingGroups returns which fold each damaged specimen is tested in, and the
// names of the folds.
func bearingGroups(recs []bearing.Recording) (group map[string]int, names []string, err error) {
	size := map[string]int{}
	specimens := map[bearing.Fault][]string{}
	sized := true
	for _, r := range recs {
		t := r.Truth
		if t.Fault == bearing.Normal {
			continue
		}
		if s, ok := size[t.Specimen]; !ok {
			size[t.Specimen] = t.SizeMil
			specimens[t.Fault] = append(specimens[t.Fault], t.Specimen)
		} else if s != t.SizeMil {
			return nil, nil, bearing.Errorf(bearing.Invalid, "split_impossible", "specimen %q has two fault sizes, %d and %d mil", t.Specimen, s, t.SizeMil)
		}
		sized = sized && t.SizeMil > 0
	}
	group = map[string]int{}
	if sized {
		sizes := slices.Compact(slices.Sorted(maps.Values(size)))
		for s, mil := range size {
			group[s] = slices.Index(sizes, mil)
		}
		for _, mil := range sizes {
			names = append(names, fmt.Sprintf("%dmil", mil))
		}
	} else {
		k := len(size)
		for _, s := range specimens {
			k = min(k, len(s))
		}
		for _, list := range specimens {
			slices.Sort(list)
			for i, s := range list {
				group[s] = i % k
			}
		}
		for g := range k {
			names = append(names, fmt.Sprintf("%dof%d", g+1, k))
		}
	}
	if len(names) < 2 {
		return nil, nil, bearing.Errorf(bearing.Invalid, "split_impossible",
			"split bearing needs two fault sizes, or two specimens of each fault: with fewer, no damaged bearing can be left out")
	}
	return group, names, nil
}
