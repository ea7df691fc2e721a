package diagnose

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brinell/bearing"
	"brinell/features/lines"
	"brinell/models"
)

var update = flag.Bool("update", false, "write testdata/judgement.golden and docs/thresholds.md anew")

// judged is all that judge weighs.
type judged struct {
	o *observation
	m *memory
	j judgement
	c models.Calibration
	z Zones
}

// worn is a window from which every row of the table begins: a second of a machine at its
// stated speed, whose network and whose lines say alike that the outer race is damaged. The
// sensor has no past. The calibration takes the network's word as it is.
func worn() *judged {
	c := &judged{
		o: &observation{seconds: 1, rate: 12000, speed: 30, source: bearing.SpeedStated, candidates: 1,
			quality: bearing.Quality{Level: bearing.Good}, bearing: "6205-2RS", running: "1797-2156 rpm, 12000 Hz",
			found: []bearing.Line{{Fault: bearing.OuterRace, Harmonic: 1}, {Fault: bearing.OuterRace, Harmonic: 2}}},
		m: &memory{windows: 4, seconds: 4, weight: 1, tones: 60, shaft: 6, impulsive: 0.2, free: 1},
		c: models.Calibration{Network: 1, Conformal: 0.8, Alpha: 0.1, Bearings: 40},
		z: KnownZones[0],
	}
	c.net(0.1, 0.1, 0.7, 0.1)
	c.combs(0, 8, 0)
	return c
}

// net sets what the network says of bearing.Faults: normal, inner race, outer race, ball.
func (c *judged) net(p ...float64) {
	c.o.network, c.m.netWeight = true, 1
	c.o.labels = p
	for i, v := range p {
		c.o.byFault[i], c.m.logp[i] = v, math.Log(v)
	}
}

// combs sets the scores of the combs of inner race, outer race and ball.
func (c *judged) combs(z ...float64) {
	c.o.lines = true
	copy(c.o.z[:], z)
	c.m.z = c.o.z
}

// mute takes the network's and the lines' word away.
func (c *judged) mute() {
	c.o.network, c.o.lines, c.o.noNetwork = false, false, "no lines"
	c.m.netWeight, c.m.weight = 0, 0
}

// healthy is a baseline that finds the window as the sensor always was.
func (c *judged) healthy() { c.j = judgement{state: bearing.Ready, distance: 1, limit: 2} }

// changed is one that does not.
func (c *judged) changed(drift string) {
	c.j = judgement{state: bearing.Ready, distance: 3, limit: 2, changed: true, drift: drift, rise: 0.1}
}

func (c *judged) flag(code string) { degrade(&c.o.quality, bearing.Flag{Code: code}) }

// level makes it a window of velocity, of so many mm/s RMS.
func (c *judged) level(rms float64) { c.o.running, c.o.velocity = "velocity, 12000 Hz", rms }

// quiet is a window in which neither network nor lines find damage.
func (c *judged) quiet() {
	c.net(0.4, 0.2, 0.2, 0.2)
	c.combs(0, 1, 0)
	c.o.found = nil
}

// ball is one whose network finds a damaged rolling element, and in which something hits that
// no line explains.
func (c *judged) ball() {
	c.net(0.1, 0.1, 0.1, 0.7)
	c.combs(0, 1, 0)
	c.o.found = nil
	c.m.impulsive = 0.9
}

