// Package csvfile reads tables of numbers as loggers write them: comma, semicolon, tab or blanks
// between the cells, an optional line of names and one of units, lines before those, comments
// after '#', a column of time, LabVIEW's LVM.
//
// A cell of the table that is no finite number is an error that names its line and column.
package csvfile

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"brinell/bearing"
)

// Options say what is not guessed.
type Options struct {
	Delimiter byte // 0 means guess: tab, semicolon, comma, else blanks
	Skip      int  // lines to leave out before the table or its names
	MaxRows   int  // more are refused with TooLarge window_too_long; 0 for any
}

// Table is a decoded table.
type Table struct {
	Header   []string // names of the columns; nil if the file has none
	Columns  [][]float64
	Stamped  []bool      // which columns were points in time; nil for none
	First    []time.Time // of those
	Days     []bool      // columns of dates, which are in the times of another already; nil for none
	Preamble []string    // lines before the header
}

// maxColumns bounds the width of a table.
const maxColumns = 1024

// maxRemark is how many bytes of a line before a table are looked at.
const maxRemark = 512

// Decode reads a table in UTF-8 or, with a byte order mark, UTF-16. With tab, semicolon or blanks
// as delimiter a comma is a decimal comma; so is the only one of lines that have no other. Lines
// before the table are passed over, see find; the last one before it is a header if it has as
// many cells, and none of numbers alone; words alone may end the file. A column may be of points
// in time, and is in seconds since the first. Errors are *bearing.Error with code csv_malformed.
func Decode(b []byte, o Options) (Table, error) {
	l := lines{rest: toUTF8(b), skip: o.Skip}
	var rows []row // as many as there are to find the table in
	for r, ok := l.next(); ok; r, ok = l.next() {
		if rows = append(rows, r); len(rows) == maxPreamble+2*sureLines {
			break
		}
	}
	at, from := find(rows, o.Delimiter)
	d := &decoder{delim: at.delim}
	d.t.Header = at.header
	d.t.Preamble = l.own
	for _, r := range at.preamble {
		d.t.Preamble = append(d.t.Preamble, text(r.text[:min(len(r.text), maxRemark)]))
	}
	rows = rows[min(from, len(rows)):]
	d.remarkedHeader(rows)
	for {
		var r row
		if len(rows) > 0 {
			r, rows = rows[0], rows[1:]
		} else if next, ok := l.next(); ok {
			r = next
		} else {
			break
		}
		if err := d.line(r.text, r.number); err != nil {
			if d.footer(r, rows, l) {
				break
			}
			return Table{}, err
		}
		if o.MaxRows > 0 && len(d.t.Columns) > 0 && len(d.t.Columns[0]) > o.MaxRows {
			return Table{}, bearing.Errorf(bearing.TooLarge, "window_too_long", "the table has more than %d rows: send shorter windows", o.MaxRows).Over(float64(o.MaxRows), 0)
		}
	}
	if len(d.t.Columns) == 0 || len(d.t.Columns[0]) == 0 {
		return Table{}, bearing.Errorf(bearing.Malformed, "csv_malformed", "the CSV file holds no numbers")
	}
	d.joinDays()
	return d.t, nil
}

// lines are those with content.
type lines struct {
	rest   []byte
	number int
	skip   int
	own    []string // what comments say before the table
	found  bool     // a line with content
}

func (l *lines) next() (row, bool) {
	for len(l.rest) > 0 {
		var text []byte
		text, l.rest, _ = bytes.Cut(l.rest, []byte("\n"))
		if l.number++; l.number <= l.skip {
			continue
		}
		if !l.found && len(l.own) < maxPreamble {
			if own, ok := bytes.CutPrefix(text, []byte(ownLine)); ok {
				l.own = append(l.own, remark(own))
			} else if said, ok := bytes.CutPrefix(text, []byte("#")); ok {
				l.own = append(l.own, remark(said))
			}
		}
		text, _, _ = bytes.Cut(text, []byte("#"))
		if text = bytes.TrimRight(text, " \r"); len(bytes.TrimSpace(text)) > 0 {
			l.found = true
			return row{l.number, text}, true
		}
	}
	return row{}, false
}

// remark is the beginning of a comment, as text.
func remark(b []byte) string { return text(bytes.TrimSpace(b[:min(len(b), maxRemark)])) }

type decoder struct {
	delim byte
	t     Table
	cells [][]byte    // of the present line
	first []time.Time // of columns of points in time
	form  string      // of the last point in time
	days  []bool      // columns of dates without a time of day
}

