package assess

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/internal/diagnose"
	"brinell/models"
)

// Row is a line of the accuracy table.
type Row struct {
	What     string `json:"what"`
	Baseline string `json:"baseline"` // the shared linear scorer on the same files
	Target   string `json:"target"`
	Measured string `json:"measured"`
	Met      bool   `json:"met"`
}

// undiagnosable are the bearings whose records no published technique diagnoses, named
// before anything was measured here: W. A. Smith, R. B. Randall, Mech. Syst. Signal
// Process. 64-65 (2015) 100-131.
var undiagnosable = []string{"DE/B007", "DE/OR014@6"}

// pool takes answers of all seeds as of one: a bearing's recall is that over its groups
// of all seeds.
func pool(bySeed [][]Answer) []Answer { return slices.Concat(bySeed...) }

func (i Interval) String() string { return fmt.Sprintf("%.3f (%.2f-%.2f)", i.Value, i.Low, i.High) }

// Rows builds the table from everything that was measured.
func Rows(o *Outer, lin Linear, runs []*RunReport) []Row {
	var rows []Row
	add := func(what, baseline, target string, met bool, format string, args ...any) {
		rows = append(rows, Row{what, baseline, target, fmt.Sprintf(format, args...), met})
	}
	recall := func(what string, answers []Answer, base []Answer, target float64) {
		top, verdict := BalancedInterval(Recalls(answers, ByTop)), BalancedInterval(Recalls(answers, ByVerdict))
		add(what, fmt.Sprintf("%.3f", Balanced(Recalls(base, ByTop))), fmt.Sprintf(">= %.2f", target), top.Value >= target,
			"%v; by verdict %v", top, verdict)
	}
	size7 := pool(o.Size)
	recall("leave one fault size out, nine bearings, top fault", size7, lin.Size, 0.85)

	able := slices.DeleteFunc(slices.Clone(size7), func(a Answer) bool { return slices.Contains(undiagnosable, a.Specimen) })
	verdict := BalancedInterval(Recalls(able, ByVerdict))
	add("the same by verdict, without "+strings.Join(undiagnosable, " and "), "-", ">= 0.95", verdict.Value >= 0.95, "%v", verdict)
	confidently, n := 0, 0
	for i := range size7 {
		a := &size7[i]
		if !slices.Contains(undiagnosable, a.Specimen) {
			continue
		}
		n++
		if p, f := confident(a); p > 0.5 && f != a.Truth && a.Fault == f {
			confidently++
		}
	}
	add("on those two, a wrong class with p > 0.5", "-", "<= 10 %", float64(confidently) <= 0.1*float64(n), "%.1f %% of %d groups", 100*Share(confidently, n), n)
	recall("drive end to fan end", pool(o.ToFan), lin.ToFan, 0.88)
	recall("fan end to drive end", pool(o.ToDrive), lin.ToDrive, 0.92)
	recall("split sensor: the fan-end sensor hears left-out drive-end bearings", pool(o.Sensor), lin.Sensor, 0.80)
	o.mfpt(add, lin)
	healthy(add, o, runs)
	o.calibrated(add)
	unknown(add, size7)
	for _, r := range runs {
		onset(add, r)
	}
	return rows
}

type adder func(what, baseline, target string, met bool, format string, args ...any)

// mfpt counts files named, and groups wrong.
func (o *Outer) mfpt(add adder, lin Linear) {
	answers := pool(o.MFPT)
	wrong := 0
	files := map[string][2]int{}
	for i := range answers {
		f := files[answers[i].Recording]
		f[1]++
		if answers[i].Fault == answers[i].Truth {
			f[0]++
		} else {
			wrong++
		}
		files[answers[i].Recording] = f
	}
	named := 0
	for _, f := range files {
		if 2*f[0] > f[1] {
			named++
		}
	}
	add("MFPT, a rig never seen: files named, groups wrong", fmt.Sprintf("%.3f of groups", Balanced(Recalls(lin.MFPT, ByTop))), "14 of 14, none", named == 14 && wrong == 0,
		"%d of %d files, %d of %d groups wrong", named, len(files), wrong, len(answers))
}

// healthy counts faults named on healthy machines.
func healthy(add adder, o *Outer, runs []*RunReport) {
	var h Health
	for _, r := range runs {
		h = h.Add(r.HealthyPart())
	}
	add("healthy IMS and FEMTO: a fault named", "-", "<= 1 % of groups", float64(h.Named) <= 0.01*float64(h.Groups), "%d of %d groups", h.Named, h.Groups)
	add("the same, normal once the baseline is ready", "-", ">= 90 %", float64(h.Normal) >= 0.9*float64(h.Ready), "%d of %d groups", h.Normal, h.Ready)
	right, answers := 0, pool(o.Healthy)
	for i := range answers {
		if answers[i].Fault == bearing.Normal {
			right++
		}
	}
	add("records 97 and 100, last 40 %, normal", "-", ">= 0.95", float64(right) >= 0.95*float64(len(answers)), "%d of %d groups", right, len(answers))
}

// HealthyPart is what of a run is healthy beyond doubt: IMS until a good half a day
// before its line rises, FEMTO from 20 to 60 % of life.
func (r *RunReport) HealthyPart() Health {
	n := len(r.Snapshots)
	if !strings.HasPrefix(r.Specimen, "IMS/") {
		return r.Healthy(n/5+1, n*6/10, 20)
	}
	last := 0
	for _, s := range r.Snapshots {
		if s.Start.Format("2006-01-02 15:04") < "2004-02-15 13:20" {
			last = s.Number
		}
	}
	return r.Healthy(1, last, 2)
}