// judgements are the rows: every branch of the verdict, and every threshold at its limit and
// just before it. The numbers stand here once more on purpose.
var judgements = []struct {
	name string
	set  func(*judged)
}{
	{"as it is", func(*judged) {}},
	{"not calibrated", func(c *judged) { c.c = models.Uncalibrated }},
	{"unusable", func(c *judged) { c.o.quality.Level = bearing.Unusable }},
	{"rate below ultrasonic", func(c *judged) { c.o.rate = 99999 }},
	{"rate ultrasonic", func(c *judged) { c.o.rate = 100000 }},

	// Of velocity.
	{"velocity, zone B", func(c *judged) { c.level(2.8) }},
	{"velocity, zone C", func(c *judged) { c.level(2.8001) }},
	{"velocity, too short", func(c *judged) {
		c.level(0)
		c.o.short = shortness{0.5, 1, 1, false, "the window lasts 0.5 s"}
	}},
	{"velocity, as it was", func(c *judged) { c.level(1); c.healthy() }},
	{"velocity, machine changed", func(c *judged) { c.level(1); c.changed("machine") }},
	{"velocity, sensor changed", func(c *judged) { c.level(1); c.changed("sensor") }},
	{"acceleration, zone A", func(c *judged) { c.o.velocity = 1.4 }},
	{"acceleration, zone B", func(c *judged) { c.o.velocity = 1.4001 }},
	{"acceleration, below zone D", func(c *judged) { c.o.velocity = 4.5 }},
	{"acceleration, zone D", func(c *judged) { c.o.velocity = 4.5001 }},

	// What is known of the bearing.
	{"bearing unknown", func(c *judged) { c.mute(); c.o.unfitted, c.o.noLines = "not known", "not known" }},
	{"lines withheld", func(c *judged) { c.mute(); c.o.noLines = "too few turns" }},
	{"one of several bearings, none shows", func(c *judged) { c.o.which = "DE"; c.combs(0, 2.9999, 0) }},
	{"one of several bearings shows", func(c *judged) { c.o.which = "DE"; c.combs(0, 3, 0) }},
	{"one of several bearings, now silent", func(c *judged) { c.o.which = "DE"; c.o.z = lines.ByFault{} }},
	{"estimated orders", func(c *judged) { c.o.candidates = 8 }},
	{"window short", func(c *judged) {
		c.o.short = shortness{5, 20, 0.67, true, "the window holds 5 turns"}
	}},

	// Neither network nor lines.
	{"mute", func(c *judged) { c.mute() }},
	{"mute, as it was", func(c *judged) { c.mute(); c.healthy() }},
	{"mute, machine changed", func(c *judged) { c.mute(); c.changed("machine") }},
	{"mute, sensor changed", func(c *judged) { c.mute(); c.changed("sensor") }},

	// What a baseline adds.
	{"as it was, with lines", func(c *judged) { c.healthy() }},
	{"as it was, without lines", func(c *judged) { c.quiet(); c.healthy() }},
	{"as it was, network alone finds damage", func(c *judged) { c.combs(0, 1, 0); c.healthy() }},
	{"machine changed, with lines", func(c *judged) { c.changed("machine") }},
	{"machine changed, without lines", func(c *judged) { c.quiet(); c.changed("machine") }},
	{"machine changed, normal likeliest", func(c *judged) {
		c.quiet()
		c.net(0.99, 0.003, 0.004, 0.003)
		c.changed("machine")
	}},
	{"sensor changed, normal likeliest", func(c *judged) {
		c.quiet()
		c.net(0.99, 0.003, 0.004, 0.003)
		c.changed("sensor")
	}},
	{"sensor changed, with lines", func(c *judged) { c.changed("sensor") }},
	{"sensor changed, without lines", func(c *judged) { c.quiet(); c.changed("sensor") }},
	{"normal at most half", func(c *judged) { c.quiet(); c.net(0.5, 0.2, 0.2, 0.1) }},
	{"normal above half without a past", func(c *judged) { c.quiet(); c.net(0.8, 0.1, 0.05, 0.05) }},
	{"normal above half with a past", func(c *judged) { c.quiet(); c.net(0.8, 0.1, 0.05, 0.05); c.healthy() }},

	// Windows of no machine.
	{"tonal", func(c *judged) { c.flag("tonal") }},
	{"mains_hum", func(c *judged) { c.flag("mains_hum") }},
	{"rate_suspect", func(c *judged) { c.flag("rate_suspect") }},
	{"transient", func(c *judged) { c.flag("transient") }},
	{"coarse_adc", func(c *judged) { c.flag("coarse_adc") }},
	{"settling", func(c *judged) { c.flag("settling") }},
	{"dc_offset", func(c *judged) { c.flag("dc_offset") }},
	{"unsteady", func(c *judged) { c.flag("unsteady") }},
	{"unit_suspect", func(c *judged) { c.flag("unit_suspect") }},
	{"rate_low is no matter", func(c *judged) { c.flag("rate_low") }},
	{"strange, as it was, without lines", func(c *judged) { c.flag("tonal"); c.quiet(); c.healthy() }},
	{"strange, as it was, with lines", func(c *judged) { c.flag("tonal"); c.healthy() }},
	{"strange, machine changed", func(c *judged) { c.flag("tonal"); c.changed("machine") }},
	{"strange, sensor changed", func(c *judged) { c.flag("tonal"); c.changed("sensor") }},
	{"at the edge of the domain", func(c *judged) { c.o.distance, c.o.domain = 2, 2 }},
	{"outside of the domain", func(c *judged) { c.o.distance, c.o.domain = 2.0001, 2 }},
	{"without a domain", func(c *judged) { c.o.distance = 2.0001 }},
	{"few tones", func(c *judged) { c.m.tones = 7.9999 }},
	{"tones enough", func(c *judged) { c.m.tones = 8 }},
	{"unexplained lines below the limit", func(c *judged) { c.m.free = 4.9999; c.combs(0, 4, 0) }},
	{"unexplained lines", func(c *judged) { c.m.free = 5; c.combs(0, 4, 0) }},
	{"unexplained lines lower than the bearing's", func(c *judged) { c.m.free = 5; c.combs(0, 5.1, 0) }},
	{"unexplained lines as high as the bearing's", func(c *judged) { c.m.free = 5; c.combs(0, 5, 0) }},

	// The lines.
	{"lines below the limit", func(c *judged) { c.combs(0, 2.9999, 0) }},
	{"lines at the limit", func(c *judged) { c.combs(0, 3, 0) }},
	{"two combs, the highest counts", func(c *judged) { c.combs(7, 8, 3) }},
	{"two combs alike", func(c *judged) { c.combs(8, 8, 0) }},
	{"lines of the ball", func(c *judged) { c.ball(); c.combs(0, 0, 5) }},

	// Network and lines.
	{"conflict", func(c *judged) { c.net(0.1, 0.7, 0.1, 0.1) }},
	{"conflict at half", func(c *judged) { c.net(0.1, 0.5, 0.3, 0.1) }},
	{"network normal, lines not", func(c *judged) { c.net(0.7, 0.1, 0.1, 0.1) }},
	{"network normal, lines not, as it was", func(c *judged) { c.net(0.7, 0.1, 0.1, 0.1); c.healthy() }},
	{"conflict, machine changed", func(c *judged) { c.net(0.1, 0.7, 0.1, 0.1); c.changed("machine") }},
	{"probability below half", func(c *judged) { c.net(0.2, 0.2, 0.4999, 0.1001) }},
	{"probability half", func(c *judged) { c.net(0.2, 0.2, 0.5, 0.1) }},
	{"probability below half, machine changed", func(c *judged) { c.net(0.2, 0.25, 0.3, 0.25); c.changed("machine") }},
	{"a class of its own", func(c *judged) { c.quiet(); c.o.class = "cage_fault" }},
	{"a class of its own, with lines", func(c *judged) { c.o.class = "cage_fault" }},
	{"a class of its own, machine changed", func(c *judged) { c.quiet(); c.o.class = "cage_fault"; c.changed("machine") }},
	{"a class of its own, sensor changed", func(c *judged) { c.quiet(); c.o.class = "cage_fault"; c.changed("sensor") }},

	// What a race must show to be named.
	{"network alone", func(c *judged) { c.combs(0, 0, 0); c.o.lines, c.m.weight = false, 0 }},
	{"own comb below the limit", func(c *judged) { c.net(0.02, 0.02, 0.94, 0.02); c.combs(0, 2.9999, 0) }},
	{"estimated speed, own comb below", func(c *judged) { c.o.source = bearing.SpeedEstimated; c.combs(0, 5.9999, 0) }},
	{"estimated speed, own comb enough", func(c *judged) { c.o.source = bearing.SpeedEstimated; c.combs(0, 6, 0) }},
	{"shaft just hidden, own comb below", func(c *judged) { c.m.shaft = 1.4999; c.combs(0, 5.9999, 0) }},
	{"shaft just hidden, own comb enough", func(c *judged) { c.m.shaft = 1.4999; c.combs(0, 6, 0) }},
	{"shaft just shows", func(c *judged) { c.m.shaft = 1.5; c.combs(0, 5.9999, 0) }},
	{"shaft hidden, half orders", func(c *judged) { c.m.shaft, c.m.half = 0, 0.5 }},
	{"shaft hidden, hardly half orders", func(c *judged) { c.m.shaft, c.m.half = 0, 0.4999 }},
	{"shaft hidden, few tones", func(c *judged) { c.m.shaft, c.m.tones = 0, 24.9999 }},
	{"shaft hidden, tones enough", func(c *judged) { c.m.shaft, c.m.tones = 0, 25 }},
	{"shaft hidden, sensor with a past", func(c *judged) { c.m.shaft = 0; c.combs(0, 5, 0); c.changed("sensor") }},

	// A rolling element without lines.
	{"hits", func(c *judged) { c.ball() }},
	{"hits below the limit", func(c *judged) { c.ball(); c.m.impulsive = 0.6899 }},
	{"hits at the limit", func(c *judged) { c.ball(); c.m.impulsive = 0.69 }},
	{"hits for too short a time", func(c *judged) { c.ball(); c.m.seconds = 1.9999 }},
	{"hits for long enough", func(c *judged) { c.ball(); c.m.seconds = 2 }},
	{"hits of few tones", func(c *judged) { c.ball(); c.m.tones = 24.9999 }},
	{"hits of tones enough", func(c *judged) { c.ball(); c.m.tones = 25 }},
	{"hits that another comb hardly explains", func(c *judged) { c.ball(); c.m.free = 3.9999 }},
	{"hits that another comb explains", func(c *judged) { c.ball(); c.m.free = 4 }},
	{"hits, shaft just hidden", func(c *judged) { c.ball(); c.m.shaft = 1.4999 }},
	{"hits, shaft just shows", func(c *judged) { c.ball(); c.m.shaft = 1.5 }},
	{"hits explained, machine changed", func(c *judged) { c.ball(); c.m.free = 4; c.changed("machine") }},
	{"hits, machine changed", func(c *judged) { c.ball(); c.changed("machine") }},

	// Nothing found.
	{"calm", func(c *judged) { c.quiet(); c.m.impulsive = 0.2499 }},
	{"not calm", func(c *judged) { c.quiet(); c.m.impulsive = 0.25 }},
	{"calm, few tones", func(c *judged) { c.quiet(); c.m.tones = 24.9999 }},
	{"calm, tones enough", func(c *judged) { c.quiet(); c.m.tones = 25 }},
	{"calm, shaft just hidden", func(c *judged) { c.quiet(); c.m.shaft = 1.4999 }},
	{"calm, shaft just shows", func(c *judged) { c.quiet(); c.m.shaft = 1.5 }},

	// Severity.
	{"no line stands out", func(c *judged) { c.o.found = nil }},
	{"one line", func(c *judged) { c.o.found = c.o.found[:1] }},
	{"lines of another fault", func(c *judged) { c.o.found = []bearing.Line{{Fault: bearing.InnerRace, Harmonic: 1}} }},
	{"all bands just below stage 4", func(c *judged) { c.changed("machine"); c.j.rise = 1.3859 }},
	{"all bands, stage 4", func(c *judged) { c.changed("machine"); c.j.rise = 1.386 }},
	{"all bands of a changed sensor", func(c *judged) { c.changed("sensor"); c.j.rise = 2 }},

	// How sure.
	{"first window", func(c *judged) { c.m.windows = 2 }},
	{"third window", func(c *judged) { c.m.windows = 3 }},
	{"nearly certain", func(c *judged) { c.net(0.002, 0.002, 0.9949, 0.0011) }},
	{"certain", func(c *judged) { c.net(0.002, 0.002, 0.995, 0.001) }},
	{"at the edge of the set", func(c *judged) { c.net(0.2, 0.0001, 0.7, 0.0999) }},
}

