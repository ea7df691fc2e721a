// Package csvfile reads tables of numbers: comma, semicolon, tab or blanks
// between the cells, an optional line of names, comments after '#'.
//
// It is no general CSV reader: there is no quoting of numbers, and a cell that
// is no finite number is an error that names its line and column.
package csvfile

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"

	"brinell/internal/bearing"
)

// Options say what is not guessed.
type Options struct {
	Delimiter byte // 0 means guess: tab, semicolon, comma, else blanks
}

// Table is a decoded table.
type Table struct {
	Header  []string // names of the columns; nil if the file has none
	Columns [][]float64
}

// maxColumns bounds the width of a table.
const maxColumns = 1024

// Decode reads a table. With tab, semicolon or blanks as delimiter a comma is a
// decimal comma. The first line is a header if one of its cells is no number.
// Errors are *bearing.Error with code csv_malformed.
func Decode(b []byte, o Options) (Table, error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	d := &decoder{delim: o.Delimiter}
	for line := 1; len(b) > 0; line++ {
		var row []byte
		row, b, _ = bytes.Cut(b, []byte("\n"))
		row, _, _ = bytes.Cut(row, []byte("#"))
		if row = bytes.TrimRight(row, " \r"); len(bytes.TrimSpace(row)) == 0 {
			continue
		}
		if err := d.line(row, line); err != nil {
			return Table{}, err
		}
	}
	if len(d.t.Columns) == 0 || len(d.t.Columns[0]) == 0 {
		return Table{}, bearing.Errorf(bearing.Malformed, "csv_malformed", "the CSV file holds no numbers")
	}
	return d.t, nil
}

type decoder struct {
	delim byte
	t     Table
	cells [][]byte // of the present line
}

func (d *decoder) line(row []byte, number int) error {
	if d.delim == 0 {
		d.delim = guess(row)
	}
	d.split(row)
	if d.t.Columns == nil {
		if len(d.cells) > maxColumns {
			return d.wrong(number, maxColumns+1, "more than %d columns", maxColumns)
		}
		d.t.Columns = make([][]float64, len(d.cells))
		if d.t.Header == nil && slices.ContainsFunc(d.cells, func(c []byte) bool { _, ok := d.number(c); return !ok }) {
			for _, c := range d.cells {
				d.t.Header = append(d.t.Header, strings.Trim(string(c), `"' `))
			}
			return nil
		}
	}
	if len(d.cells) != len(d.t.Columns) {
		return d.wrong(number, len(d.cells), "%d cells, the lines before have %d", len(d.cells), len(d.t.Columns))
	}
	for i, c := range d.cells {
		v, ok := d.number(c)
		if !ok {
			return d.wrong(number, i+1, "%q is no finite number", bearing.Clip(string(c)))
		}
		d.t.Columns[i] = append(d.t.Columns[i], v)
	}
	return nil
}

// guess chooses the delimiter by the first line with content.
func guess(row []byte) byte {
	for _, c := range []byte("\t;,") {
		if bytes.IndexByte(row, c) >= 0 {
			return c
		}
	}
	return ' '
}

// split cuts a line into cells.
func (d *decoder) split(row []byte) {
	d.cells = d.cells[:0]
	if d.delim == ' ' {
		d.cells = append(d.cells, bytes.Fields(row)...)
		return
	}
	// Some writers end each line with a delimiter.
	if n := len(row); n > 0 && row[n-1] == d.delim {
		row = row[:n-1]
	}
	for c := range bytes.SplitSeq(row, []byte{d.delim}) {
		d.cells = append(d.cells, bytes.TrimSpace(c))
	}
}

// number reads a finite number. Names such as inf and nan, which ParseFloat
// takes, and hexadecimal floats and underscores are no numbers here.
func (d *decoder) number(c []byte) (float64, bool) {
	for _, x := range c {
		if (x < '0' || x > '9') && !bytes.ContainsRune([]byte("+-.,eE"), rune(x)) {
			return 0, false
		}
	}
	s := string(c)
	if d.delim != ',' {
		s = strings.Replace(s, ",", ".", 1)
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
}

func (d *decoder) wrong(line, column int, format string, args ...any) error {
	e := bearing.Errorf(bearing.Malformed, "csv_malformed", format, args...)
	e.Message = "line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column) + " of the CSV file: " + e.Message
	return e
}

// Column returns the column of that name, or of that number counted from 1.
func (t Table) Column(nameOrNumber string) ([]float64, error) {
	if i := slices.Index(t.Header, nameOrNumber); i >= 0 {
		return t.Columns[i], nil
	}
	if n, err := strconv.Atoi(nameOrNumber); err == nil && n >= 1 && n <= len(t.Columns) {
		return t.Columns[n-1], nil
	}
	have := "columns 1 to " + strconv.Itoa(len(t.Columns))
	if t.Header != nil {
		have += " (" + bearing.Clip(strings.Join(t.Header, ", ")) + ")"
	}
	return nil, bearing.Errorf(bearing.NotFound, "column_unknown", "there is no column %q: the file has %s", bearing.Clip(nameOrNumber), have)
}
