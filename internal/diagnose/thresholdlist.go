package diagnose

// Threshold is a number that decides what is said of a window.
type Threshold struct {
	Name    string // of the constant
	Value   float64
	Unit    string // "" for a share
	Decides string
	Source  string // the run or the reasoning that set it
}

// Sources of more than one number.
const (
	byHand   = "by hand, with CWRU, MFPT and IMS in view: docs/accuracy.md, What chooses what"
	byRate   = "`-run WrongRate`: of 97 recordings 77, 37 and 54 were named at 0.5, 0.8 and 2 times their rate, now 11, 2 and 2"
	byRule   = "counting rules, before the runs to failure were judged: docs/accuracy.md, What chooses what"
	bySearch = "searched for: docs/accuracy.md, When the speed is not stated"
	byGate   = "a rule on the samples, fitted to no corpus; `make garbage` shows what it stops"
	byBound  = "a bound by reasoning; no run set it"
	byEdge   = "a resampler's filter; `-run Upsampled`: no record of a corpus is taken for resampled"
	byISO    = "ISO 20816-1: velocity is graded from 10 to 1000 Hz"
)

// Thresholds are all of them, in the order in which a window meets them.
var Thresholds = []Threshold{
	{
		Name: "minRate", Value: minRate, Unit: "Hz",
		Decides: "below, acceleration is refused (rate_too_low)",
		Source:  "`-run LowRate`: at 5 kHz 48 of 94 are right, 2 wrong",
	},
	{
		Name: "minSamples", Value: minSamples, Unit: "samples",
		Decides: "fewer are refused (window_too_short)",
		Source:  "the bands of a baseline: a spectrum of 1024",
	},
	{
		Name: "lowRate", Value: lowRate, Unit: "Hz",
		Decides: "below, rate_low",
		Source:  "the band that is analysed ends at 5 kHz or 0.4 of the rate, of CWRU's 12 kHz 4.8 kHz",
	},
	{
		Name: "stuckLevels", Value: stuckLevels, Unit: "values",
		Decides: "fewer different ones are a flatline",
		Source:  byGate,
	},
	{
		Name: "heldShare", Value: heldShare, Unit: "",
		Decides: "more samples that repeat the one before are a flatline",
		Source:  byGate,
	},
	{
		Name: "coarseLevels", Value: coarseLevels, Unit: "values",
		Decides: "fewer different ones are coarse_adc",
		Source:  "six bits: a sound converter of a machine shows more",
	},
	{
		Name: "blockProbe", Value: blockProbe, Unit: "samples",
		Decides: "so many that come again to the bit are a repeated_block",
		Source:  "so many samples do not come again by chance",
	},
	{
		Name: "clippedShare", Value: clippedShare, Unit: "",
		Decides: "of samples at the rails, from which a window is clipped and degraded",
		Source:  byGate,
	},
	{
		Name: "clippedMost", Value: clippedMost, Unit: "",
		Decides: "of samples at the rails: more is unusable",
		Source:  byGate,
	},
	{
		Name: "railRun", Value: railRun, Unit: "samples",
		Decides: "in a row at a rail: clipped",
		Source:  "one peak has three at most",
	},
	{
		Name: "dropoutRun", Value: dropoutRun, Unit: "samples",
		Decides: "of one value in a row: a stretch that stands still",
		Source:  byGate,
	},
	{
		Name: "dropoutShare", Value: dropoutShare, Unit: "",
		Decides: "in such stretches: more is a dropout, degraded",
		Source:  byGate,
	},
	{
		Name: "dropoutMost", Value: dropoutMost, Unit: "",
		Decides: "in such stretches: more is unusable",
		Source:  byGate,
	},
	{
		Name: "offsetSigmas", Value: offsetSigmas, Unit: "standard deviations",
		Decides: "mean beyond: dc_offset",
		Source:  byGate,
	},
	{
		Name: "settlingShift", Value: settlingShift, Unit: "standard deviations",
		Decides: "from the first quarter's mean to the last's, beyond: settling",
		Source:  byGate,
	},
	{
		Name: "eventShare", Value: eventShare, Unit: "",
		Decides: "of the energy in a thirty-second of the window, beyond: transient",
		Source:  byGate,
	},
	{
		Name: "fullScales", Value: fullScales, Unit: "full scales",
		Decides: "peak beyond: out_of_range",
		Source:  byGate,
	},
	{
		Name: "unsteadyLimit", Value: unsteadyLimit, Unit: "",
		Decides: "coefficient of variation of the level over tenths of a second, beyond: unsteady",
		Source:  "by hand; `make garbage` shows what it stops",
	},
	{
		Name: "tonalShare", Value: tonalShare, Unit: "",
		Decides: "of the power in one tone, or in the mains' harmonics, beyond: tonal, mains_hum",
		Source:  "by hand; `make garbage` shows what it stops",
	},
	{
		Name: "mainsHarmonics", Value: mainsHarmonics, Unit: "harmonics",
		Decides: "of the mains that count",
		Source:  byGate,
	},
	{
		Name: "emptyFrom", Value: emptyFrom, Unit: "",
		Decides: "of half the rate: an empty band from below there on is rate_suspect",
		Source:  byEdge,
	},
	{
		Name: "emptyBands", Value: emptyBands, Unit: "bands",
		Decides: "of the spectrum in which the edge is looked for",
		Source:  byEdge,
	},
	{
		Name: "emptyFloor", Value: emptyFloor, Unit: "",
		Decides: "of the power below the edge, 40 dB: less is empty",
		Source:  byEdge,
	},
	{
		Name: "emptyFall", Value: emptyFall, Unit: "",
		Decides: "of the power, 30 dB: so steep is the filter of a resampler",
		Source:  byEdge,
	},
	{
		Name: "emptyWithin", Value: emptyWithin, Unit: "bands",
		Decides: "in which it falls so far",
		Source:  byEdge,
	},
	{
		Name: "velocityRate", Value: velocityRate, Unit: "Hz",
		Decides: "below, velocity is refused (rate_too_low)",
		Source:  "2.56 times the top of its band, as analysers sample",
	},
	{
		Name: "velocityLow", Value: velocityLow, Unit: "Hz",
		Decides: "lower edge of the band",
		Source:  byISO,
	},
	{
		Name: "velocityHigh", Value: velocityHigh, Unit: "Hz",
		Decides: "upper edge of the band",
		Source:  byISO,
	},
	{
		Name: "velocitySeconds", Value: velocitySeconds, Unit: "s",
		Decides: "shorter windows have no zone",
		Source:  "ten turns at the lower edge",
	},
	{
		Name: "velocityPiece", Value: velocityPiece, Unit: "s",
		Decides: "longest piece of a window of velocity",
		Source:  "a shaft of 600 rpm turns at the edge of the band",
	},
	{
		Name: "suggestions", Value: suggestions, Unit: "speeds",
		Decides: "so many are tried where none is stated",
		Source:  "by hand; `-run UnstatedSpeed` measures it",
	},
	{
		Name: "estimatedShaft", Value: estimatedShaft, Unit: "deviations",
		Decides: "score of the shaft's lines from which such a speed is believed",
		Source:  bySearch,
	},
	{
		Name: "estimatedScore", Value: estimatedScore, Unit: "deviations",
		Decides: "score of a race's comb from which it is believed",
		Source:  bySearch,
	},
	{
		Name: "lineLimit", Value: lineLimit, Unit: "nepers",
		Decides: "over the floor (8 dB), from which a line is shown",
		Source:  byHand,
	},
	{
		Name: "halfShare", Value: halfShare, Unit: "",
		Decides: "of the lines' height: so high are lines at half orders of a comb that is one of half its order",
		Source:  byRate,
	},
	{
		Name: "scoreLimit", Value: scoreLimit, Unit: "deviations",
		Decides: "score of a comb from which its lines count",
		Source:  byHand,
	},
	{
		Name: "tonesLimit", Value: tonesLimit, Unit: "lines",
		Decides: "fewer discrete lines are no machine: nothing is named",
		Source:  byRate,
	},
	{
		Name: "machineTones", Value: machineTones, Unit: "lines",
		Decides: "from so many on it is a machine",
		Source:  byHand,
	},
	{
		Name: "freeLimit", Value: freeLimit, Unit: "deviations",
		Decides: "score of a comb that nothing explains, from which nothing is named",
		Source:  byHand + "; over noise the best of 800 scores 3 to 4",
	},
	{
		Name: "shaftLimit", Value: shaftLimit, Unit: "deviations",
		Decides: "score of the shaft's own lines from which the stated speed and rate are believed",
		Source:  "CWRU scores from 2.2 on, at wrong rates 95 % below 1.5 (features/lines/shaft.go); " + byRate,
	},
	{
		Name: "ownScore", Value: ownScore, Unit: "deviations",
		Decides: "score of a race's own comb to be named; twice that where the shaft does not show",
		Source:  byHand,
	},
	{
		Name: "named", Value: named, Unit: "",
		Decides: "probability from which a condition is named",
		Source:  "more likely than all others together",
	},
	{
		Name: "withoutPast", Value: withoutPast, Unit: "",
		Decides: "most that normal may have without a baseline, and what is not named",
		Source:  "less likely than not: a damaged rolling element may show nothing",
	},
	{
		Name: "impulsiveLimit", Value: impulsiveLimit, Unit: "ln(1 + spectral kurtosis)",
		Decides: "hits that no comb explains are a rolling element's from here on",
		Source:  "a spectral kurtosis of 1; healthy IMS 0.3 to 0.55; " + byHand,
	},
	{
		Name: "calm", Value: calm, Unit: "ln(1 + spectral kurtosis)",
		Decides: "below, nothing hits",
		Source:  byHand,
	},
	{
		Name: "freeHits", Value: freeHits, Unit: "deviations",
		Decides: "score of a comb that is not the bearing's, from which hits are no rolling element's",
		Source:  byHand,
	},
	{
		Name: "hitsSeconds", Value: hitsSeconds, Unit: "s",
		Decides: "of signal in which it must hit",
		Source:  byHand,
	},
	{
		Name: "baselineOdds", Value: baselineOdds, Unit: "nepers",
		Decides: "that a baseline adds to or takes from the odds of normal",
		Source:  byBound,
	},
	{
		Name: "broadband", Value: broadband, Unit: "nepers",
		Decides: "that all bands have risen (12 dB) in stage 4",
		Source:  "a rule: four times the healthy level, in every band",
	},
	{
		Name: "ultrasonic", Value: ultrasonic, Unit: "Hz",
		Decides: "sampling rate from which stage 1 is observable",
		Source:  "the classic first stage shows from 20 to 60 kHz, and the band ends at 0.4 of the rate",
	},
	{
		Name: "leastLog", Value: leastLog, Unit: "nepers",
		Decides: "least log-probability of a network: one window settles nothing for good",
		Source:  byBound,
	},
	{
		Name: "farthest", Value: farthest, Unit: "",
		Decides: "distance from the domain beyond which more says nothing more",
		Source:  byBound,
	},
	{
		Name: "forgetting", Value: forgetting, Unit: "",
		Decides: "weight of a window to that of the next",
		Source:  "a rule: about ten windows count",
	},
	{
		Name: "noiseScore", Value: noiseScore, Unit: "deviations",
		Decides: "of a comb: less says nothing to the calibration",
		Source:  "what combs without lines often reach: `go test ./features/lines -run Noise`",
	},
	{
		Name: "zLimit", Value: zLimit, Unit: "deviations",
		Decides: "most that a score counts; twice that for combs that nothing explains",
		Source:  byBound,
	},
	{
		Name: "maxGap", Value: maxGap.Seconds(), Unit: "s",
		Decides: "without a window, after which the evidence begins anew",
		Source:  byBound,
	},
	{
		Name: "history", Value: history, Unit: "windows",
		Decides: "before which a late one is put without the stored ones",
		Source:  byBound,
	},
	{
		Name: "maxRunning", Value: maxRunning, Unit: "states",
		Decides: "running states of a sensor that have a baseline",
		Source:  "speeds from one to eighty times as fast, each a fifth wider",
	},
	{
		Name: "rateMargin", Value: rateMargin, Unit: "",
		Decides: "within which two sampling rates are one running state",
		Source:  "a rule: loggers without a quartz state another rate with each window",
	},
	{
		Name: "readyAfter", Value: readyAfter, Unit: "windows",
		Decides: "learnt before a baseline says anything",
		Source:  "counts: eleven values want five windows each",
	},
	{
		Name: "frozenAfter", Value: frozenAfter, Unit: "windows",
		Decides: "after which it learns no more",
		Source:  byRule,
	},
	{
		Name: "refitEvery", Value: refitEvery, Unit: "windows",
		Decides: "from fit to fit",
		Source:  byRule,
	},
	{
		Name: "heldBack", Value: heldBack, Unit: "",
		Decides: "every third window is kept from the fit, for the limit",
		Source:  byRule,
	},
	{
		Name: "falseAlarms", Value: falseAlarms, Unit: "",
		Decides: "rate at which healthy windows lie beyond the limit",
		Source:  "of a million healthy windows a hundred; `-run Baseline` counts",
	},
	{
		Name: "shrinkage", Value: shrinkage, Unit: "",
		Decides: "of the covariance to its diagonal",
		Source:  byRule,
	},
	{
		Name: "leastSpread", Value: leastSpread, Unit: "nepers",
		Decides: "least deviation of a value",
		Source:  "sensors do not repeat better",
	},
	{
		Name: "offShare", Value: offShare, Unit: "",
		Decides: "of the usual level: below, the machine stands still",
		Source:  byRule,
	},
	{
		Name: "offLevel", Value: offLevel, Unit: "g",
		Decides: "below, any machine stands still",
		Source:  byRule,
	},
	{
		Name: "lastingRun", Value: lastingRun, Unit: "windows",
		Decides: "changed in a row make a change last",
		Source:  byRule,
	},
	{
		Name: "sensorGain", Value: sensorGain, Unit: "nepers",
		Decides: "gain (a factor of 1.5) beyond which one that explains a change is the sensor's",
		Source:  byBound,
	},
	{
		Name: "unitMargin", Value: unitMargin, Unit: "",
		Decides: "of the ratio of g and m/s², within which a gain is unit_suspect",
		Source:  byBound,
	},
}
