package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"path"
	"regexp"
	"strings"

	"brinell/bearing"
)

// FileOptions say what a file does not say itself. The names in errors are those
// of the command line's flags.
type FileOptions struct {
	RateHz    float64 // sampling rate; needed unless the file states it or is in a catalogue
	RPM       float64 // shaft speed, 0 if unknown
	Unit      string  // g, m/s2 or mm/s; needed unless the file states it, is in a catalogue, or is PCM without a scale
	Channel   string  // name of the channel, "" if the file has one, "all" for each of them
	Bearing   string  // designation, "" if unknown
	Scale     float64 // multiplies the samples; for PCM: Unit per full scale. 0 means 1, or no scale
	Column    string  // CSV: name or number (from 1) of the column; the same as Channel
	Delimiter byte    // CSV: 0 means guess
	Skip      int     // CSV: lines to leave out before the table or its names

	// Of the registered sensor, where neither the file nor what is stated says.
	Else      bearing.Unit
	FullScale float64 // of WAV files, in units

	// See Bounded; 0 means those of the readers.
	MaxRows                 int // CSV
	MaxNumbers, MaxInflated int // MAT, NPY and NPZ: numbers in a file, and bytes that are inflated
}

// ReadFile reads a recording from the bytes of a MAT, NPY, NPZ, CSV or WAV file,
// told apart by the name's extension or by how the file begins. It returns one
// recording, or with Channel "all" one for each channel.
//
// A file of a known corpus is recognised by its SHA-256, or by its name together
// with the variable that the catalogue gives it; rate, speed, bearing and truth
// then come from the catalogue, and a RateHz that contradicts it is refused: the
// healthy CWRU records, filed beside 12 kHz sets and sampled at 48 kHz, are
// misread in just this way. RPM and Bearing of the options go before the
// catalogue's.
//
// Samples are returned in g. PCM without a scale keeps its amplitudes relative to
// full scale and says so in the recording's unit.
func ReadFile(name string, b []byte, o FileOptions) ([]bearing.Recording, error) {
	if o.Column != "" && o.Channel == "" {
		o.Channel = o.Column
	}
	switch {
	case o.RateHz != 0 && !bearing.SampleRates.Has(o.RateHz):
		return nil, bearing.Errorf(bearing.Invalid, "rate_out_of_range", "--rate %g is outside %s", o.RateHz, bearing.SampleRates)
	case o.RPM != 0 && !bearing.ShaftSpeeds.Has(o.RPM):
		return nil, bearing.Errorf(bearing.Invalid, "speed_out_of_range", "--rpm %g is outside %s: leave it out if it is not known", o.RPM, bearing.ShaftSpeeds)
	case math.IsNaN(o.Scale) || math.IsInf(o.Scale, 0):
		return nil, bearing.Errorf(bearing.Invalid, "scale_not_finite", "--scale must be a finite number")
	}
	c, err := readContent(name, b, o)
	if err != nil {
		return nil, err
	}
	if e, ok := recognise(name, b, c); ok {
		return readKnown(e, c, o)
	}

	chosen, err := choose(name, c, o.Channel)
	if err != nil {
		return nil, err
	}
	rate := c.rate
	if o.RateHz != 0 {
		rate = o.RateHz
	}
	if rate == 0 {
		return nil, bearing.Errorf(bearing.Invalid, "rate_missing", "%s does not state its sampling rate: give it in Hz with --rate", bearing.Clip(path.Base(name)))
	}
	if c.time != "" && c.rate > 0 && math.Abs(c.rate/rate-1) > clockTolerance {
		return nil, bearing.Errorf(bearing.Invalid, "rate_mismatch", "the times in %s say %.6g Hz, and stated are %g Hz: mend the one that is wrong",
			bearing.Clip(path.Base(name)), c.rate, rate)
	}
	if !bearing.SampleRates.Has(rate) {
		return nil, bearing.Errorf(bearing.Invalid, "rate_out_of_range", "%s states a sampling rate of %g Hz: give the right one with --rate", bearing.Clip(path.Base(name)), rate)
	}
	if len(chosen) == 1 && chosen[0].unit != "" {
		c.unit = chosen[0].unit
	}
	if foreignUnit.MatchString(chosen[0].name) {
		o.Else = "" // whatever the sensor's is
	}
	unit, scale, err := unitOf(c, o)
	if err != nil && o.Unit == "" && chosen[0].other {
		return nil, bearing.Errorf(bearing.Invalid, bearing.CodeOf(err), "the samples of %s are in what its name says, which is not read: send g, mg, m/s2 or mm/s, or state what they are with --unit g or --unit m/s2", bearing.Clip(chosen[0].name))
	}
	if err != nil {
		return nil, err
	}
	rpm := c.rpm
	if o.RPM != 0 {
		rpm = o.RPM
	}
	if !bearing.ShaftSpeeds.Has(rpm) {
		rpm = 0
	}
	stem := strings.TrimSuffix(path.Base(name), path.Ext(name))
	var recs []bearing.Recording
	for _, ch := range chosen {
		r := bearing.Recording{Name: stem, SampleRate: rate, ShaftSpeed: rpm / 60, Unit: unit, Bearing: o.Bearing, Start: c.start}
		if len(c.channels) > 1 || ch.short != ch.name {
			r.Name += "/" + ch.short
		}
		if r.Samples, err = toSamples(ch, unit, scale); err != nil {
			return nil, err
		}
		recs = append(recs, r)
	}
	return recs, nil
}

