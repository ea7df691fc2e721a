package dataset

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"path"
	"regexp"
	"strings"
	"time"

	"brinell/bearing"
	"brinell/dataset/csvfile"
	"brinell/dataset/matfile"
	"brinell/dataset/npyfile"
	"brinell/dataset/wavfile"
)

// content is what a file of any format holds: channels and named single numbers.
type content struct {
	channels []channel
	scalars  map[string]float64
	rate     float64 // Hz, 0 if the file does not say
	rpm      float64 // 0 if the file does not say
	unit     bearing.Unit
	time     string // number of the column that is the time of the others, "" for none
	pcm      bool   // samples are relative to full scale
	wave     bool   // a WAV file of somebody else, whose full scale is the sensor's
	start    time.Time
}

// channel is a vector of samples. short is what the catalogue calls it: DE for
// X105_DE_time, gs for bearing.gs.
type channel struct {
	name, short string
	data        []float64
	unit        bearing.Unit // that its header states, "" for none
	other       bool         // its header states one that is no acceleration
}

// minSamples is the length from which a vector counts as a signal. Shorter ones
// are parameters.
const minSamples = 16

// maxColumns bounds how many channels one matrix may be.
const maxColumns = 256

// readContent reads the bytes of a file by its extension, or where that says
// nothing by how it begins.
func readContent(name string, b []byte, o FileOptions) (*content, error) {
	var c *content
	var err error
	if how := foreign(b); how != "" {
		return nil, bearing.Errorf(bearing.Unsupported, "format_unknown", "%s is %s", bearing.Clip(path.Base(name)), how)
	}
	switch FormatOf(name, b) {
	case "mat":
		c, err = readMAT(b, o)
	case "npy":
		var a npyfile.Array
		if a, err = npyfile.DecodeAtMost(b, cmp.Or(o.MaxNumbers, math.MaxInt)); err == nil {
			c = &content{}
			c.addMatrix(a.Name, a.Shape, a.Data, false)
		}
	case "npz":
		c, err = readNPZ(b, o)
	case "csv":
		c, err = readCSV(b, o)
	case "wav":
		c, err = readWAV(b)
	default:
		return nil, bearing.Errorf(bearing.Unsupported, "format_unknown", "%s is no MAT, NPY, NPZ, CSV or WAV file", bearing.Clip(path.Base(name)))
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", bearing.Clip(path.Base(name)), err)
	}
	return c, nil
}

// foreign says what a file is that is known and not read, and how to convert it.
func foreign(b []byte) string {
	head := b[:min(len(b), 4096)]
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")) && (bytes.Contains(head, []byte("[Content_Types].xml")) || bytes.Contains(head, []byte("xl/"))):
		return "an Excel workbook: save the sheet as CSV"
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		return "an old Excel or Office file: save the sheet as CSV"
	case bytes.HasPrefix(head, []byte("TDSm")):
		return "a TDMS file of LabVIEW: write it as CSV or NPY, in Python by nptdms (TdmsFile.read(file).as_dataframe().to_csv)"
	case universal(head):
		return "a universal file (UFF): write its record as CSV or NPY, in Python by pyuff (UFF(file).read_sets)"
	case bytes.HasPrefix(head, []byte("\x89HDF\r\n\x1a\n")):
		return "an HDF5 file, as MATLAB writes by -v7.3: save it by -v7, or one vector of it as NPY"
	case bytes.HasPrefix(head, []byte("PAR1")):
		return "a Parquet file: write the column as CSV or NPY"
	}
	return ""
}

// universal reports whether a file begins with a delimiter of universal files, -1 by itself, and
// the number of a record.
func universal(head []byte) bool {
	first, rest, ok := bytes.Cut(head, []byte("\n"))
	second, _, more := bytes.Cut(rest, []byte("\n"))
	number := bytes.TrimRight(bytes.TrimSpace(second), "bB")
	return ok && more && string(bytes.TrimSpace(first)) == "-1" && len(second) > len(bytes.TrimSpace(second)) && len(number) > 0 && len(number) <= 6 && bytes.Trim(number, "0123456789 ") == nil
}

// FormatOf returns mat, npy, npz, csv or wav, by the extension of a name or, where that says
// nothing, by how the file begins; "" for what is none of them.
func FormatOf(name string, b []byte) string {
	switch ext := strings.ToLower(path.Ext(name)); ext {
	case ".mat", ".npy", ".npz", ".csv", ".wav":
		return ext[1:]
	case ".tsv", ".txt", ".lvm", ".asc":
		return "csv"
	}
	head := b[:min(len(b), 512)]
	switch {
	case bytes.HasPrefix(head, []byte("MATLAB")):
		return "mat"
	case bytes.HasPrefix(head, []byte("\x93NUMPY")):
		return "npy"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return "npz"
	case bytes.HasPrefix(head, []byte("RIFF")) || bytes.HasPrefix(head, []byte("RF64")):
		return "wav"
	case len(head) > 0 && bytes.IndexFunc(head, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r > '~' }) < 0:
		return "csv"
	}
	return ""
}

func readMAT(b []byte, o FileOptions) (*content, error) {
	f, err := matfile.DecodeAtMost(b, cmp.Or(o.MaxNumbers, math.MaxInt), cmp.Or(o.MaxInflated, math.MaxInt))
	if err != nil {
		return nil, err
	}
	c := &content{}
	for _, v := range f.Variables {
		c.addVariable(v.Name, v)
		if strings.HasSuffix(v.Name, "RPM") && c.rpm == 0 {
			c.rpm = c.scalars[v.Name]
		}
	}
	// The MFPT files are one struct: gs (samples in g), sr (rate), rate (shaft, Hz).
	if _, ok := c.find("bearing.gs"); ok {
		c.rate, c.rpm, c.unit = c.scalars["bearing.sr"], 60*c.scalars["bearing.rate"], bearing.G
	}
	return c, nil
}

