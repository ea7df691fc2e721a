package bearing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// ofBase is what a number finds, by all rows.
func ofBase(rows []KnownBearing, base string) (KnownBearing, bool) {
	var family []KnownBearing
	for _, b := range rows {
		if baseOf(b.Designation) == base && b.Geometry.ContactAngle == 0 {
			family = append(family, b)
		}
	}
	for _, b := range family {
		if b.Designation == base {
			return b, true
		}
	}
	if len(family) == 0 || slices.ContainsFunc(family, func(b KnownBearing) bool { return !agree(family[0].Orders(), b.Orders()) }) {
		return KnownBearing{}, false
	}
	return family[0], true
}

// TestFamilies: whatever is put, replaced and deleted, in any order, a number finds what all rows
// say that it does, and pages are those of the sorted rows.
func TestFamilies(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 8))
	suffixes := []string{"", "-", " A", "-2Z", "/8", "/8 B", ".8", "/8-C", " 2", "Z", "y"}
	found, lost := 0, 0
	for range 200 {
		c := NewCatalogue()
		held := map[string]KnownBearing{}
		for range 60 {
			designation := []string{"6301", "630", "63012"}[r.IntN(3)] + suffixes[r.IntN(len(suffixes))]
			if key := DesignationKey(designation); r.IntN(3) == 0 {
				c.Delete(designation)
				delete(held, key)
			} else {
				b := millimetres(designation, 9, 9.5+0.1*float64(r.IntN(2)*r.IntN(2)*10), 46, 15*float64(r.IntN(2)*r.IntN(2)))
				if _, err := c.Put(b); err != nil {
					t.Fatal(err)
				}
				held[key] = b.Entry().Row()
			}
			var rows []KnownBearing
			for _, key := range slices.Sorted(func(yield func(string) bool) {
				for key := range held {
					if !yield(key) {
						return
					}
				}
			}) {
				rows = append(rows, held[key])
			}
			if !slices.Equal(c.Rows(), rows) {
				t.Fatalf("rows %v, want %v", c.Rows(), rows)
			}
			after, limit := []string{"", "6301", "6301.8", "63012", "9"}[r.IntN(5)], r.IntN(5)
			i := slices.IndexFunc(rows, func(b KnownBearing) bool { return DesignationKey(b.Designation) > after })
			if i < 0 {
				i = len(rows)
			}
			if page := c.Page(after, limit); !slices.Equal(page, rows[i:min(len(rows), i+limit)]) {
				t.Fatalf("%d after %q of %v: %v", limit, after, rows, page)
			}
			for _, base := range []string{"6301", "6301/8", "630", "630/8", "63012", "63012/8"} {
				want, ok := ofBase(rows, base)
				if got, found := c.ofFamily(base); got != want || found != ok {
					t.Fatalf("%s finds %v %v, want %v %v of %v", base, got.Designation, found, want.Designation, ok, rows)
				}
				if ok {
					found++
				} else if _, there := c.families[base]; there {
					lost++
				}
			}
		}
	}
	if found < 1000 || lost < 1000 {
		t.Errorf("%d found and %d not: not as many as there should be", found, lost)
	}
}

// TestFlatCatalogue: neither a page nor a designation that no row has costs more where there are
// as many rows as may be, all of the same number.
func TestFlatCatalogue(t *testing.T) {
	c := NewCatalogue(KnownBearings...)
	for i := range MaxUserBearings {
		if _, err := c.Put(millimetres(fmt.Sprintf("6205-X%05d", i), 9, 7.94, 39.04, 0)); err != nil {
			t.Fatal(err)
		}
	}
	for what, f := range map[string]func(){
		"a page":        func() { c.Page("6205X05000", 1) },
		"a designation": func() { c.Lookup("SKF 6205 FOO") },
	} {
		best := time.Hour
		for range 50 {
			begin := time.Now()
			f()
			best = min(best, time.Since(begin))
		}
		if best > 100*time.Microsecond {
			t.Errorf("%s takes %v", what, best)
		}
		t.Log(what, best)
	}
	if b, ok := c.Lookup("6205 FOO"); !ok || b.Designation != "6205-2RS" {
		t.Errorf("found %v", b)
	}
}