func (d *decoder) line(row []byte, number int) error {
	d.split(row)
	if d.t.Columns == nil {
		if len(d.cells) > maxColumns {
			return d.wrong(number, maxColumns+1, "more than %d columns", maxColumns)
		}
		d.t.Columns = make([][]float64, len(d.cells))
		d.first = make([]time.Time, len(d.cells))
		if d.t.Header == nil && !d.numbers() { // of a table of fewer lines than find is sure of
			for _, c := range d.cells {
				d.t.Header = append(d.t.Header, text(unquoted(c)))
			}
			return nil
		}
	}
	switch n, want := len(d.cells), len(d.t.Columns); {
	case n < want && len(row) > 0 && row[len(row)-1] == d.delim: // which split takes for the line's end
		return d.empty(number, n+1)
	case n < want:
		return d.wrong(number, n+1, "there is no cell, the lines before have %d", want)
	case n > want:
		return d.wrong(number, want+1, "%d cells, the lines before have %d", n, want)
	}
	for i, c := range d.cells {
		v, ok := d.number(c)
		if !ok {
			if len(unquoted(c)) == 0 {
				return d.empty(number, i+1)
			}
			if v, ok = d.since(i, unquoted(c)); !ok {
				return d.wrong(number, i+1, "%q is no finite number", bearing.Clip(string(c)))
			}
		}
		d.t.Columns[i] = append(d.t.Columns[i], v)
	}
	return nil
}

// since reads a point in time as seconds since the first of its column.
func (d *decoder) since(column int, cell []byte) (float64, bool) {
	at, ok := d.stamp(cell)
	if !ok {
		if at, ok = date(cell); ok {
			if d.days == nil {
				d.days = make([]bool, len(d.t.Columns))
			}
			d.days[column] = true
		}
	}
	if !ok || len(d.t.Columns[column]) > 0 && d.first[column].IsZero() {
		return 0, false
	}
	if d.t.Stamped == nil {
		d.t.Stamped = make([]bool, len(d.t.Columns))
	}
	if !d.t.Stamped[column] {
		d.t.Stamped[column], d.first[column] = true, at
		d.t.First = d.first
	}
	return at.Sub(d.first[column]).Seconds(), true
}

// numbers reports whether all cells are numbers or points in time, one number among them.
func (d *decoder) numbers() bool {
	found := false
	for _, c := range d.cells {
		_, ok := d.number(c)
		if found = found || ok; ok {
			continue
		}
		if _, ok := d.stamp(unquoted(c)); ok {
			continue
		}
		if _, ok := date(unquoted(c)); !ok {
			return false
		}
	}
	return found
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

// split cuts a line into cells, of which it takes one more than a table may have.
func (d *decoder) split(row []byte) {
	d.cells = d.cells[:0]
	add := func(cell []byte) bool {
		d.cells = append(d.cells, bytes.TrimSpace(cell))
		return len(d.cells) <= maxColumns
	}
	if d.delim == ' ' {
		for c := range bytes.FieldsFuncSeq(row, func(c rune) bool { return c == ' ' || c == '\t' }) {
			if !add(c) {
				return
			}
		}
		return
	}
	// Some writers end each line with a delimiter.
	if n := len(row); n > 0 && row[n-1] == d.delim {
		row = row[:n-1]
	}
	if bytes.IndexByte(row, '"') < 0 {
		for c := range bytes.SplitSeq(row, []byte{d.delim}) {
			if !add(c) {
				return
			}
		}
		return
	}
	quoted, from := false, 0
	for i, c := range row {
		if c == '"' {
			quoted = !quoted
		} else if c == d.delim && !quoted {
			if !add(row[from:i]) {
				return
			}
			from = i + 1
		}
	}
	add(row[from:])
}

// maxNumber is how many characters a number has at most.
const maxNumber = 64

// number reads a finite number. Names such as inf and nan, which ParseFloat
// takes, and hexadecimal floats and underscores are no numbers here.
func (d *decoder) number(c []byte) (float64, bool) {
	c = unquoted(c)
	if len(c) > maxNumber {
		return 0, false
	}
	for _, x := range c {
		if (x < '0' || x > '9') && x != '.' && x != '-' && x != ',' && x != '+' && x != 'e' && x != 'E' {
			return 0, false
		}
	}
	s := string(c)
	if d.delim != ',' || strings.Contains(s, ",") { // with the comma as delimiter the cell was quoted
		s = strings.Replace(s, ",", ".", 1)
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
}

func (d *decoder) empty(line, column int) error {
	return d.wrong(line, column, "the cell is empty: every line has a number there, or take the line out and send the parts by themselves")
}

func (d *decoder) wrong(line, column int, format string, args ...any) error {
	e := bearing.Errorf(bearing.Malformed, "csv_malformed", format, args...)
	e.Message = "line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column) + " of the CSV file: " + e.Message
	return e
}

// Is reports whether a column has that name, or that number counted from 1.
func (t Table) Is(column int, nameOrNumber string) bool {
	if i := slices.Index(t.Header, nameOrNumber); i >= 0 {
		return i == column
	}
	return strconv.Itoa(column+1) == nameOrNumber
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
