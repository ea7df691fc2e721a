package dataset

import (
	"path"
	"strings"
	"time"

	"brinell/bearing"
)

// Corpus is a published (or own) set of recordings: where it comes from, on what
// terms, and a row per file.
type Corpus struct {
	Name            string  // "cwru", "mfpt", "own"
	Title           string  // as the publisher calls it
	Address         string  // the publisher's page
	Archive         string  // address of one zip with all files, "" if files are fetched one by one
	Licence         string  // the terms in one sentence
	Acknowledgement string  // the text that NOTICE repeats
	BandHz          float64 // upper limit of the band that all recordings of the corpus share, 0 for none
	Entries         []Entry
	Defects         []string // defects that concern more than one file
}

// Entry is the row of one file: the primary channel of one record.
type Entry struct {
	File       string        // published file name, e.g. 12k_Drive_End_IR007_0_105.mat
	URL        string        // the publisher's address of the file, "" if it has none
	Number     int           // record number in the publisher's catalogue, 0 if there is none
	Variable   string        // variable (or column) that holds the samples
	Channel    string        // DE, FE, BA; for own data the manifest's channel
	Channels   string        // all channels of the file, separated by spaces, primary first
	Fault      bearing.Fault // "" if unknown
	SizeMil    int           // fault diameter in thousandths of an inch, 0 if none
	Position   string        // of an outer-race fault against the load zone: "6", "3", "12" o'clock
	Load       string        // as the corpus states it, e.g. "2 hp"
	SampleRate float64       // Hz
	ShaftRPM   float64       // corrected where the file is known to be wrong; 0 if unknown
	Specimen   string        // the physical bearing, e.g. DE/IR007
	Bearing    string        // designation of the bearing looked at
	Unit       bearing.Unit  // of the samples in the file
	SHA256     string        // of the file, hex; "" if the publisher's file was not at hand
	Bytes      int64         // size of the file, 0 if unknown
	Defect     string        // what is known to be wrong with this file
	Exclude    bool          // not for training and not for scoring
	RepackOf   string        // File of the entry whose signal this one repeats
	Start      time.Time     // of a snapshot of a run to failure
	Origin     Range         // of an excerpt: the piece of the published recording that it is
}

// Name returns the name of the recording that the entry's primary channel is:
// the file name without its extension, a slash, and the channel. A repacked file
// gives the name of the original, because its samples have the same numbers.
func (e Entry) Name() string {
	f := e.File
	if e.RepackOf != "" {
		f = e.RepackOf
	}
	f = strings.TrimSuffix(f, path.Ext(f))
	if e.Channel == "" {
		return f
	}
	return f + "/" + e.Channel
}

// Other returns the entry of another channel of the same record, and false if
// the file has no such channel.
//
// Truth and geometry stay those of the damaged bearing: the fan-end channel of a
// drive-end fault still shows the drive-end bearing's lines. A healthy record is
// the exception, since there the channel says which bearing is looked at.
func (e Entry) Other(channel string) (Entry, bool) {
	for c := range strings.FieldsSeq(e.Channels) {
		if c != channel {
			continue
		}
		o := e
		o.Channel = c
		o.Variable = strings.Replace(e.Variable, "_"+e.Channel+"_", "_"+c+"_", 1)
		if e.Variable == e.Channel { // a table without names
			o.Variable = c
		}
		if b, ok := cwruBearing[c]; ok && e.Fault == bearing.Normal {
			o.Bearing, o.Specimen = b, c+"/normal"
		}
		return o, true
	}
	return Entry{}, false
}

// Truth returns what the corpus states about the entry.
func (e Entry) Truth() bearing.Truth {
	return bearing.Truth{Fault: e.Fault, SizeMil: e.SizeMil, Position: e.Position, Load: e.Load, Specimen: e.Specimen}
}

// Corpora returns the corpora that this package knows by table.
func Corpora() []Corpus { return []Corpus{cwru(), mfpt(), ims(), femto()} }

// Named returns the corpus of that name, or an error that lists the names.
func Named(name string) (Corpus, error) {
	var names []string
	for _, c := range Corpora() {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	return Corpus{}, bearing.Errorf(bearing.NotFound, "unknown_corpus",
		"corpus %q is not known: use one of %s, or own for a directory with a manifest.csv", bearing.Clip(name), strings.Join(names, ", "))
}

// Range is a piece of a recording by name: samples From (included) to To
// (excluded) at the recording's own rate. Model artefacts list what they were
// trained on in this form.
type Range struct {
	Recording string `json:"recording"`
	From      int    `json:"from"`
	To        int    `json:"to"`
}

// Overlaps reports whether the two ranges share a sample.
func (r Range) Overlaps(o Range) bool {
	return r.Recording == o.Recording && r.From < o.To && o.From < r.To
}

// OriginOf returns which piece of a published recording a part of the entry's
// recording is, and false if the entry is no excerpt.
func (e Entry) OriginOf(p Part) (Range, bool) {
	o := e.Origin
	return Range{Recording: o.Recording, From: o.From + p.From, To: o.From + p.To}, o.Recording != ""
}
