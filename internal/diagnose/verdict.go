package diagnose

import (
	"fmt"
	"math"
	"slices"

	"brinell/bearing"
	"brinell/features/lines"
	"brinell/models"
)

// judge weighs the witnesses. m is the memory after the window, j what the baseline
// said of it.
func judge(o *observation, m *memory, j judgement, c *models.Calibration, z Zones) (bearing.Verdict, bearing.ByFault) {
	v := bearing.Verdict{Agreement: bearing.Unclear, PredictionSet: []bearing.Fault{}, Alpha: round(c.Alpha, 6), Windows: m.windows, Seconds: round(m.seconds, 6), Why: []bearing.Reason{}}
	r := reasons{&v, c.Fitted()}
	v.Severity.Stage1 = "not_observable"
	if o.rate >= ultrasonic {
		v.Severity.Stage1 = "observable"
	}
	if o.quality.Level == bearing.Unusable {
		r.add("quality", 0, 0, false, "the window is unusable, so nothing is said of the bearing")
		v.Summary = sentence(&v, o.quality, r.calibrated)
		return v, bearing.ByFault{}
	}
	if o.velocityOnly() {
		return judgeVelocity(r, o, j, c, z), bearing.Equal()
	}
	if o.unfitted != "" {
		r.add("bearing_unknown", 0, 0, false, o.unfitted)
	} else if o.noLines != "" {
		r.add("withheld", 0, 0, false, o.noLines)
	} else if o.which != "" {
		z := slices.Max(o.z[:])
		r.add("bearing_one_of", z, scoreLimit, z >= scoreLimit, "of the bearings on this sensor the lines of "+bearing.Clip(o.which)+" stand out most")
	} else if o.candidates > 1 {
		r.add("bearing_estimated", float64(o.candidates), 1, true, "orders that "+bearing.Clip(o.bearing)+" may have by its designation: all were tried, and scores count less for that; its maker's orders, put to the catalogue, tell more")
	}
	o.short.add(&r)
	if o.velocity > 0 {
		v.Velocity = z.zone(o.velocity)
	}
	n, e := m.evidence()
	p := c.Probabilities(n, e)
	if !o.network && !o.lines {
		p = bearing.Equal()
	}
	if j.limit > 0 {
		p = shift(p, j)
		r.add("baseline_distance", j.distance, j.limit, j.changed, "distance from this sensor's healthy windows; beyond the limit the machine or the sensor has changed")
	}
	strange := strangeness(&r, o, m)
	if j.limit == 0 && p[0] > withoutPast || strange {
		r.add("no_baseline", p[0], withoutPast, p[0] >= withoutPast, "without a baseline of this sensor, a bearing without lines may be healthy or not: normal gets no more than this")
		p = capAt(p, withoutPast, strange)
	}
	v.TopFault = topFault(p)
	v.PredictionSet = c.Set(p)
	envelope := envelopeFault(m)
	v.Fault = decide(&r, o, m, j, p, envelope, strange)
	named := slices.Index(bearing.Faults[:], v.Fault)
	p = capOthers(p, named)
	if named < 0 && (o.network || o.lines || j.limit > 0) {
		named = slices.Index(p[:], slices.Max(p[:]))
	}
	if named >= 0 {
		v.Likeliest, v.Probability = bearing.Faults[named], round(p[named], 6)
	}
	if named > 0 && v.Fault == bearing.Faults[named] && slices.Max(o.z[:]) >= scoreLimit {
		v.Bearing = o.which
	}
	v.Agreement = agreement(o, m, j, v.Fault, envelope)
	v.UnknownScore = round(unknownScore(m), 6)
	v.Severity = severity(v.Severity, v.Fault, o, m, j)
	v.Summary = o.short.lengthen(sentence(&v, o.quality, r.calibrated))
	return v, p
}

// reasons collects the thresholds that took part.
type reasons struct {
	v          *bearing.Verdict
	calibrated bool // what the model's probabilities are
}

// probability says what a probability of a class is: only one that was fitted to bearings
// is a calibrated one.
func (r *reasons) probability(class bearing.Fault) string {
	if r.calibrated {
		return fmt.Sprintf("calibrated probability of %s; from the limit on it is named", class)
	}
	return fmt.Sprintf("the network's own word for %s, whose rate of errors nobody has measured: see brinell calibrate; from the limit on it is named", class)
}

