package mutants

// change is one line: what stands there, and what is put in its place.
type change struct{ old, new string }

// in returns changes to one file, which tests beside it must notice.
func in(file, run string, changes ...change) (all []mutant) {
	for _, c := range changes {
		all = append(all, mutant{file: file, old: c.old, new: c.new, run: run})
	}
	return all
}

// join puts parts of the list together.
func join(parts ...[]mutant) (all []mutant) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// judgement is the verdict: what is weighed and named, the memory and the baseline of a sensor.
var judgement = join(
	in("internal/diagnose/verdict.go", "Judgement",
		change{`o.rate >= ultrasonic`, `o.rate > ultrasonic`},
		change{`p[0] > withoutPast || strange {`, `p[0] > withoutPast {`},
		change{`k = 1 / k`, `k *= 1`},
		change{`excess / 3`, `excess / 4`},
		change{`(v - withoutPast) / 3`, `(v - withoutPast) / 4`},
		change{`[]string{"tonal", `, `[]string{`},
		change{`"dc_offset", "unsteady", "unit_suspect"}`, `"dc_offset", "unsteady"}`},
		change{`"transient", "coarse_adc",`, `"transient",`},
		change{`strange || tones < tonesLimit ||`, `strange || tones <= tonesLimit ||`},
		change{`|| free >= freeLimit && free >`, `|| free > freeLimit && free >`},
		change{` && free > m.mean(slices.Max(m.z[:]))`, ``},
		change{`m.mean(m.z[best]) < scoreLimit`, `m.mean(m.z[best]) <= scoreLimit`},
		change{`case o.foreign() && machine:`, `case o.foreign() && j.changed:`},
		change{`case !o.network && !o.lines && machine:`, `case !o.network && !o.lines && j.changed:`},
		change{
			`network != "" && network != bearing.Normal && network != envelope:`,
			`network != "" && network != envelope:`,
		},
		change{`case strange && machine:`, `case strange && j.changed:`},
		change{
			`case strange && j.limit > 0 && !j.changed && envelope == "":`,
			`case strange && j.limit > 0 && !j.changed:`,
		},
		change{`case j.limit > 0 && !j.changed && envelope == "":`, `case j.limit > 0 && !j.changed:`},
		change{`case top == bearing.Normal && machine:`, `case top == bearing.Normal && j.changed:`},
		change{`p[best] >= named && own(r, o, m, j, top)`, `p[best] > named && own(r, o, m, j, top)`},
		change{`p[best] >= named && own(r, o, m, j, top)`, `p[best] >= named`},
		change{`if o.source == "estimated" {`, `if o.source == "" {`},
		change{`if j.limit == 0 && !speedShows(r, m) {`, `if !speedShows(r, m) {`},
		change{`if half >= named || tones < machineTones {`, `if half > named || tones < machineTones {`},
		change{`if half >= named || tones < machineTones {`, `if half >= named || tones <= machineTones {`},
		change{`return s >= shaftLimit`, `return s > shaftLimit`},
		change{`free < freeHits && speedShows(r, m)`, `free < freeHits`},
		change{`!shows || hits >= calm || tones < machineTones`, `!shows || tones < machineTones`},
		change{`math.Exp(v/m.netWeight) > named`, `math.Exp(v/m.netWeight) >= named`},
		change{`network == envelope || network == bearing.Normal):`, `network == envelope):`},
		change{`case damaged && j.limit > 0 && !j.changed, fault`, `case damaged && j.limit > 0, fault`},
		change{`j.rise >= broadband && j.drift == "machine"`, `j.rise >= broadband`},
		change{`case harmonics >= 2:`, `case harmonics >= 1:`},
	),
	in("internal/diagnose/observe.go", "Judgement",
		change{`o.distance > o.domain`, `o.distance >= o.domain`},
	),
	in("internal/diagnose/velocity.go", "Judgement",
		change{`[3]float64{1.4, 2.8, 4.5}`, `[3]float64{1.4, 2.8, 4.0}`},
		change{`if rms > limit {`, `if rms >= limit {`},
	),
	in("internal/diagnose/state.go", "Forgetting|MemoryEnds|RunningLimits|UnitMargin|SensorGain",
		change{`min(2*zLimit, o.free.Z)`, `min(zLimit, o.free.Z)`},
		change{`o.bearing != m.bearing && o.lines`, `false && o.lines`},
		change{`) * math.Sqrt(m.weight)`, `) * m.weight`},
	),
	in("internal/diagnose/baseline.go", "BaselineLimits|Fit$|SensorGain",
		change{`j.changed = j.distance > j.limit`, `j.changed = j.distance >= j.limit`},
		change{`f.distance(same) <= f.limit`, `f.distance(same) <= 2*f.limit`},
		change{`least = min(least, v[i]-f.mean[i])`, `least = max(least, v[i]-f.mean[i])`},
	),
)
