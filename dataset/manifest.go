package dataset

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"brinell/bearing"
	"brinell/internal/clamp"
)

// ManifestName is the file that makes a directory a corpus.
const ManifestName = "manifest.csv"

const ownName = "own"

// manifestColumns must be there; the cells of fault may be empty.
var manifestColumns = []string{"file", "specimen", "fault"}

// manifestOptional may be there, and their cells may be empty. source and source_from say of which published
// recording, and from which sample on, the file is an excerpt.
var manifestOptional = []string{"channel", "rate", "unit", "rpm", "bearing", "size_mil", "position", "load", "sha256", "source", "source_from"}

// ParseManifest reads a manifest: CSV with a header row and a row per file and
// channel.
//
//	file      path inside the directory (or the name inside a zip there)
//	specimen  the physical bearing: splits keep it together
//	fault     normal, inner_race, outer_race, ball, or a class of one's own; empty if unknown
//
// and of these those that say what the files do not:
//
//	channel   variable or column, where the file has several
//	rate      sampling rate in Hz, where the file does not state it
//	unit      g or m/s2, where the file does not state it; WAV may be relative to full scale
//	rpm       shaft speed
//	bearing   designation
//	size_mil, position, load, sha256, source, source_from
//
// Errors name line and column.
func ParseManifest(b []byte) (Corpus, error) {
	c := Corpus{Name: ownName, Title: "own data", Licence: "not stated"}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))))
	r.TrimLeadingSpace = true
	r.Comment = '#'
	head, err := r.Read()
	if err != nil {
		return c, manifestError(err)
	}
	if len(head) == 1 && strings.ContainsAny(head[0], ";\t") {
		return c, rowError(1, 1, bearing.Clip(head[0]), "the cells are parted by semicolons or tabs, as spreadsheets of some countries save CSV: save it with commas between cells and points in numbers")
	}
	index := map[string]int{}
	for i, name := range head {
		name = strings.TrimSpace(name)
		if _, dup := index[name]; dup || !slices.Contains(manifestColumns, name) && !slices.Contains(manifestOptional, name) {
			line, col := r.FieldPos(i)
			return c, rowError(line, col, name, "not a column, or there twice: the columns are %s; optional are %s", strings.Join(manifestColumns, ", "), strings.Join(manifestOptional, ", "))
		}
		index[name] = i
	}
	for _, name := range manifestColumns {
		if _, ok := index[name]; !ok {
			return c, rowError(1, 1, name, "this column is missing from the header row: the columns are %s", strings.Join(manifestColumns, ", "))
		}
	}
	seen := map[string]bool{}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return c, manifestError(err)
		}
		for i, f := range fields {
			fields[i] = unquoted(f)
		}
		row := manifestRow{reader: r, index: index, fields: fields}
		e, err := row.entry()
		if err != nil {
			return c, err
		}
		if seen[e.Name()] {
			return c, row.wrong("file", "the recording %s is there twice: a file and channel may stand in one row only", e.Name())
		}
		seen[e.Name()] = true
		c.Entries = append(c.Entries, e)
	}
	if len(c.Entries) == 0 {
		return c, bearing.Errorf(bearing.Invalid, "manifest_empty", "%s has no rows: add one per file", ManifestName)
	}
	return c, nil
}

type manifestRow struct {
	reader *csv.Reader
	index  map[string]int
	fields []string
}

func (m manifestRow) cell(name string) string {
	if i, ok := m.index[name]; ok {
		return strings.TrimSpace(m.fields[i])
	}
	return ""
}

// number returns a cell's number between 0 and limit, 0 for an empty cell.
func (m manifestRow) number(name string, limit float64) (float64, error) {
	s := m.cell(name)
	if s == "" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= 0) || v > limit {
		return 0, m.wrong(name, "%q must be a number from 0 to %g", bearing.Clip(s), limit)
	}
	return v, nil
}

func (m manifestRow) wrong(name, format string, args ...any) error {
	line, col := m.reader.FieldPos(m.index[name])
	return rowError(line, col, name, format, args...)
}