// addVariable adds a numeric variable, or the fields of a struct one level down.
func (c *content) addVariable(name string, v matfile.Variable) {
	if len(v.Fields) > 0 && !strings.Contains(name, ".") {
		for _, f := range v.Fields {
			c.addVariable(name+"."+f.Name, f)
		}
		return
	}
	c.addMatrix(name, v.Dims, v.Data, true)
}

// addMatrix adds a vector as a channel, the columns of a matrix as one each, and
// a single number as a scalar. Everything else is no signal and is left out.
func (c *content) addMatrix(name string, dims []int, data []float64, columnMajor bool) {
	if len(data) == 1 {
		if c.scalars == nil {
			c.scalars = map[string]float64{}
		}
		c.scalars[name] = data[0]
		return
	}
	rows, cols := len(data), 1
	if len(dims) == 2 && dims[0] > 1 && dims[1] > 1 {
		rows, cols = dims[0], dims[1]
		if rows < cols { // channels lie in rows
			rows, cols, columnMajor = cols, rows, !columnMajor
		}
	}
	if rows < minSamples || cols > maxColumns || rows*cols != len(data) {
		return
	}
	if cols == 1 {
		c.channels = append(c.channels, channel{name: name, short: shortName(name), data: data})
		return
	}
	for k := range cols {
		x := make([]float64, rows)
		for i := range x {
			if columnMajor {
				x[i] = data[k*rows+i]
			} else {
				x[i] = data[i*cols+k]
			}
		}
		number := fmt.Sprint(k + 1)
		full := number
		if name != "" {
			full = name + ":" + number
		}
		c.channels = append(c.channels, channel{name: full, short: number, data: x})
	}
}

// shortName returns the channel in the name of a CWRU or MFPT variable.
func shortName(name string) string {
	if s, ok := strings.CutSuffix(name, "_time"); ok {
		if _, ch, ok := strings.Cut(s, "_"); ok {
			return ch
		}
	}
	if _, field, ok := strings.Cut(name, "."); ok {
		return field
	}
	return name
}

func readNPZ(b []byte, o FileOptions) (*content, error) {
	arrays, err := npyfile.DecodeZipAtMost(b, cmp.Or(o.MaxNumbers, math.MaxInt), cmp.Or(o.MaxInflated, math.MaxInt))
	if err != nil {
		return nil, err
	}
	c := &content{}
	for _, a := range arrays {
		name := strings.TrimSuffix(a.Name, ".npy")
		c.addMatrix(name, a.Shape, a.Data, false)
		if strings.HasSuffix(name, "RPM") && c.rpm == 0 {
			c.rpm = c.scalars[name]
		}
	}
	return c, nil
}

// milli matches the name of a column in thousandths of g.
var milli = regexp.MustCompile(`(?:^|[\s_\[(])m[gG][\])]?$`)

func readCSV(b []byte, o FileOptions) (*content, error) {
	t, err := csvfile.Decode(b, csvfile.Options{Delimiter: o.Delimiter, Skip: o.Skip, MaxRows: o.MaxRows})
	if err != nil {
		return nil, err
	}
	clock, rate, err := t.Clock()
	if err != nil {
		return nil, err
	}
	c := &content{rate: rate, start: t.Start(), rpm: t.RPM()}
	for i, x := range t.Columns {
		if i == clock && len(t.Columns) > 1 {
			c.time = fmt.Sprint(i + 1)
			continue
		}
		if len(t.Columns) > 1 && (i < len(t.Days) && t.Days[i] || t.Counts(i)) {
			continue
		}
		number := fmt.Sprint(i + 1)
		name := number
		if i < len(t.Header) && t.Header[i] != "" {
			name = t.Header[i]
		}
		unit := bearing.Unit(t.Unit(i))
		if milli.MatchString(name) {
			unit = bearing.G
			for k := range x {
				x[k] /= 1000
			}
		}
		switch {
		case strings.HasSuffix(name, "_"+string(bearing.RelativeToFull)): // ours
			c.unit = bearing.RelativeToFull
		case len(c.channels) == 0:
			c.unit = unit
		case c.unit != unit:
			c.unit = "" // they differ, or not all say it
		}
		c.channels = append(c.channels, channel{name: name, short: number, data: x, unit: unit, other: unit == "" && strings.ContainsAny(name, "[(")})
	}
	return c, nil
}

func readWAV(b []byte) (*content, error) {
	f, err := wavfile.Decode(b)
	if err != nil {
		return nil, err
	}
	c := &content{rate: f.SampleRate, pcm: !f.Float, wave: true}
	if f.Note.Unit != "" && f.Float { // ours
		c.unit, c.start, c.pcm, c.wave = bearing.Unit(f.Note.Unit), f.Note.Start, false, false
	}
	for i, x := range f.Channels {
		number := fmt.Sprint(i + 1)
		c.channels = append(c.channels, channel{name: number, short: number, data: x})
	}
	return c, nil
}

// find returns the channel of that full name.
func (c *content) find(name string) (channel, bool) {
	for _, ch := range c.channels {
		if ch.name == name {
			return ch, true
		}
	}
	return channel{}, false
}

// names lists the channels as an error shows them.
func (c *content) names() string {
	if len(c.channels) == 0 {
		return "none"
	}
	var s []string
	for i, ch := range c.channels {
		if i == 12 {
			s = append(s, fmt.Sprintf("and %d more", len(c.channels)-i))
			break
		}
		n := bearing.Clip(ch.name)
		if ch.short != ch.name {
			n += " (" + bearing.Clip(ch.short) + ")"
		}
		s = append(s, n)
	}
	return strings.Join(s, ", ")
}
