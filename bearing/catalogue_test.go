package bearing

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// multipliers is a row of which a table gives orders only, those of a 6205.
func multipliers(designation string) KnownBearing {
	return KnownBearing{Designation: designation, Stated: Orders{3.585, 5.415, 2.357, 0.398}, Source: "maker's table", Licence: "own"}
}

func millimetres(designation string, n int, d, pitch, deg float64) KnownBearing {
	return KnownBearing{Designation: designation, Geometry: Geometry{n, d, pitch, deg * degree}}
}

// TestPublishedRows holds the rows of data sets against the orders that their papers
// and descriptions give.
func TestPublishedRows(t *testing.T) {
	f := func(name string, bpfo, bpfi float64) {
		t.Helper()
		b, ok := LookupBearing(name)
		if o := b.Orders(); !ok || math.Abs(o.BPFO-bpfo) > 0.005 || math.Abs(o.BPFI-bpfi) > 0.005 {
			t.Errorf("%s: %+v, want BPFO %g and BPFI %g", name, o, bpfo, bpfi)
		}
		if !b.BuiltIn || b.Source == "" || b.Licence == "" {
			t.Errorf("%s: %+v lacks source or licence", name, b)
		}
	}
	f("6203-kat", 4*(1-6.75/28.55), 4*(1+6.75/28.55))
	f("LDK-UER204", 3.083, 4.917) // 107.91 and 172.09 Hz at 35 Hz
}

func TestLookup(t *testing.T) {
	c := NewCatalogue(KnownBearings...)
	for _, b := range []KnownBearing{
		multipliers("6305-2Z"), millimetres("6206", 9, 9.5, 46, 0), millimetres("6206 TN9", 8, 9.5, 46, 0),
		millimetres("6207-2RS", 9, 11, 53.5, 0), millimetres("6207 Y", 8, 11, 53.5, 0),
		millimetres("7205 B", 12, 7.9, 38.5, 40), millimetres("618/8", 9, 2, 12, 0), millimetres("NU 205 ECP", 13, 7.5, 38.5, 0),
	} {
		if _, err := c.Put(b); err != nil {
			t.Fatal(err)
		}
	}
	for stated, want := range map[string]string{
		"6205-2RS": "6205-2RS", "6205 2rs": "6205-2RS", " 6205/2RS ": "6205-2RS", "6205": "6205-2RS", "6205 2Z/C3": "6205-2RS", "6205ETN9": "6205-2RS", "6205-2RSH/C3VT162": "6205-2RS",
		"62052": "", "62-05": "", "620": "", "SKF 6205": "6205-2RS", "FAG6205": "6205-2RS", "16205": "", "": "", " ": "", "-/": "", "\x00": "", "6205\n": "6205-2RS",
		"za2115": "ZA-2115", "ZA 2115": "ZA-2115", "ZA-2115 C3": "", "2115": "", "nice": "NICE", "NICE 2": "",
		"6203": "6203-2RS", "6203 2Z": "6203-2RS", "6203-KAT": "6203-KAT", "6203 kat": "6203-KAT", // the two agree
		"6206-2Z": "6206", "6206 tn9": "6206 TN9", // the one without suffixes
		"6207": "6207", "6207-2Z": "6207", "6207 y": "6207 Y", // the two differ: estimated
		"7205": "7205", "7205 C": "7205", "7205b": "7205 B", // suffixes tell contact angles
		"618/8-2Z": "618/8", "618/8": "618/8", "618/9": "", "618": "",
		"NU205ECP": "NU 205 ECP", "NU 205": "NU 205", "6305": "6305-2Z", "UER204": "", "ldk uer204": "LDK UER204",
	} {
		b, ok := c.Lookup(stated)
		if b.Designation != want || ok != (want != "") {
			t.Errorf("%q finds %q, want %q", stated, b.Designation, want)
		}
	}
}

