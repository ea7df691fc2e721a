package dataset

import (
	"fmt"
	"math"
	"strings"

	"brinell/bearing"
)

// Tolerances of a file's shaft speed against the table's. One hp of load changes
// the speed by 1.3 %, so a speed of another load stands out. Where the file was
// not at hand the table has the nominal speed, and the file's own is better.
const (
	rpmTolerance        = 0.002
	rpmNominalTolerance = 0.01
)

// Decode reads the entry's recording from the bytes of its file. The variable is
// the one that the catalogue names and never the first that looks right, because
// some files hold the variables of other records.
//
// Notes tell what in the file contradicts the catalogue, such as a wrong shaft
// speed; the catalogue's value is used.
func (e Entry) Decode(b []byte) (rec bearing.Recording, notes []string, err error) {
	c, err := readContent(e.File, b, FileOptions{})
	if err != nil {
		return rec, nil, err
	}
	return e.recording(c)
}

// recording makes the entry's recording from a file's content.
func (e Entry) recording(c *content) (rec bearing.Recording, notes []string, err error) {
	ch, ok := c.find(e.Variable)
	if !ok {
		return rec, nil, bearing.Errorf(bearing.Invalid, "variable_missing",
			"%s must hold the variable %s, it holds %s: the file is not what its name says", e.File, e.Variable, c.names())
	}
	rec = bearing.Recording{Name: e.Name(), SampleRate: e.SampleRate, Unit: e.Unit, Bearing: e.Bearing, Truth: e.Truth()}
	if rec.Samples, err = toSamples(ch, e.Unit, 1); err != nil {
		return bearing.Recording{}, nil, err
	}
	if foreign := e.foreign(c); len(foreign) > 0 {
		notes = append(notes, "the file also holds "+strings.Join(foreign, ", ")+", which are not of this record")
	}
	if c.rate != 0 && math.Abs(c.rate/e.SampleRate-1) > 0.001 {
		notes = append(notes, fmt.Sprintf("the file states a rate of %g Hz, the catalogue %g Hz: the catalogue's is used", c.rate, e.SampleRate))
	}
	rpm, note := e.speed(c)
	rec.ShaftSpeed = rpm / 60
	if note != "" {
		notes = append(notes, note)
	}
	return rec, notes, nil
}

// foreign returns the names of vectors in the file that belong to no channel of
// the entry's record.
func (e Entry) foreign(c *content) []string {
	prefix, _, _ := strings.Cut(e.Variable, "_")
	var names []string
	for _, ch := range c.channels {
		if e.Number != 0 && !strings.HasPrefix(ch.name, prefix+"_") {
			names = append(names, bearing.Clip(ch.name))
		}
	}
	return names
}

// speed returns the shaft speed (rpm) to use, and a note where the file's own is
// not believed.
func (e Entry) speed(c *content) (rpm float64, note string) {
	stated, ok := c.rpm, c.rpm != 0
	if e.Number != 0 {
		prefix, _, _ := strings.Cut(e.Variable, "_")
		stated, ok = c.scalars[prefix+"RPM"]
	}
	if !ok {
		return e.ShaftRPM, ""
	}
	tolerance := rpmTolerance
	if e.SHA256 == "" {
		tolerance = rpmNominalTolerance
	}
	if !(math.Abs(stated/e.ShaftRPM-1) <= tolerance) {
		return e.ShaftRPM, fmt.Sprintf("the file states %g rpm, the catalogue %g rpm: the catalogue's is used", stated, e.ShaftRPM)
	}
	return stated, ""
}