// TestJudgement compares what judge makes of each row with testdata/judgement.golden, whole.
func TestJudgement(t *testing.T) {
	const path = "testdata/judgement.golden"
	texts := make(map[string]bool) // of the reasons: each stands at the end of the file, once
	var got strings.Builder
	blocks := make(map[string]string)
	for _, row := range judgements {
		c := worn()
		row.set(c)
		v, p := judge(c.o, c.m, c.j, &c.c, c.z)
		block := written(v, p)
		if _, twice := blocks[row.name]; twice {
			t.Fatalf("%q stands twice", row.name)
		}
		blocks[row.name] = block
		fmt.Fprintf(&got, "# %s\n%s\n", row.name, block)
		for _, r := range v.Why {
			texts[r.Code+": "+r.Text] = true
		}
	}
	all := strings.Join(slices.Sorted(maps.Keys(texts)), "\n") + "\n"
	fmt.Fprintf(&got, "# the texts of the reasons\n%s", all)
	blocks["the texts of the reasons"] = all
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	for block := range strings.SplitSeq(strings.TrimPrefix(string(b), "# "), "\n# ") {
		name, text, _ := strings.Cut(block, "\n")
		want[name] = text
	}
	for name, block := range blocks {
		if d := cmp.Diff(strings.TrimSpace(want[name]), strings.TrimSpace(block)); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
	if len(want) != len(blocks) {
		t.Errorf("%d rows in %s, want %d", len(want), path, len(blocks))
	}
}

// written is a verdict in a few lines.
func written(v bearing.Verdict, p bearing.ByFault) string {
	var s strings.Builder
	fmt.Fprintf(&s, "fault %q %s, likeliest %q %.4f, top %q, set %v at %v\n", v.Fault, v.Agreement, v.Likeliest, v.Probability,
		v.TopFault, v.PredictionSet, v.Alpha)
	fmt.Fprintf(&s, "p %.4f, unknown %.4f, %d windows, %v s, stage %d, stage 1 %s", p, v.UnknownScore, v.Windows, v.Seconds,
		v.Severity.Stage, v.Severity.Stage1)
	if v.Bearing != "" {
		fmt.Fprintf(&s, ", bearing %s", v.Bearing)
	}
	if z := v.Velocity; z != nil {
		fmt.Fprintf(&s, ", velocity %v zone %s %s", z.RMS, z.Zone, z.Class)
	}
	if v.Severity.Evidence != "" {
		fmt.Fprintf(&s, "\nevidence: %s", v.Severity.Evidence)
	}
	for _, r := range v.Why {
		met := "no "
		if r.Met {
			met = "yes"
		}
		fmt.Fprintf(&s, "\n  %s %s %v of %v", met, r.Code, r.Value, r.Limit)
	}
	fmt.Fprintf(&s, "\n%s\n", v.Summary)
	return s.String()
}