func TestCataloguePut(t *testing.T) {
	c := NewCatalogue(KnownBearings...)
	put := func(b KnownBearing, replaced bool, code string) {
		t.Helper()
		err := c.Check(b)
		got, perr := c.Put(b)
		if got != replaced || CodeOf(err) != code || CodeOf(perr) != code {
			t.Errorf("%s: replaced %v, %v, %v; want %v, %q", b.Designation, got, perr, err, replaced, code)
		}
	}
	b := multipliers("NU 205")
	put(b, false, "")
	b.Source = "measured"
	b.Designation = "nu-205"
	b.BuiltIn = true // which it does not become
	put(b, true, "")
	put(multipliers("6205 2rs"), false, "bearing_builtin")
	put(multipliers("6205"), false, "") // another designation, which the plain number now finds
	if got, _ := c.Lookup("6205 2Z"); got.Designation != "6205" {
		t.Errorf("found %s", got.Designation)
	}
	put(KnownBearing{Designation: "x"}, false, "bearing_invalid")
	if KindOf(c.Check(multipliers("NICE"))) != Conflict {
		t.Error("a built-in row is no conflict")
	}
	rows := c.Rows()
	if len(rows) != len(KnownBearings)+2 || !slices.IsSortedFunc(rows, func(a, b KnownBearing) int {
		return strings.Compare(DesignationKey(a.Designation), DesignationKey(b.Designation))
	}) {
		t.Errorf("rows %v", rows)
	}
	for i := len(rows) - len(KnownBearings); i < MaxUserBearings; i++ {
		put(multipliers(fmt.Sprintf("A%d", i)), false, "")
	}
	put(multipliers("B1"), false, "catalogue_full")
	put(multipliers("A5"), true, "")
	for _, designation := range []string{"6205 2rs", "B1", "a-5", "6205"} {
		c.Delete(designation) // the first is the program's own, the second not there
	}
	if _, ok := c.Row("A5"); ok || len(c.Rows()) != MaxUserBearings+len(KnownBearings)-2 {
		t.Errorf("%d rows after two were deleted", len(c.Rows()))
	}
	if got, _ := c.Lookup("6205 2Z"); got.Designation != "6205-2RS" {
		t.Errorf("found %s after 6205 was deleted", got.Designation)
	}
	put(multipliers("B1"), false, "")
	put(multipliers("A5"), false, "")
	put(multipliers("A5A"), false, "catalogue_full")
}

func TestCatalogueIsConcurrent(t *testing.T) {
	c := NewCatalogue(KnownBearings...)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 200 {
				if _, err := c.Put(multipliers(fmt.Sprintf("63%02d-%d", i%50, g))); err != nil {
					t.Error(err)
				}
				c.Lookup("6205 2Z")
				c.Lookup("6310 2Z")
				c.Rows()
			}
		})
	}
	wg.Wait()
	if n := len(c.Rows()); n != len(KnownBearings)+200 {
		t.Errorf("%d rows", n)
	}
}

func TestNewCataloguePanics(t *testing.T) {
	for name, rows := range map[string][]KnownBearing{"twice": {multipliers("a"), multipliers("A")}, "invalid": {{Designation: "a"}}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: taken", name)
				}
			}()
			NewCatalogue(rows...)
		}()
	}
}