func (r *reasons) add(code string, value, limit float64, met bool, text string) {
	r.v.Why = append(r.v.Why, bearing.Reason{Code: code, Value: round(value, 4), Limit: round(limit, 4), Met: met, Text: text})
}

// shift moves the odds of normal by what the baseline says.
func shift(p bearing.ByFault, j judgement) bearing.ByFault {
	k := math.Exp(baselineOdds)
	if j.changed {
		k = 1 / k
	}
	p[0] *= k
	sum := p[0] + p[1] + p[2] + p[3]
	for i := range p {
		p[i] /= sum
	}
	return p
}

// capAt takes from what exceeds the limit and gives it to the rest alike: normal, or
// with all set any condition.
func capAt(p bearing.ByFault, limit float64, all bool) bearing.ByFault {
	for i, v := range p {
		if v <= limit || i > 0 && !all {
			continue
		}
		excess := v - limit
		p[i] = limit
		for k := range p {
			if k != i {
				p[k] += excess / 3
			}
		}
	}
	return p
}

// capOthers leaves what is not named no more than 0.5: a condition that is held to be
// less likely than not, for reasons that the calibration does not know.
func capOthers(p bearing.ByFault, named int) bearing.ByFault {
	for i, v := range p {
		if i == named || v <= withoutPast {
			continue
		}
		p[i] = withoutPast
		for k := range p {
			if k != i {
				p[k] += (v - withoutPast) / 3
			}
		}
	}
	return p
}

// strangeness reports whether the window is none of a machine with rolling bearings as
// far as can be seen, so that no condition may be named with confidence.
func strangeness(r *reasons, o *observation, m *memory) bool {
	strange := false
	for _, code := range []string{"tonal", "mains_hum", "rate_suspect", "transient", "coarse_adc", "settling", "dc_offset", "unsteady", "unit_suspect"} {
		if o.quality.Has(code) {
			strange = true
			r.add(code, 1, 1, true, "the signal's quality allows no confident answer: "+code)
		}
	}
	if o.outside() {
		strange = true
		r.add("out_of_domain", o.distance, o.domain, true, "distance of the network's input from all that it was trained on: beyond the limit its answer is a guess")
	}
	if !o.lines {
		return strange
	}
	tones, free := m.mean(m.tones), m.mean(m.free)
	r.add("tones", tones, tonesLimit, tones >= tonesLimit, "discrete lines in the spectrum: a running machine has them, noise has none")
	r.add("unexplained_lines", free, freeLimit, free >= freeLimit, "score of a comb that is neither the bearing's nor the shaft's")
	return strange || tones < tonesLimit || free >= freeLimit && free > m.mean(slices.Max(m.z[:]))
}

// envelopeFault returns the fault whose comb stands out, "" if none does. Where more
// than one does, the highest.
func envelopeFault(m *memory) bearing.Fault {
	best := 0
	for i, z := range m.z {
		if z > m.z[best] {
			best = i
		}
	}
	if m.weight == 0 || m.mean(m.z[best]) < scoreLimit {
		return ""
	}
	return lines.Faults[best]
}

// topFault is the likeliest of the three faults.
func topFault(p bearing.ByFault) bearing.Fault {
	best := 1
	for i := 2; i < len(p); i++ {
		if p[i] > p[best] {
			best = i
		}
	}
	return bearing.Faults[best]
}