// foreignUnit matches headers that state a unit of something else than vibration.
var foreignUnit = regexp.MustCompile(`(?i)[\[(](?:m?V|m?A|[uµμ]?m|mil|in|inch|N|Pa|bar|°?C|°?F|rpm|Hz|%)[\])]`)

// clockTolerance is how far a rate that is stated may be from that of the samples' times.
const clockTolerance = 0.01

// recognise looks the file up in the catalogues. A name alone does not decide:
// anybody may call a file 105.mat.
func recognise(name string, b []byte, c *content) (Entry, bool) {
	sum := sha256.Sum256(b)
	digest := hex.EncodeToString(sum[:])
	base := path.Base(name)
	var byName Entry
	var found bool
	for _, corpus := range Corpora() {
		for _, e := range corpus.Entries {
			if e.SHA256 == digest {
				return e, true
			}
			if base != e.File && (e.URL == "" || base != path.Base(e.URL)) {
				continue
			}
			if _, ok := c.find(e.Variable); ok {
				byName, found = e, true
			}
		}
	}
	return byName, found
}

// readKnown reads a file that the catalogue knows.
func readKnown(e Entry, c *content, o FileOptions) ([]bearing.Recording, error) {
	if o.RateHz != 0 && math.Abs(o.RateHz/e.SampleRate-1) > 0.001 {
		return nil, bearing.Errorf(bearing.Conflict, "rate_conflict",
			"%s is sampled at %g Hz, not at %g Hz: leave --rate out, the catalogue knows the file", e.File, e.SampleRate, o.RateHz)
	}
	entries := []Entry{e}
	switch {
	case o.Channel == "all":
		entries = nil
		for name := range strings.FieldsSeq(e.Channels) {
			if x, ok := e.Other(name); ok {
				entries = append(entries, x)
			}
		}
	case o.Channel != "":
		entries = nil
		for name := range strings.FieldsSeq(e.Channels) {
			if x, _ := e.Other(name); name == o.Channel || x.Variable == o.Channel {
				entries = append(entries, x)
			}
		}
		if len(entries) == 0 {
			return nil, bearing.Errorf(bearing.NotFound, "channel_unknown", "%s has no channel %q: choose one of %s with --channel", e.File, bearing.Clip(o.Channel), strings.ReplaceAll(e.Channels, " ", ", "))
		}
	}
	var recs []bearing.Recording
	for _, x := range entries {
		r, _, err := x.recording(c)
		if err != nil {
			return nil, err
		}
		if o.RPM != 0 {
			r.ShaftSpeed = o.RPM / 60
		}
		if o.Bearing != "" {
			r.Bearing = o.Bearing
		}
		recs = append(recs, r)
	}
	return recs, nil
}

