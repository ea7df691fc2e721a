package dataset

import (
	"fmt"

	"brinell/bearing"
)

const (
	cwruRate       = 12000 // Hz, fault records of this corpus
	cwruNormalRate = 48000 // Hz, healthy records: the publisher files them beside the 12 kHz sets
	cwruFiles      = "https://engineering.case.edu/sites/default/files/"

	// cwruBand is where a healthy record decimated to 12 kHz and a native 12 kHz
	// record still look alike: above it the native ones have the steep roll-off of
	// their anti-alias filter and the decimated ones have not, and a classifier
	// would tell the two by it.
	cwruBand = 5000 // Hz
)

// cwruBearing is the bearing that a channel's sensor sits on.
var cwruBearing = map[string]string{"DE": "6205-2RS", "FE": "6203-2RS"}

// cwruNormalRow is a healthy record.
type cwruNormalRow struct {
	file     string
	number   int
	load     int
	rpm      float64
	channels string
	bytes    int64
	sha256   string
	repackOf string
}

var cwruNormal = []cwruNormalRow{
	{"normal_0_97.mat", 97, 0, 1796, "DE FE", 3903344, "16bf48babcf1c7ac224bc1a81cd9eafdb27e42d5cf559761907e067e8eeadf3c", ""},
	{"normal_1_98.mat", 98, 1, 1772, "DE FE", 0, "", ""},
	{"normal_2_99.mat", 99, 2, 1750, "DE FE", 0, "", ""},
	{"normal_3_100.mat", 100, 3, 1725, "DE FE", 0, "", ""},
	{"normal_3_100_48k.npz", 100, 3, 1725, "DE", 1054825, "0dd08e84e3659b546c7bf28760b90f14dabc6cae34383baab2c556ebb471d242", "normal_3_100.mat"},
}

// cwruDefects are the known defects by record number. Where one is about the
// speed, the second value is the speed to use.
var cwruDefects = map[int]struct {
	text string
	rpm  float64
}{
	99:  {"the file also holds the variables of record 98", 0},
	158: {"the file says 1773 rpm, its lines fit 1797 rpm", 1797},
	234: {cwruClipped, 0},
	236: {cwruClipped, 0},
	237: {cwruClipped, 0},
	277: {"the file holds an extra variable i", 0},
	278: {"the file holds an extra variable i", 0},
	279: {"the file says 1732 rpm, the speed of 3 hp; the other 1 hp records run at 1774 rpm or little more", 1774},
}

const cwruClipped = "reaches the limit of the range, 6.653 g: the highest peaks are clipped"

// cwruRepeated is a file of some distributions under the name of the record at
// 1 hp (275), with the signal of the one at 2 hp.
const cwruRepeated = "12k_Fan_End_IR014_1_276.mat"

// cwru returns the corpus of the Case Western Reserve University Bearing Data
// Center: the 12 kHz drive-end and fan-end faults and the healthy records.
//
// One bearing stands behind each (end, fault type, size), at all loads. Outer-race
// faults at 3, 6 and 12 o'clock are listed as specimens of their own, though their
// lines coincide, which suggests one bearing that was turned: the split by bearing
// never puts two positions of one size on two sides.
func cwru() Corpus {
	c := Corpus{
		Name:    "cwru",
		Title:   "Case Western Reserve University Bearing Data Center",
		Address: "https://engineering.case.edu/bearingdatacenter",
		Licence: "Free to download and to evaluate with acknowledgement; the publisher states no licence for redistribution.",
		Acknowledgement: "Case Western Reserve University Bearing Data Center, seeded fault test data " +
			"(https://engineering.case.edu/bearingdatacenter).",
		BandHz: cwruBand,
		Defects: []string{
			"One physical bearing per fault type and size: a split by load has the same bearing on both sides.",
			"The healthy records are sampled at 48 kHz and are one bearing: they can only be split in time.",
			"Records 3001-3008 (28 mil) come from other bearings and do not fit the orders of the 6205: excluded.",
			"The rolling-element order of the publisher's page (4.7135) is 2 x BSF.",
		},
	}
	for _, r := range cwruNormal {
		e := Entry{
			File: r.file, Number: r.number,
			Variable: fmt.Sprintf("X%03d_DE_time", r.number), Channel: "DE", Channels: r.channels,
			Fault: bearing.Normal, Load: fmt.Sprintf("%d hp", r.load),
			SampleRate: cwruNormalRate, ShaftRPM: r.rpm,
			Specimen: "DE/normal", Bearing: cwruBearing["DE"], Unit: bearing.G,
			Bytes: r.bytes, SHA256: r.sha256, RepackOf: r.repackOf,
			Defect: cwruDefects[r.number].text,
		}
		if r.repackOf == "" {
			e.URL = fmt.Sprintf("%s%d.mat", cwruFiles, r.number)
		} else {
			e.Defect = "drive end only, three samples short of the original"
		}
		c.Entries = append(c.Entries, e)
	}
	for _, r := range cwruDriveEnd {
		c.Entries = append(c.Entries, r.entry("Drive", "DE"))
	}
	for _, r := range cwruFanEnd {
		e := r.entry("Fan", "FE")
		c.Entries = append(c.Entries, e)
		if r.number == 276 {
			copied := e
			copied.File, copied.RepackOf, copied.URL = cwruRepeated, e.File, ""
			copied.Defect = "repeats the signal of " + e.File + " under the name of the 1 hp record, which is 275"
			copied.Exclude = true
			c.Entries = append(c.Entries, copied)
		}
	}
	return c
}

var cwruFault = map[string]bearing.Fault{"IR": bearing.InnerRace, "OR": bearing.OuterRace, "B": bearing.Ball}

// entry spells the row out. end is Drive or Fan, channel the sensor at that end.
func (r cwruRow) entry(end, channel string) Entry {
	code := fmt.Sprintf("%s%03d", r.kind, r.mil)
	if r.clock != "" {
		code += "@" + r.clock
	}
	e := Entry{
		File:     fmt.Sprintf("12k_%s_End_%s_%d_%d.mat", end, code, r.load, r.number),
		URL:      fmt.Sprintf("%s%d.mat", cwruFiles, r.number),
		Number:   r.number,
		Variable: fmt.Sprintf("X%03d_%s_time", r.variable, channel),
		Channel:  channel, Channels: "DE FE BA",
		Fault: cwruFault[r.kind], SizeMil: r.mil, Position: r.clock, Load: fmt.Sprintf("%d hp", r.load),
		SampleRate: cwruRate, ShaftRPM: r.rpm,
		Specimen: channel + "/" + code, Bearing: cwruBearing[channel], Unit: bearing.G,
		SHA256: r.sha256, Bytes: r.bytes,
	}
	if channel == "FE" {
		e.Channels = "FE DE BA"
	}
	if d, ok := cwruDefects[r.number]; ok {
		e.Defect = d.text
		if d.rpm != 0 {
			e.ShaftRPM = d.rpm
		}
	}
	if r.mil == 28 {
		e.Channels = "DE"
		e.Bearing = "" // an NTN equivalent: inner-race records show lines at 3.67 and 4.285, none at 5.415
		e.Exclude = true
		e.Defect = "another make of bearing, no speed in the file: do not score it on the orders of the 6205"
	}
	return e
}