func TestValidateRow(t *testing.T) {
	f := func(pointer string, change func(*KnownBearing)) {
		t.Helper()
		for _, b := range []KnownBearing{multipliers("NU 205"), millimetres("NU 205", 9, 7.94, 39.04, 0)} {
			before := b
			change(&b)
			if b == before {
				continue
			}
			err := b.Validate()
			e, ok := err.(*Error)
			if !ok || e.Kind != Invalid || e.Pointer != pointer {
				t.Errorf("%+v: %v, want %s", b, err, pointer)
			}
		}
	}
	for _, b := range append(slices.Clone(KnownBearings), multipliers("x"), millimetres("22205 E/C3", 15, 7.5, 38, 10)) {
		if err := b.Validate(); err != nil {
			t.Errorf("%s: %v", b.Designation, err)
		}
		// What is rounded as tables are must pass as orders, too.
		o := b.Orders()
		round := func(v float64) float64 { return math.Round(v*1e3) / 1e3 }
		s := KnownBearing{Designation: "x", Stated: Orders{round(o.BPFO), round(o.BPFI), round(o.BSF), round(o.FTF)}}
		if err := s.Validate(); err != nil {
			t.Errorf("%s by its orders: %v", b.Designation, err)
		}
	}
	for _, d := range []string{"", " ", "--", "a\n", " a", "a ", "ä", strings.Repeat("a", 65)} {
		f("/designation", func(b *KnownBearing) { b.Designation = d })
	}
	for _, s := range []string{"a\nb", "\xff", strings.Repeat("a", 201)} {
		f("/source", func(b *KnownBearing) { b.Source = s })
		f("/licence", func(b *KnownBearing) { b.Licence = s })
	}
	f("/geometry", func(b *KnownBearing) { b.Geometry, b.Stated = Geometry{}, Orders{} })
	f("/orders", func(b *KnownBearing) {
		b.Geometry, b.Stated = Geometry{9, 7.94, 39.04, 0}, Orders{3.585, 5.415, 2.357, 0.398}
	})
	geometry := func(pointer string, g ...Geometry) {
		t.Helper()
		for _, g := range g {
			f(pointer, func(b *KnownBearing) { b.Geometry, b.Stated = g, Orders{} })
		}
	}
	nan, inf := math.NaN(), math.Inf(1)
	geometry("/geometry/elements", Geometry{2, 1, 5, 0}, Geometry{0, 1, 5, 0}, Geometry{-9, 1, 5, 0}, Geometry{501, 1, 5, 0})
	geometry("/geometry/pitch_mm", Geometry{9, 1, 0, 0}, Geometry{9, 1, -1, 0}, Geometry{9, 1, nan, 0}, Geometry{9, 1, inf, 0})
	geometry("/geometry/element_mm", Geometry{9, 0, 39, 0}, Geometry{9, -1, 39, 0}, Geometry{9, nan, 39, 0}, Geometry{9, inf, 39, 0}, Geometry{9, 15.9, 39, 0}, Geometry{9, 1e-9, 39, 0})
	geometry("/geometry/contact_deg", Geometry{9, 7, 39, -0.1}, Geometry{9, 7, 39, 1.56}, Geometry{9, 7, 39, nan})
	orders := func(pointer string, o ...Orders) {
		t.Helper()
		for _, o := range o {
			f(pointer, func(b *KnownBearing) { b.Geometry, b.Stated = Geometry{}, o })
		}
	}
	orders("/orders/bpfo", Orders{0, 5.4, 2.36, 0.4}, Orders{nan, 5.4, 2.36, 0.4}, Orders{inf, 5.4, 2.36, 0.4}, Orders{-3.6, 5.4, 2.36, 0.4})
	orders("/orders/bpfi", Orders{5.415, 3.585, 2.36, 0.4}, Orders{107.36, 162.19, 70.6, 11.93}, Orders{3.5, 5.2, 2.36, 0.4}, Orders{0.4, 0.6, 2, 0.4}, Orders{4, 4, 2, 0.5})
	orders("/orders/bsf2", Orders{3.585, 5.415, 2.357 / 2, 0.398}, Orders{3.585, 5.415, 2 * 2.357, 0.398}, Orders{3.585, 5.415, 0, 0.398})
	orders("/orders/ftf", Orders{3.585, 5.415, 2.357, 0.602}, Orders{3.585, 5.415, 2.357, 0}, Orders{3.585, 5.415, 2.357, nan})
}

// TestEntry: the outer form and back, through JSON, is the row; inches become
// millimetres with the same orders.
func TestEntry(t *testing.T) {
	for _, b := range append(slices.Clone(KnownBearings), multipliers("NU 205"), millimetres("7205 B", 12, 7.9, 38.5, 40)) {
		doc, err := json.Marshal(b.Entry())
		if err != nil {
			t.Fatal(err)
		}
		var e CatalogueEntry
		if err := json.Unmarshal(doc, &e); err != nil {
			t.Fatal(err)
		}
		back := e.Row()
		if a, b := b.Orders(), back.Orders(); math.Abs(a.BPFO-b.BPFO) > 1e-6 || math.Abs(a.BSF-b.BSF) > 1e-6 {
			t.Errorf("%s: orders %+v and %+v", back.Designation, a, b)
		}
		if b.Inches {
			if g := back.Geometry; g.PitchDia < 25 || g.PitchDia > 80 {
				t.Errorf("%s: %+v in mm", back.Designation, g)
			}
			continue
		}
		if d := cmp.Diff(b, back); d != "" {
			t.Error(d)
		}
	}
}

const catalogueHeader = "designation,elements,element_mm,pitch_mm,contact_deg,bpfo,bpfi,bsf2,ftf,source,licence\n"