// choose returns the channels that are wanted. Several channels without a choice
// are an error: the first is as likely a time column as a signal.
func choose(name string, c *content, want string) ([]channel, error) {
	file := bearing.Clip(path.Base(name))
	switch {
	case len(c.channels) == 0:
		return nil, bearing.Errorf(bearing.Invalid, "no_signal", "%s holds no vector of at least %d numbers", file, minSamples)
	case want == "all":
		return c.channels, nil
	case want == "" && len(c.channels) == 1:
		return c.channels, nil
	case want == "":
		if i := acceleration(c.channels); i >= 0 {
			return c.channels[i : i+1], nil
		}
		return nil, bearing.Errorf(bearing.Invalid, "channel_ambiguous", "%s has %d channels: choose one of %s with --channel", file, len(c.channels), c.names())
	}
	if ch, ok := c.find(want); ok {
		return []channel{ch}, nil
	}
	var hit []channel
	for _, ch := range c.channels {
		if ch.short == want {
			hit = append(hit, ch)
		}
	}
	switch len(hit) {
	case 1:
		return hit, nil
	case 0:
		return nil, bearing.Errorf(bearing.NotFound, "channel_unknown", "%s has no channel %q: choose one of %s with --channel", file, bearing.Clip(want), c.names())
	}
	return nil, bearing.Errorf(bearing.Invalid, "channel_ambiguous", "%s has %d channels %q: state the full name, one of %s, with --channel", file, len(hit), bearing.Clip(want), c.names())
}

// acceleration is the only channel of acceleration beside some that are not, as their headers
// say, -1 if there is no such.
func acceleration(channels []channel) int {
	found := -1
	for i, ch := range channels {
		switch {
		case ch.unit != "" && found < 0:
			found = i
		case !ch.other:
			return -1
		}
	}
	return found
}

// unitOf returns the unit of the samples once they are multiplied by scale.
func unitOf(c *content, o FileOptions) (unit bearing.Unit, scale float64, err error) {
	scale = o.Scale
	if scale == 0 && c.wave {
		scale = o.FullScale
	}
	if o.Unit == "" && c.unit == "" && (!c.pcm || scale != 0) {
		o.Unit = string(o.Else)
	}
	if c.pcm && scale == 0 {
		if o.Unit != "" {
			return "", 0, bearing.Errorf(bearing.Invalid, "scale_missing", "PCM samples are relative to full scale: state how many %s full scale is with --scale, or leave --unit out", bearing.Clip(o.Unit))
		}
		return bearing.RelativeToFull, 1, nil
	}
	if scale == 0 {
		scale = 1
	}
	if o.Unit == "" && c.unit != "" {
		return c.unit, scale, nil
	}
	if unit, err = bearing.ParseUnit(o.Unit); err != nil {
		return "", 0, bearing.Errorf(bearing.Invalid, bearing.CodeOf(err), "the unit of the samples is not known: give it with --unit g, --unit m/s2, or --unit mm/s of a velocity sensor")
	}
	return unit, scale, nil
}

// toSamples converts a channel to float32, acceleration to g, and refuses what is not finite.
func toSamples(ch channel, unit bearing.Unit, scale float64) ([]float32, error) {
	if len(ch.data) == 0 {
		return nil, bearing.Errorf(bearing.Invalid, "window_empty", "channel %s has no samples", bearing.Clip(ch.name))
	}
	if unit == bearing.MetresPerSec2 {
		scale /= bearing.StandardGravity
	}
	x := make([]float32, len(ch.data))
	for i, v := range ch.data {
		y := float32(v * scale)
		if math.IsNaN(float64(y)) || math.IsInf(float64(y), 0) {
			return nil, bearing.Errorf(bearing.Invalid, "sample_not_finite", "channel %s: sample %d is %v: every sample must be a finite number", bearing.Clip(ch.name), i, v)
		}
		x[i] = y
	}
	return x, nil
}
