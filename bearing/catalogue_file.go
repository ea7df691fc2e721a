package bearing

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxCatalogueFile bounds a file of bearings in bytes.
const maxCatalogueFile = 4 << 20

// catalogueColumns are the columns of a file of bearings.
var catalogueColumns = []string{"designation", "elements", "element_mm", "pitch_mm", "contact_deg", "bpfo", "bpfi", "bsf2", "ftf", "source", "licence"}

// ParseCatalogue reads users' rows from CSV, comma-separated UTF-8 with a header of
//
//	designation,elements,element_mm,pitch_mm,contact_deg,bpfo,bpfi,bsf2,ftf,source,licence
//
// in any order. Columns may be missing; in each row either the four of the geometry are
// filled (an empty contact_deg is 0) or the four of the orders.
//
// Errors name line and column and say what to do: Malformed catalogue_file for a file
// that is no such table, and those of KnownBearing.Validate.
func ParseCatalogue(b []byte) ([]KnownBearing, error) {
	if len(b) > maxCatalogueFile {
		return nil, catalogueError("the file has %d bytes, at most %d are read: leave out the bearings that you have not", len(b), maxCatalogueFile)
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if !utf8.Valid(b) {
		return nil, catalogueError("line %d: the text is not UTF-8: save the file as UTF-8", 1+bytes.Count(b[:invalidUTF8(b)], []byte{'\n'}))
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.FieldsPerRecord, r.ReuseRecord, r.TrimLeadingSpace = -1, true, true
	header, err := r.Read()
	if err == io.EOF {
		return nil, catalogueError("the file is empty: begin with the line %s", strings.Join(catalogueColumns, ","))
	}
	if err != nil {
		return nil, csvError(err)
	}
	columns, err := readHeader(header)
	if err != nil {
		return nil, err
	}
	var rows []KnownBearing
	lines := make(map[string]int) // of the rows by their keys
	for {
		cells, err := r.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, csvError(err)
		}
		line, _ := r.FieldPos(0)
		if len(cells) != len(columns) {
			return nil, catalogueError("line %d: %d cells, the header has %d: leave cells empty but keep their commas, and write numbers with a point", line, len(cells), len(columns))
		}
		row, err := readRow(columns, cells)
		if err != nil {
			return nil, inLine(err, line)
		}
		key := DesignationKey(row.Designation)
		if first, twice := lines[key]; twice {
			return nil, catalogueError("line %d, column designation: %q stands in line %d already: remove one", line, Clip(row.Designation), first)
		}
		if len(rows) == MaxUserBearings {
			return nil, catalogueError("line %d: more than %d bearings: leave out those that you have not", line, MaxUserBearings)
		}
		lines[key] = line
		rows = append(rows, row)
	}
}

func catalogueError(format string, args ...any) *Error {
	return Errorf(Malformed, "catalogue_file", format, args...)
}

func csvError(err error) error {
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		return catalogueError("line %d, byte %d: %v: put a cell with quotes or commas into quotes, and double the quotes in it", e.Line, e.Column, e.Err)
	}
	return catalogueError("%v", err)
}

// invalidUTF8 returns where the first byte stands that is no UTF-8.
func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// readHeader returns the names of the columns.
func readHeader(cells []string) ([]string, error) {
	var names []string
	for i, c := range cells {
		name := strings.ToLower(strings.TrimSpace(c))
		switch {
		case len(cells) == 1 && strings.ContainsAny(name, ";\t"):
			return nil, catalogueError("line 1: the cells are not parted by commas: save the file with commas, and numbers with a point")
		case !slices.Contains(catalogueColumns, name):
			return nil, catalogueError("line 1, column %d: %q is not known: use %s", i+1, Clip(c), strings.Join(catalogueColumns, ", "))
		case slices.Contains(names, name):
			return nil, catalogueError("line 1, column %d: %s stands twice: remove one", i+1, name)
		}
		names = append(names, name)
	}
	if !slices.Contains(names, "designation") {
		return nil, catalogueError("line 1: there is no column designation: begin with the line %s", strings.Join(catalogueColumns, ","))
	}
	return names, nil
}

func readRow(columns, cells []string) (KnownBearing, error) {
	var e CatalogueEntry
	var g GeometryEntry
	geometry := false
	for i, name := range columns {
		c := strings.TrimSpace(cells[i])
		if c == "" {
			continue
		}
		var v *float64
		switch name {
		case "designation":
			e.Designation = c
		case "source":
			e.Source = c
		case "licence":
			e.Licence = c
		case "elements":
			n, err := strconv.Atoi(c)
			if err != nil {
				return KnownBearing{}, invalidRow("/"+name, "%q is no whole number: write the number of rolling elements, such as 9", Clip(c))
			}
			geometry, g.Elements = true, n
		case "element_mm":
			geometry, v = true, &g.ElementMM
		case "pitch_mm":
			geometry, v = true, &g.PitchMM
		case "contact_deg":
			v = &g.ContactDeg
		case "bpfo":
			v = &e.Orders.BPFO
		case "bpfi":
			v = &e.Orders.BPFI
		case "bsf2":
			v = &e.Orders.BSF2
		case "ftf":
			v = &e.Orders.FTF
		}
		if v != nil {
			var err error
			if *v, err = strconv.ParseFloat(c, 64); err != nil {
				return KnownBearing{}, invalidRow("/"+name, "%q is no number: write it with a point, such as 6.75", Clip(c))
			}
		}
	}
	switch {
	case geometry && e.Orders != (OrdersEntry{}):
		return KnownBearing{}, invalidRow("/bpfo", "both geometry and orders are filled: leave one of the two empty, the orders follow from the geometry")
	case !geometry && g.ContactDeg != 0:
		return KnownBearing{}, invalidRow("/contact_deg", "a contact angle without a geometry: fill elements, element_mm and pitch_mm too, or leave it empty")
	case geometry:
		e.Geometry = &g
	}
	b := e.Row()
	return b, b.Validate()
}

// inLine adds the line to an error about a row, and the column that it points at.
func inLine(err error, line int) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	column := path.Base(e.Pointer)
	if column == "geometry" {
		column = "elements" // with which a geometry begins
	}
	return Errorf(e.Kind, e.Code, "line %d, column %s: %s", line, column, e.Message)
}
