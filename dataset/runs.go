package dataset

import (
	_ "embed"
	"fmt"
	"path"
	"strings"
	"time"

	"brinell/bearing"
)

// Runs to failure are corpora of snapshots: one bearing, measured again and again until
// it fails. What is damaged, and from when on, nobody knows for each snapshot, so their
// truth is empty; the end of each run is told by its defects.

// Sums of the snapshots: SHA-256, bytes and name, a line each, in the order of time.
var (
	//go:embed sums/ims.txt
	imsSums string
	//go:embed sums/femto.txt
	femtoSums string
)

// imsTime is how the names of the IMS snapshots tell their time.
const imsTime = "2006.01.02.15.04.05"

// ims returns the second test of the IMS data set, bearing 1: every second snapshot of
// it as a MAT file with one vector x. The original ASCII files, four or eight columns
// without names, are read like any table: bearing 1 is column 1.
func ims() Corpus {
	c := Corpus{
		Name:    "ims",
		Title:   "IMS bearing data set, second test, bearing 1",
		Address: "https://www.nasa.gov/intelligent-systems-division/discovery-and-systems-health/pcoe/pcoe-data-set-repository/",
		Licence: "Published by NASA's prognostics repository for use with acknowledgement; the publisher states no licence for redistribution.",
		Acknowledgement: "J. Lee, H. Qiu, G. Yu, J. Lin, and Rexnord Technical Services (2007), IMS, University of Cincinnati, \"Bearing Data Set\", " +
			"NASA Prognostics Data Repository, NASA Ames Research Center, Moffett Field, CA.",
		Defects: []string{
			"Every second snapshot (20 minutes apart), converted from ASCII; the last ones of the test are missing.",
			"The run ends with an outer-race failure of bearing 1. The publisher states 20 kHz; 20,480 samples a second is what the files hold.",
		},
	}
	for _, s := range sums(imsSums) {
		start, err := time.Parse(imsTime, strings.TrimSuffix(s.name, path.Ext(s.name)))
		if err != nil {
			panic("dataset: " + err.Error()) // the table is ours
		}
		c.Entries = append(c.Entries, Entry{
			File: s.name, Variable: "x", Channel: "x", Channels: "x", Load: "6000 lb", SampleRate: 20480, ShaftRPM: 2000,
			Specimen: "IMS/test2-bearing1", Bearing: "ZA-2115", Unit: bearing.G, SHA256: s.sha256, Bytes: s.bytes, Start: start,
		})
	}
	return c
}

// femtoRuns are the conditions of the FEMTO runs at hand.
var femtoRuns = map[string]struct {
	rpm  float64
	load string
}{
	"Bearing1_2": {1800, "4000 N"},
	"Bearing3_1": {1500, "5000 N"},
}

// femtoStart stands for the start of each run: the files state the time of day only.
var femtoStart = time.Date(2010, 11, 1, 0, 0, 0, 0, time.UTC)

// femtoInterval is the time from one snapshot to the next.
const femtoInterval = 10 * time.Second

// femto returns two runs of the PRONOSTIA learning set: snapshots of a tenth of a
// second, columns hour, minute, second, microsecond, horizontal and vertical
// acceleration.
func femto() Corpus {
	c := Corpus{
		Name:    "femto",
		Title:   "FEMTO-ST bearing data set (PRONOSTIA, IEEE PHM 2012)",
		Address: "https://www.nasa.gov/intelligent-systems-division/discovery-and-systems-health/pcoe/pcoe-data-set-repository/",
		Licence: "Published for the IEEE PHM 2012 challenge and by NASA's prognostics repository for use with acknowledgement; the publisher states no licence for redistribution.",
		Acknowledgement: "P. Nectoux et al., PRONOSTIA: An experimental platform for bearings accelerated life test, IEEE International Conference on " +
			"Prognostics and Health Management, Denver, CO, 2012.",
		Defects: []string{
			"Runs end at 20 g of vibration; which part failed is not published.",
			"The diameters of the bearing are as commonly quoted and not verified.",
			"The time of day in the files is replaced by the number of the snapshot: they are 10 s apart.",
		},
	}
	for _, s := range sums(femtoSums) {
		run := path.Base(path.Dir(s.name))
		var number int
		if _, err := fmt.Sscanf(path.Base(s.name), "acc_%05d.csv", &number); err != nil {
			panic("dataset: " + err.Error()) // the table is ours
		}
		r := femtoRuns[run]
		c.Entries = append(c.Entries, Entry{
			File: s.name, Variable: "5", Channel: "5", Channels: "5 6", Load: r.load, SampleRate: 25600, ShaftRPM: r.rpm,
			Specimen: "FEMTO/" + run, Bearing: "FEMTO", Unit: bearing.G, SHA256: s.sha256, Bytes: s.bytes,
			Start: femtoStart.Add(time.Duration(number-1) * femtoInterval),
		})
	}
	return c
}

type sum struct {
	sha256, name string
	bytes        int64
}

func sums(text string) (out []sum) {
	for line := range strings.Lines(text) {
		var s sum
		if _, err := fmt.Sscan(line, &s.sha256, &s.bytes, &s.name); err != nil {
			panic("dataset: " + err.Error()) // the table is ours
		}
		out = append(out, s)
	}
	return out
}

// Run is the snapshots of one specimen in the order of time.
type Run struct {
	Specimen string
	Entries  []Entry
}

// Runs returns the runs whose files are at hand, in the order of the table.
func (s *Source) Runs() (runs []Run) {
	for _, e := range s.Entries() {
		if e.Start.IsZero() {
			continue
		}
		if len(runs) == 0 || runs[len(runs)-1].Specimen != e.Specimen {
			runs = append(runs, Run{Specimen: e.Specimen})
		}
		r := &runs[len(runs)-1]
		r.Entries = append(r.Entries, e)
	}
	return runs
}