func TestParseCatalogue(t *testing.T) {
	got, err := ParseCatalogue([]byte("\ufeff" + catalogueHeader +
		"6305-2Z,7,11.5,44.6,,,,,,\"maker, page 3\",own\r\n\n" +
		" NU 205 , , ,,, 3.585 ,5.415,4.714,0.398,,\n" +
		"7205 B,12,7.9,38.5,40,,,,,,\n"))
	want := []KnownBearing{millimetres("6305-2Z", 7, 11.5, 44.6, 0), multipliers("NU 205"), millimetres("7205 B", 12, 7.9, 38.5, 40)}
	want[0].Source, want[0].Licence, want[1].Source, want[1].Licence = "maker, page 3", "own", "", ""
	if err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	if got, err := ParseCatalogue([]byte("FTF,bsf2,BPFI,bpfo,Designation\n0.398,4.714,5.415,3.585,x\n")); err != nil || len(got) != 1 || got[0].Stated.FTF != 0.398 {
		t.Errorf("columns in another order: %+v %v", got, err)
	}
	if got, err := ParseCatalogue([]byte(catalogueHeader)); err != nil || len(got) != 0 {
		t.Errorf("a header alone: %v %v", got, err)
	}
}

func TestParseCatalogueRefusals(t *testing.T) {
	f := func(file, code string, says ...string) {
		t.Helper()
		_, err := ParseCatalogue([]byte(file))
		if CodeOf(err) != code {
			t.Errorf("%.80q: %v, want %s", file, err, code)
			return
		}
		for _, s := range says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%.80q: %v does not say %q", file, err, s)
			}
		}
	}
	file := func(rows string) string { return catalogueHeader + rows }
	f("", "catalogue_file", "begin with the line designation")
	f("designation;elements\n", "catalogue_file", "line 1", "commas")
	f("designation,diameter\n", "catalogue_file", "line 1, column 2", `"diameter"`, "element_mm")
	f("designation,ftf,FTF\n", "catalogue_file", "line 1, column 3", "twice")
	f("elements,ftf\n", "catalogue_file", "no column designation")
	f(file("x,9\n"), "catalogue_file", "line 2", "2 cells", "point")
	f(file("x,8,6,75,28,55,0,,,,,,\n"), "catalogue_file", "line 2", "13 cells", "point")
	f(file("x,8,\"6,75\",28.55,0,,,,,,\n"), "bearing_invalid", "line 2, column element_mm", "6,75", "point")
	f(file("x,8.5,6.75,28.55,0,,,,,,\n"), "bearing_invalid", "line 2, column elements", "whole number")
	f(file("\nx,8,6.75,NaN,0,,,,,,\n"), "bearing_invalid", "line 3, column pitch_mm")
	f(file("x,8,6.75,1e999,0,,,,,,\n"), "bearing_invalid", "line 2, column pitch_mm")
	f(file("x,8,67.5,28.55,0,,,,,,\n"), "bearing_invalid", "line 2, column element_mm", "do not fit")
	f(file("x,8,6.75,,0,,,,,,\n"), "bearing_invalid", "line 2, column pitch_mm")
	f(file("x,,,,,3.585,5.415,2.357,0.398,,\n"), "bearing_invalid", "line 2, column bsf2", "double it")
	f(file("x,,,,,5.415,3.585,4.714,0.398,,\n"), "bearing_invalid", "line 2, column bpfi", "swap")
	f(file("x,,,,,3.585,5.415,4.714,,,\n"), "bearing_invalid", "line 2, column ftf")
	f(file("x,8,6.75,28.55,0,3.585,5.415,4.714,0.398,,\n"), "bearing_invalid", "line 2, column bpfo", "one of the two")
	f(file("x,,,,15,,,,,,\n"), "bearing_invalid", "line 2, column contact_deg")
	f(file("x,,,,,,,,,,\n"), "bearing_invalid", "line 2, column elements", "neither")
	f(file(",8,6.75,28.55,0,,,,,,\n"), "bearing_name", "line 2, column designation")
	f(file("x,8,6.75,28.55,0,,,,,\"a\nb\",\n"), "bearing_invalid", "line 2, column source")
	f(file("x,8,6.75,28.55,0,,,,,a\"b,\n"), "catalogue_file", "line 2", "quotes")
	f(file("x,8,6.75,28.55,0,,,,,\"a\n"), "catalogue_file", "quotes")
	f(file("X 1,8,6.75,28.55,0,,,,,,\n\nx1,8,6.75,28.55,0,,,,,,\n"), "catalogue_file", "line 4, column designation", "line 2")
	f(file("x,8,6.75,28.55,0,,,,,\xe4,\n"), "catalogue_file", "line 2", "UTF-8")
	f(strings.Repeat("x", maxCatalogueFile+1), "catalogue_file", "bytes")
	var many strings.Builder
	many.WriteString(catalogueHeader)
	for i := range MaxUserBearings + 1 {
		fmt.Fprintf(&many, "x%d,8,6.75,28.55,0,,,,,,\n", i)
	}
	f(many.String(), "catalogue_file", "line 10002", "10000")
}

