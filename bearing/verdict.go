package bearing

import "time"

// Verdict is what the witnesses come to together.
type Verdict struct {
	Agreement Agreement `json:"agreement"`
	Fault     Fault     `json:"fault"` // the diagnosis's fault
	Bearing   string    `json:"bearing,omitempty" doc:"of several bearings on the sensor the one whose lines stand out most; left out where there is one, or no fault of it is named"`
	TopFault  Fault     `json:"top_fault"` // the likeliest of inner race, outer race and ball, damaged or not

	// Summary says in a sentence or two what this is, how sure, and what to do next.
	Summary string `json:"summary,omitempty" doc:"what this is, how sure, and what to do next"`

	// Likeliest is the class of the greatest probability, "" where no witness says anything.
	// It is Fault where that is named.
	Likeliest Fault `json:"likeliest,omitempty" doc:"the likeliest class, also where it is not sure enough to be named; left out where no witness says anything"`

	// Probability is that of Likeliest: where the model was calibrated, as its card says, by
	// bearings that training had not seen, else the network's own word, and Alpha is 1.
	Probability float64 `json:"probability"`

	// PredictionSet holds the classes that cannot be ruled out: over bearings like those
	// of the calibration it leaves the true one out at most at the rate Alpha.
	PredictionSet []Fault `json:"prediction_set"`
	Alpha         float64 `json:"alpha"`

	UnknownScore float64  `json:"unknown_score"` // 0 to 1: how far the window is from all that is known
	Severity     Severity `json:"severity"`
	Velocity     *Zone    `json:"velocity,omitempty"` // of windows of a second or more
	Windows      int      `json:"windows"`            // of this sensor that the verdict rests on
	Seconds      float64  `json:"seconds"`            // of signal in them
	Why          []Reason `json:"why"`
}

// Agreement says how the witnesses stand to each other.
type Agreement string

// The agreements. One witness alone agrees with itself.
const (
	Agree    Agreement = "agree"
	Disagree Agreement = "conflict"
	Unclear  Agreement = "inconclusive"
)

// Reason is one threshold that took part in a verdict, passed or not.
type Reason struct {
	Code  string  `json:"code"`
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
	Met   bool    `json:"met"` // the value reaches the limit
	Text  string  `json:"text"`
}

// Severity is the stage of a bearing's wear, 1 to 4, with what speaks for it. Stage 0
// is none.
type Severity struct {
	Stage    int    `json:"stage"`
	Stage1   string `json:"stage_1"` // observable or not_observable: it shows in ultrasound only
	Evidence string `json:"evidence"`
}

// Zone is an evaluation zone of broad-band vibration by velocity.
type Zone struct {
	RMS     float64 `json:"rms_mm_s"`
	Zone    string  `json:"zone"` // A to D
	Class   string  `json:"class"`
	Edition string  `json:"edition"`
	Band    string  `json:"band"`
}

// Witnesses are what each of them says for itself.
type Witnesses struct {
	Network  NetworkWitness  `json:"network"`
	Envelope EnvelopeWitness `json:"envelope"`
	Baseline BaselineWitness `json:"baseline"`
}

// NetworkWitness is the network's answer.
type NetworkWitness struct {
	Available     bool    `json:"available"`
	Reason        string  `json:"reason,omitempty"` // why it says nothing
	Fault         Fault   `json:"fault"`
	Probabilities Values  `json:"probabilities"` // of this window alone, not calibrated
	ByFault       Values  `json:"by_fault"`      // the same, summed over the labels of each fault
	LogOdds       Values  `json:"log_odds"`      // accumulated over the sensor's windows
	Distance      float64 `json:"distance"`      // of its input from those it was trained on
	Limit         float64 `json:"limit"`         // of that: beyond, it guesses; 0 where the model does not know
}

// EnvelopeWitness is the answer of the bearing's physics.
type EnvelopeWitness struct {
	Available   bool    `json:"available"`
	Reason      string  `json:"reason,omitempty"`
	Fault       Fault   `json:"fault"`
	Scores      Values  `json:"scores"`        // by fault: deviations of its comb from combs where no bearing has lines, accumulated
	Window      Values  `json:"window_scores"` // of this window alone
	Limit       float64 `json:"limit"`         // from which a score counts
	Lines       []Line  `json:"lines"`         // that stand out, the highest first
	BandLow     float64 `json:"band_low_hz"`
	BandHigh    float64 `json:"band_high_hz"`
	Turns       float64 `json:"turns"` // of the shaft in one segment
	Bearing     string  `json:"bearing,omitempty"`
	SpeedSource string  `json:"speed_source,omitempty"` // stated, registered or estimated
	SpeedHz     float64 `json:"speed_hz,omitempty"`
	Impulsive   float64 `json:"impulsiveness"` // ln(1 + spectral kurtosis) by medians, 0 for Gaussian noise
}

// Line is a line of the envelope spectrum that fits a fault.
type Line struct {
	Fault    Fault   `json:"fault"`
	Harmonic int     `json:"harmonic"`
	Order    float64 `json:"order"`
	Hz       float64 `json:"hz"`
	DB       float64 `json:"over_floor_db"`
}

// BaselineWitness is what the sensor's own past says.
type BaselineWitness struct {
	State    BaselineState `json:"state"`
	Reason   string        `json:"reason,omitempty"`
	Learned  int           `json:"learned_windows"`
	Needed   int           `json:"needed_windows"`
	Method   string        `json:"method,omitempty"`
	Distance float64       `json:"distance"` // from the healthy windows
	Limit    float64       `json:"limit"`    // from their held-back part; beyond, changed
	Changed  bool          `json:"changed"`
	Drift    string        `json:"drift,omitempty"` // what changed: sensor, machine, or neither: out_of_domain
	Running  string        `json:"running_state,omitempty"`
	Alarm    *Run          `json:"alarm,omitempty"`
	Version  string        `json:"version,omitempty"` // digest of the baseline
}

// BaselineState is how far a baseline has got.
type BaselineState string

// The states of a baseline.
const (
	Absent   BaselineState = "absent"
	Learning BaselineState = "learning"
	Ready    BaselineState = "ready"
	Frozen   BaselineState = "frozen"
)

// Run is a change that lasts: so many windows in a row beyond the limit.
type Run struct {
	Onset  time.Time  `json:"onset"`            // first window of the run
	Raised *time.Time `json:"raised,omitempty"` // window that made it last; absent while it has not
	Count  int        `json:"windows"`
}

// State is what of a sensor's past took part in a diagnosis.
type State struct {
	Digest   string  `json:"digest"` // SHA-256 of the rest, hex
	Windows  int     `json:"windows"`
	Seconds  float64 `json:"seconds"`
	Weight   float64 `json:"weight"` // of the windows, with forgetting
	Evidence Values  `json:"evidence"`
	Baseline string  `json:"baseline,omitempty"` // version

	// Epoch says how often the order of the sensor's windows has begun anew, because a clock
	// was set back. Windows are ordered by it, then by Diagnosis.At.
	Epoch int `json:"epoch,omitempty"`
}