// decide names the condition, or says that it cannot be known.
func decide(r *reasons, o *observation, m *memory, j judgement, p bearing.ByFault, envelope bearing.Fault, strange bool) bearing.Fault {
	best := 0
	for i := range p {
		if p[i] > p[best] {
			best = i
		}
	}
	top := bearing.Faults[best]
	if o.lines {
		i := 0
		if envelope != "" {
			i = slices.Index(lines.Faults[:], envelope)
		} else {
			for k, z := range m.z {
				if z > m.z[i] {
					i = k
				}
			}
		}
		r.add("envelope_score", m.mean(m.z[i]), scoreLimit, envelope != "", fmt.Sprintf("score of the comb of %s; from the limit on its lines count", lines.Faults[i]))
	}
	r.add("probability", p[best], named, p[best] >= named, r.probability(top))
	network := netFault(m)
	machine := j.changed && j.drift == "machine"
	if j.changed && !machine {
		r.add("sensor_changed", 1, 1, true, "one gain explains the change: the sensor, its mounting or its unit, not the machine")
	}
	if o.foreign() {
		r.add("class_unproven", o.share(), 0, true,
			fmt.Sprintf("the network names %s, a class of its own that neither the bearing's lines nor the calibration know: look at its probabilities in the network witness", o.class))
	}
	switch {
	case o.foreign() && machine:
		return bearing.UnknownFault
	case o.foreign() && envelope == "":
		return bearing.Inconclusive
	case !o.network && !o.lines && j.limit == 0:
		return bearing.Inconclusive
	case !o.network && !o.lines && machine:
		return bearing.UnknownFault
	case !o.network && !o.lines && !j.changed:
		return bearing.Normal
	case !o.network && !o.lines:
		return bearing.Inconclusive
	case envelope != "" && network != "" && network != bearing.Normal && network != envelope:
		r.add("conflict", 1, 1, true, fmt.Sprintf("the network says %s, the envelope %s", network, envelope))
		return bearing.Inconclusive
	case strange && machine:
		return bearing.UnknownFault
	case strange && j.limit > 0 && !j.changed && envelope == "":
		return bearing.Normal
	case strange:
		return bearing.Inconclusive
	case j.limit > 0 && !j.changed && envelope == "":
		return bearing.Normal // as it was when it was healthy, and no line stands out
	case top == bearing.Normal && machine:
		return bearing.UnknownFault
	case top == bearing.Ball && envelope == "":
		switch hits := showsBall(r, m); {
		case hits:
			return bearing.Ball
		case machine:
			return bearing.UnknownFault
		}
		return nothingFound(r, m)
	case top != bearing.Normal && p[best] >= named && own(r, o, m, j, top):
		return top
	case envelope == "" && !j.changed:
		return nothingFound(r, m)
	case machine:
		return bearing.UnknownFault
	}
	return bearing.Inconclusive
}

func own(r *reasons, o *observation, m *memory, j judgement, f bearing.Fault) bool {
	if m.weight == 0 {
		return true // a network on samples needs no lines
	}
	limit := ownScore
	if o.source == "estimated" {
		limit = 2 * ownScore
		r.add("speed_estimated", o.speed*60, 0, true, "rpm at which the bearing's lines stand out; state the shaft speed for a surer answer")
	}
	if j.limit == 0 && !speedShows(r, m) { // a sensor with a past has been believed before
		limit = 2 * ownScore
		half, tones := m.mean(m.half), m.mean(m.tones)
		r.add("half_orders", half, named, half >= named, "share of windows with lines at half the comb's orders: the stated speed or sampling rate may be half of the true one")
		r.add("machine_tones", tones, machineTones, tones >= machineTones, "discrete lines in the spectrum: below the limit nothing shows that this is a machine")
		if half >= named || tones < machineTones {
			return false
		}
	}
	z := m.mean(m.z[slices.Index(lines.Faults[:], f)])
	r.add("own_score", z, limit, z >= limit, "score of the comb of the fault to be named; where the shaft does not show it must be twice as high")
	return z >= limit
}

// speedShows reports whether the shaft's own lines are where the stated speed and
// sampling rate put them. If one is wrong, so are the places of all lines.
func speedShows(r *reasons, m *memory) bool {
	s := m.mean(m.shaft)
	r.add("shaft_lines", s, shaftLimit, s >= shaftLimit, "score of the shaft's odd harmonics in the spectrum: below the limit, the stated speed or sampling rate may be wrong")
	return s >= shaftLimit
}

