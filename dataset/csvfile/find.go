package csvfile

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// toUTF8 takes a byte order mark away and turns UTF-16, which spreadsheets call "Unicode text",
// into UTF-8.
func toUTF8(b []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return b[3:]
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return b
	}
	out := make([]byte, 0, len(b)/2)
	for b = b[2:]; len(b) >= 2; b = b[2:] {
		c := rune(order.Uint16(b))
		if utf16.IsSurrogate(c) && len(b) >= 4 {
			if pair := utf16.DecodeRune(c, rune(order.Uint16(b[2:]))); pair != utf8.RuneError {
				c, b = pair, b[2:]
			}
		}
		out = utf8.AppendRune(out, c)
	}
	return out
}

// Of the search for where a table begins: how many lines may stand before it, and how many lines
// of numbers in a row are one.
const (
	maxPreamble = 500
	sureLines   = 3
)

// wordsOfOne matches a line of words that is the name of a single column: its unit ends it.
var wordsOfOne = regexp.MustCompile(`^[^:=;,\t]+[ _]?[\[(]\s*(?:m?[gG]|m/s2|m/s²|m/s\^2|mm/s)\s*[\])]$`)

// row is a line with content.
type row struct {
	number int // of the line in the file, from 1
	text   []byte
}

// begin is where a table begins.
type begin struct {
	delim    byte
	preamble []row
	header   []string
}

// find looks for the table behind the lines that loggers write before it: the first line of
// numbers that others of as many cells follow. The line before it with as many cells is the
// header, and one between the two that has units. A line of numbers of as many cells before that
// is no preamble but a table that is damaged; then all is read as one, and the error says where.
func find(rows []row, delim byte) (b begin, from int) {
	first := 0
	for first < len(rows) && first <= maxPreamble && !table(rows[first:], delim) {
		first++
	}
	if first >= len(rows) || first > maxPreamble {
		if len(rows) > 0 {
			b.delim = delimiter(rows[0].text, delim)
		}
		return b, 0
	}
	d := &decoder{delim: delimiter(rows[first].text, delim)}
	if d.delim == ',' && delim == 0 && decimalCommas(rows[first:]) {
		d.delim = ';'
	}
	d.split(rows[first].text)
	width, dated := len(d.cells), d.dated()
	b.delim = d.delim
	for i, r := range rows[:first] {
		if d.split(r.text); len(d.cells) == width && width > 1 && d.numbers() && d.dated() == dated {
			return b, i
		}
	}
	names := func(i int) []string {
		if i < 0 {
			return nil
		}
		line := bytes.TrimLeft(rows[i].text, "% ")
		if width == 1 && wordsOfOne.Match(unquoted(line)) {
			return []string{text(unquoted(line))}
		}
		if d.split(line); len(d.cells) != width || d.numbers() {
			return nil
		}
		var out []string
		for _, c := range d.cells {
			out = append(out, text(unquoted(c)))
		}
		return out
	}
	end := first
	if b.header = names(end - 1); b.header != nil {
		end--
		if above := names(end - 1); above != nil && units(b.header) {
			for i := range above {
				above[i] += " " + b.header[i]
			}
			b.header = above
			end--
		}
	}
	b.preamble = rows[:end]
	if b.header == nil && counted(d, rows[first:]) {
		first++
	}
	return b, first
}

// maxFooter is how many lines may stand behind a table.
const maxFooter = 50

// footer reports whether a line of a table and all behind it are words alone, as some loggers
// end their files: a number among them is of a table that is damaged or cut off.
func (d *decoder) footer(r row, rows []row, l lines) bool {
	if len(d.t.Columns) == 0 || len(d.t.Columns[0]) < sureLines {
		return false
	}
	for range maxFooter {
		d.split(r.text)
		if slices.ContainsFunc(d.cells, func(c []byte) bool {
			_, number := d.number(c)
			_, stamp := d.stamp(unquoted(c))
			_, err := strconv.ParseFloat(string(unquoted(c)), 64) // NaN and its like too
			return number || stamp || err == nil
		}) {
			return false
		}
		if len(rows) > 0 {
			r, rows = rows[0], rows[1:]
		} else if next, ok := l.next(); ok {
			r = next
		} else {
			return true
		}
	}
	return false
}

// dated reports whether a cell is a day, as in a remark or in a column of dates.
func (d *decoder) dated() bool {
	return slices.ContainsFunc(d.cells, func(c []byte) bool { _, ok := date(unquoted(c)); return ok })
}

// table reports whether the next lines are numbers, all with as many cells.
func table(rows []row, delim byte) bool {
	n := min(sureLines, len(rows))
	d := &decoder{delim: delimiter(rows[n-1].text, delim)}
	width := 0
	for i, r := range rows[:n] {
		if d.split(r.text); i == 0 {
			width = len(d.cells)
		}
		if len(d.cells) != width || !d.numbers() {
			return false
		}
	}
	return width > 0
}

// unitCell matches a cell that is a unit and no name: one in brackets, or a usual one.
var unitCell = regexp.MustCompile(`(?i)^(?:\[[^\[\]]*\]|\([^()]*\)|s|ms|us|µs|ns|g|mg|m/s2|m/s²|m/s\^2|mm/s|mm/s2|mm/s²|v|mv|rpm|1/min|hz|°c|-)$`)

// units reports whether a line of cells has nothing but units, such as [s];[g] or s;g.
func units(cells []string) bool {
	some := false
	for _, c := range cells {
		if c != "" && !unitCell.MatchString(c) {
			return false
		}
		some = some || c != ""
	}
	return some
}

// counted reports whether the first line numbers the columns from 0, as a data frame without
// names is written: no line of the table, whose numbers have decimals.
func counted(d *decoder, rows []row) bool {
	if len(rows) < 2 {
		return false
	}
	d.split(rows[0].text)
	if len(d.cells) < 2 {
		return false
	}
	for i, c := range d.cells {
		if string(c) != strconv.Itoa(i) {
			return false
		}
	}
	return bytes.ContainsAny(rows[1].text, ".eE")
}

// decimalCommas reports whether lines of two cells are one number with a decimal comma each: of
// pairs of integers none is written as -0 or with a leading zero.
func decimalCommas(rows []row) bool {
	sure := false
	for _, r := range rows[:min(len(rows), maxPreamble)] {
		whole, decimals, ok := bytes.Cut(bytes.TrimSpace(r.text), []byte(","))
		if !ok || !digits(bytes.TrimLeft(whole, "+-")) || !digits(decimals) {
			return false
		}
		sure = sure || string(whole) == "-0" || len(decimals) > 1 && decimals[0] == '0'
	}
	return sure
}

func digits(b []byte) bool {
	return len(b) > 0 && !slices.ContainsFunc(b, func(c byte) bool { return c < '0' || c > '9' })
}

// delimiter is the one that is stated, or the one that a line shows.
func delimiter(line []byte, stated byte) byte {
	if stated != 0 {
		return stated
	}
	return guess(line)
}

// unquoted is a cell without its quotes.
func unquoted(c []byte) []byte {
	c = bytes.TrimSpace(c)
	if n := len(c); n >= 2 && (c[0] == '"' || c[0] == '\'') && c[n-1] == c[0] {
		return bytes.TrimSpace(c[1 : n-1])
	}
	return c
}