// calibrated scores probabilities, on damaged and healthy bearings together.
func (o *Outer) calibrated(add adder) {
	all := slices.Concat(pool(o.Size), pool(o.Healthy))
	ece := ECEInterval(all)
	share := map[bearing.Fault]float64{}
	w := weights(all)
	for i := range all {
		share[all[i].Truth] += w[i]
	}
	most := 0.0
	for _, s := range share {
		most = max(most, s)
	}
	add("ECE per group, size-out and healthy", fmt.Sprintf("0 (always the commonest class, right %.2f)", most), "<= 0.08", ece.Value <= 0.08, "%v", ece)
	every, kept := Selective(all, 0.8)
	add("error of the most confident 80 % over that of all", "1", "<= 0.5", kept <= every/2, "%.3f of %.3f", kept, every)
}

// unknown leaves one fault's comb out of the physics and asks whether the score of the
// unknown tells its bearings from those of the known faults: what was its comb is then
// one that nothing explains.
func unknown(add adder, answers []Answer) {
	faults := []bearing.Fault{bearing.InnerRace, bearing.OuterRace, bearing.Ball}
	sum, text := 0.0, ""
	for out, f := range faults {
		var known, strange []float64
		for i := range answers {
			a := &answers[i]
			best := math.Inf(-1)
			for k := range faults {
				if k != out {
					best = max(best, a.Scores[k])
				}
			}
			score := diagnose.UnknownScore(best, max(a.Free, a.Scores[out]))
			if a.Truth == f {
				strange = append(strange, score)
			} else {
				known = append(known, score)
			}
		}
		v := AUROC(strange, known)
		sum += v / 3
		text += fmt.Sprintf("%s %.3f ", f, v)
	}
	add("unknown score, one fault left out, AUROC against known faults", "-", ">= 0.80", sum >= 0.8, "%.3f (%s)", sum, strings.TrimSpace(text))
}

// onset says when a run's first lasting alarm began.
func onset(add adder, r *RunReport) {
	name := r.Name()
	if strings.HasPrefix(r.Specimen, "IMS/") {
		at := r.OnsetAt.Format("2006-01-02 15:04")
		add(name+", onset of the first lasting alarm", "line rises 2004-02-16 03:12", "2004-02-16 00:00 to 12:00, outer race", at >= "2004-02-16 00:00" && at <= "2004-02-16 12:00" && r.Named == bearing.OuterRace,
			"%s (file %d, raised at %d), %s in %.0f %% of what follows", at, r.Onset, r.Raised, r.Named, 100*r.NamedShare)
		return
	}
	jump := map[string]int{"FEMTO/Bearing1_2": 826, "FEMTO/Bearing3_1": 493}[r.Specimen]
	n := len(r.Snapshots)
	add(name+", onset of the first lasting alarm", fmt.Sprintf("jump at file %d of %d", jump, n), "within 10 files, none from 10 to 60 % of life",
		r.Onset > 0 && math.Abs(float64(r.Onset-jump)) <= 10 && !(r.Onset > n/10 && r.Onset < n*6/10), "file %d, raised at %d", r.Onset, r.Raised)
}

// Name returns the specimen, and the channel if it is not the primary one.
func (r *RunReport) Name() string {
	if r.Channel == "" {
		return r.Specimen
	}
	return r.Specimen + ", channel " + r.Channel
}

// Figures are the parts of the report that are no rows.
type Figures struct {
	Recalls     map[string][]Recall `json:"recalls"` // by protocol, top fault
	Verdicts    map[string][]Recall `json:"verdicts"`
	Reliability []Reliability       `json:"reliability"`
	Noise       []NoisePoint        `json:"noise"`
	Correlation float64             `json:"error_correlation"`
}

// NoisePoint is a balanced recall under added noise.
type NoisePoint struct {
	SNR float64 `json:"snr_db"`
	Top float64 `json:"top"`
}

// Figures gathers tables by bearing and the reliability diagram.
func (o *Outer) Figures() Figures {
	f := Figures{Recalls: map[string][]Recall{}, Verdicts: map[string][]Recall{}}
	for name, a := range map[string][][]Answer{"size": o.Size, "3 and 12 o'clock": o.Aside, "sensor": o.Sensor, "drive to fan": o.ToFan, "fan to drive": o.ToDrive, "MFPT": o.MFPT} {
		f.Recalls[name], f.Verdicts[name] = Recalls(pool(a), ByTop), Recalls(pool(a), ByVerdict)
	}
	_, f.Reliability = ECE(slices.Concat(pool(o.Size), pool(o.Healthy)))
	f.Correlation = correlation(pool(o.Size))
	return f
}

// noiseLevels are the signal-to-noise ratios of the noise curve, dB.
var noiseLevels = []float64{-6, -3, 0, 3, 6, 10}

// Noise judges the fan-end bearings, which a model must not have seen, under white
// noise.
func (l *Lab) Noise(m *models.Model) (out []NoisePoint, err error) {
	for _, snr := range noiseLevels {
		parts := whole(l.FE, standard(func(*bearing.Recording) bool { return true }))
		for i, p := range parts {
			parts[i] = dataset.AddNoise(p, snr, linearRate, 1)
		}
		a, err := JudgeAll(m, parts)
		if err != nil {
			return nil, err
		}
		out = append(out, NoisePoint{snr, Balanced(Recalls(a, ByTop))})
	}
	return out, nil
}

// Fan judges the fan-end bearings and MFPT with given weights.
func (l *Lab) Fan(m *models.Model) (fan, mfpt []Answer, err error) {
	if fan, err = JudgeAll(m, whole(l.FE, standard(func(*bearing.Recording) bool { return true }))); err != nil {
		return nil, nil, err
	}
	mfpt, err = JudgeAll(m, whole(l.MFPT, nil))
	return fan, mfpt, err
}
