package diagnose

import "time"

// All numbers that decide what is said of a window stand here, and nowhere else in this package:
// Thresholds says of each what it decides and what set it. A test compares it with these blocks
// and with docs/thresholds.md.

// Of the verdict.
const (
	named          = 0.5
	withoutPast    = 0.5
	baselineOdds   = 2.5
	scoreLimit     = 3.0
	ownScore       = 3.0
	shaftLimit     = 1.5
	machineTones   = 25
	tonesLimit     = 8
	freeLimit      = 5.0
	impulsiveLimit = 0.69
	calm           = 0.25
	freeHits       = 4.0
	hitsSeconds    = 2.0
	lineLimit      = 0.9
	halfShare      = 0.5
	suggestions    = 4
	estimatedShaft = shaftLimit + 1
	estimatedScore = 8.0
	broadband      = 1.386
	ultrasonic     = 100e3
	leastLog       = -9.0
	farthest       = 1e6
)

// Of a sensor's memory.
const (
	forgetting = 0.9
	noiseScore = 1.5
	zLimit     = 8
	maxGap     = 24 * time.Hour
	history    = 256
	maxRunning = 24
	rateMargin = 0.02
)

// Of a baseline.
const (
	readyAfter  = 60
	frozenAfter = 240
	refitEvery  = 10
	heldBack    = 3
	falseAlarms = 1e-4
	shrinkage   = 0.3
	leastSpread = 0.03
	offShare    = 0.1
	offLevel    = 2e-4
	lastingRun  = 20
	sensorGain  = 0.405
	unitMargin  = 0.15
)

// Of the signal-quality gate.
const (
	minRate        = 5000
	minSamples     = 1024
	lowRate        = 12000
	stuckLevels    = 3
	heldShare      = 0.5
	coarseLevels   = 64
	blockProbe     = 32
	clippedShare   = 0.005
	clippedMost    = 0.05
	railRun        = 4
	dropoutRun     = 16
	dropoutShare   = 0.01
	dropoutMost    = 0.2
	offsetSigmas   = 5
	settlingShift  = 2
	eventShare     = 0.8
	fullScales     = 2
	unsteadyLimit  = 0.45
	tonalShare     = 0.9
	mainsHarmonics = 12
	emptyFrom      = 0.8
	emptyBands     = 64
	emptyFloor     = 1e-4
	emptyFall      = 1e-3
	emptyWithin    = 5
)

// Of vibration velocity.
const (
	velocityLow     = 10
	velocityHigh    = 1000
	velocitySeconds = 1
	velocityRate    = 2560
	velocityPiece   = 4
)