// FuzzParseCatalogue: whatever the bytes, rows are usable and stay so through the form
// in which they are stored, and errors are for users.
func FuzzParseCatalogue(f *testing.F) {
	f.Add([]byte(catalogueHeader + "6305-2Z,7,11.5,44.6,,,,,,\"maker, page 3\",own\nNU 205,,,,,3.585,5.415,4.714,0.398,,\n"))
	f.Add([]byte("\ufeffdesignation,elements,element_mm,pitch_mm,contact_deg\nx,8,6.75,28.55,1e-300\n"))
	f.Add([]byte("designation,bpfo\n\"\xff\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := ParseCatalogue(b)
		if err != nil {
			if CodeOf(err) == "internal" {
				t.Fatal(err)
			}
			return
		}
		c := NewCatalogue()
		for _, b := range rows {
			if replaced, err := c.Put(b); err != nil || replaced {
				t.Fatalf("%+v: %v %v", b, replaced, err)
			}
			got, ok := c.Lookup(b.Designation)
			if !ok || got.Validate() != nil || got.Entry().Row() != got {
				t.Fatalf("%+v is read back as %+v", b, got)
			}
			o := got.Orders()
			for _, v := range []float64{o.BPFO, o.BPFI, o.BSF, o.FTF} {
				if !(v > 0) || v > 1e4 {
					t.Fatalf("%+v: orders %+v", b, o)
				}
			}
		}
	})
}

// TestFitted: a designation may name several bearings, of which each is known; which of them has a
// candidate is told by its place.
func TestFitted(t *testing.T) {
	for designation, want := range map[string][]string{
		"6205-2RS": {"6205-2RS"}, "6205 + 6203": {"6205-2RS", "6203-2RS"}, "SKF 6205-2Z+6309+NICE": {"6205-2RS", "6309", "NICE"},
		"6205,6203": {"6205-2RS", "6203-2RS"}, "6205-2Z/C3 / 6203": {"6205-2RS", "6203-2RS"}, "SKF 6205 und 6203": {"6205-2RS", "6203-2RS"},
		"6205 6203": {"6205-2RS", "6203-2RS"}, "6205; NICE": {"6205-2RS", "NICE"}, "SKF 6205": {"6205-2RS"}, "6205 C3": {"6205-2RS"}, "6205 2RS1": {"6205-2RS"}, "6205 ZZ00": {"6205-2RS"}, "6205 62O3": nil,
		"SKF, 6205": nil, "LDK UER204": {"LDK UER204"}, "6205,": nil,
		"6205 + none": nil, "6205 +": nil, "+": nil, "6205+6203+6205+6203+6205": nil, "": nil,
	} {
		b, ok := Fitted(LookupBearing, designation)
		if ok != (want != nil) {
			t.Errorf("%s: known %t", designation, ok)
		}
		if !ok {
			continue
		}
		all := b.AppendCandidates(nil)
		var got []string
		at := 0
		for one := &b; one != nil; one = one.Beside {
			alone := *one
			alone.Beside = nil
			n := len(alone.AppendCandidates(nil))
			for i := range n {
				if w := b.Which(at + i); w != one.Designation || all[at+i] != alone.AppendCandidates(nil)[i] {
					t.Errorf("%s: candidate %d is of %s, want %s", designation, at+i, w, one.Designation)
				}
			}
			at += n
			got = append(got, one.Designation)
		}
		if !slices.Equal(got, want) || at != len(all) {
			t.Errorf("%s: %q with %d candidates of %d, want %q", designation, got, at, len(all), want)
		}
	}
}