// entry checks the row and makes the entry of it.
func (m manifestRow) entry() (Entry, error) {
	e := Entry{
		File: m.cell("file"), Variable: m.cell("channel"), Channel: m.cell("channel"), Channels: m.cell("channel"),
		Bearing: m.cell("bearing"), Specimen: m.cell("specimen"), Fault: bearing.Fault(m.cell("fault")),
		Position: m.cell("position"), Load: m.cell("load"), SHA256: strings.ToLower(m.cell("sha256")),
		Unit: bearing.Unit(m.cell("unit")),
	}
	if e.File == "" || path.IsAbs(e.File) || slices.Contains(strings.Split(e.File, "/"), "..") {
		return e, m.wrong("file", "%q must be a path inside the manifest's directory, with / between names", bearing.Clip(e.File))
	}
	if e.Channel == "all" {
		return e, m.wrong("channel", "a row is one channel: write a row for each")
	}
	var err error
	if e.SampleRate, err = m.number("rate", bearing.MaxSampleRate); err != nil {
		return e, err
	}
	if e.Unit != "" { // else the file states it, as it may the rate
		if _, err := bearing.ParseUnit(string(e.Unit)); err != nil {
			return e, m.wrong("unit", "%q is not taken: state g or m/s2", bearing.Clip(string(e.Unit)))
		}
		if e.Unit.IsVelocity() {
			return e, m.wrong("unit", "%s is velocity, from which no bearing fault is learnt or told: take recordings of acceleration", e.Unit)
		}
	}
	if e.ShaftRPM, err = m.number("rpm", 60*bearing.MaxShaftSpeed); err != nil {
		return e, err
	}
	if e.Specimen == "" {
		return e, m.wrong("specimen", "the specimen is missing: name the physical bearing, so that splits can keep its recordings together")
	}
	if e.Fault != "" {
		if _, err := bearing.ParseClass(string(e.Fault)); err != nil {
			return e, m.wrong("fault", "%v, or leave the cell empty", err)
		}
	}
	mil, err := m.number("size_mil", 1000)
	if err != nil {
		return e, err
	}
	e.SizeMil = clamp.Count(mil)
	from, err := m.number("source_from", 1<<40)
	if err != nil {
		return e, err
	}
	e.Origin = Range{Recording: m.cell("source"), From: clamp.Count(from)}
	return e, nil
}

func rowError(line, col int, name, format string, args ...any) error {
	return bearing.Errorf(bearing.Invalid, "manifest_invalid", ManifestName+" line "+strconv.Itoa(line)+", column "+bearing.Clip(name)+": "+format, args...).
		At(strconv.Itoa(line) + ":" + strconv.Itoa(col))
}

func manifestError(err error) error {
	if errors.Is(err, io.EOF) {
		return bearing.Errorf(bearing.Invalid, "manifest_empty", "%s is empty: write a header row with the columns %s", ManifestName, strings.Join(manifestColumns, ", "))
	}
	return bearing.Errorf(bearing.Malformed, "manifest_invalid", "%s: %v", ManifestName, err)
}

// inManifestTerms names columns where messages about a file name flags.
var inManifestTerms = strings.NewReplacer(
	"with --unit g, --unit m/s2, or --unit mm/s of a velocity sensor", "in the column unit of "+ManifestName+", as g or m/s2",
	"with --unit g or --unit m/s2", "in the column unit of "+ManifestName+", as g or m/s2",
	"with --rate", "in the column rate of "+ManifestName, "with --channel", "in the column channel of "+ManifestName,
	"with --scale, or leave --unit out", "nowhere in a manifest: leave the cell of its unit empty",
	"--rate", "a rate of", "--rpm", "a speed of", "--scale", "a scale",
)

// decodeOwn reads the entry of a manifest: what the manifest states goes before
// what the file states.
func (e Entry) decodeOwn(b []byte) (bearing.Recording, error) {
	recs, err := ReadFile(e.File, b, FileOptions{
		RateHz: e.SampleRate, RPM: e.ShaftRPM, Unit: string(e.Unit), Channel: e.Channel, Bearing: e.Bearing,
	})
	if err, ok := errors.AsType[*bearing.Error](err); ok {
		err.Message = inManifestTerms.Replace(err.Message)
		return bearing.Recording{}, err
	}
	if err != nil {
		return bearing.Recording{}, err
	}
	r := recs[0]
	if r.Unit.IsVelocity() {
		return r, bearing.Errorf(bearing.Invalid, "unit_velocity", "%s is of velocity (%s), from which no bearing fault is learnt or told: take a recording of acceleration", e.File, r.Unit)
	}
	r.Name, r.Truth = e.Name(), e.Truth()
	return r, nil
}

// unquoted takes away the apostrophe by which a cell that a spreadsheet would take for a
// formula is written as a text.
func unquoted(cell string) string {
	text := strings.TrimLeft(cell, "'")
	if text == cell || text == "" || !strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return cell
	}
	return cell[1:]
}