// showsBall reports whether a rolling element's fault shows without lines of its own:
// by hits of a running machine that no comb explains.
func showsBall(r *reasons, m *memory) bool {
	hits, tones, free := m.mean(m.impulsive), m.mean(m.tones), m.mean(m.free)
	r.add("impulsiveness", hits, impulsiveLimit, hits >= impulsiveLimit, "ln(1 + spectral kurtosis) in half of the window's pieces: hits that no race's line explains")
	if hits < impulsiveLimit {
		return false
	}
	r.add("hits_seconds", m.seconds, hitsSeconds, m.seconds >= hitsSeconds, "seconds of signal in which it hits: a single window may by chance")
	r.add("machine_tones", tones, machineTones, tones >= machineTones, "discrete lines in the spectrum: below the limit, hits may be of no machine")
	r.add("hits_explained", free, freeHits, free >= freeHits, "score of a comb that is not this bearing's: from the limit on, hits are no rolling element's")
	return m.seconds >= hitsSeconds && tones >= machineTones && free < freeHits && speedShows(r, m)
}

// nothingFound is the verdict where no line and no hit is found and no baseline speaks: a rolling
// element may be damaged and show neither, as several of CWRU do, so that is no word of normal.
func nothingFound(r *reasons, m *memory) bearing.Fault {
	hits, tones := m.mean(m.impulsive), m.mean(m.tones)
	r.add("calm", hits, calm, hits < calm, "ln(1 + spectral kurtosis): below the limit nothing hits; from it on something does, and nobody knows what")
	r.add("machine_tones", tones, machineTones, tones >= machineTones, "discrete lines in the spectrum: from the limit on it is a running machine, whose silence says something")
	if shows := speedShows(r, m); !shows || hits >= calm || tones < machineTones {
		return bearing.Inconclusive
	}
	r.add("nothing_found", 1, 1, true, "no sign of damage; without the sensor's own healthy past that is not normal, for a damaged rolling element may show none")
	return bearing.Inconclusive
}

// netFault is what the network names by itself, "" if nothing.
func netFault(m *memory) bearing.Fault {
	if m.netWeight == 0 {
		return ""
	}
	for i, v := range m.logp {
		if math.Exp(v/m.netWeight) > named {
			return bearing.Faults[i]
		}
	}
	return ""
}

// agreement says how the witnesses stand to what was decided.
func agreement(o *observation, m *memory, j judgement, fault, envelope bearing.Fault) bearing.Agreement {
	network := netFault(m)
	damaged := slices.Contains(lines.Faults[:], fault)
	switch {
	case fault == bearing.Inconclusive && (envelope == "" || network == "" || network == envelope || network == bearing.Normal):
		return bearing.Unclear
	case network != "" && envelope != "" && network != envelope:
		return bearing.Disagree
	case damaged && j.limit > 0 && !j.changed, fault == bearing.Normal && (envelope != "" || network != "" && network != bearing.Normal):
		return bearing.Disagree
	}
	return bearing.Agree
}

// unknownScore is high where no known fault's comb stands out, and higher where
// another one does.
func unknownScore(m *memory) float64 {
	if m.weight == 0 {
		return 0
	}
	known := max(m.mean(m.z[0]), m.mean(m.z[1]), m.mean(m.z[2]))
	return UnknownScore(known, m.mean(m.free))
}

// severity grades what was found, by what is seen: the classic four stages. In the
// fourth the noise of the worn races drowns the lines, which only a baseline can tell.
func severity(s bearing.Severity, fault bearing.Fault, o *observation, m *memory, j judgement) bearing.Severity {
	if !slices.Contains(lines.Faults[:], fault) {
		return s
	}
	harmonics := 0
	for _, l := range o.found {
		if l.Fault == fault {
			harmonics++
		}
	}
	switch {
	case j.rise >= broadband && j.drift == "machine":
		s.Stage, s.Evidence = 4, fmt.Sprintf("all bands have risen by %.1f dB and more above the healthy windows of this sensor", 20*j.rise/math.Ln10)
	case harmonics >= 2:
		s.Stage, s.Evidence = 3, fmt.Sprintf("%d harmonics of the fault's line stand out of the envelope spectrum", harmonics)
	case harmonics == 1:
		s.Stage, s.Evidence = 2, "one line stands out of the envelope spectrum"
	default:
		s.Stage, s.Evidence = 2, fmt.Sprintf("resonances are excited (impulsiveness %.2f) without lines", m.mean(m.impulsive))
	}
	return s
}
