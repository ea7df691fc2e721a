package bearing

import (
	"math"
	"strings"
	"testing"
)

// TestUnknown: letters that look like digits are found, in each of several bearings, and nothing
// else is; one more than a sensor may have is told as that.
func TestUnknown(t *testing.T) {
	for stated, want := range map[string]string{
		"62O5": "6205-2RS", "6Z05": "6205-2RS", "620S": "6205-2RS", "G205": "6205-2RS", "63l0": "6310", "SKF 62O5-2Z": "6205-2RS",
		"my-pump": "", "": "", "OIL": "", "ER16L": "",
		"6205-2RS+62O3": "6205-2RS + 6203-2RS", "62O5, 62O3": "6205-2RS + 6203-2RS", "6205 / 63l0": "6205 + 6310",
		"62O5+my-pump": "", "my-pump + 6205": "",
	} {
		err := Unknown(NotFound, LookupBearing, stated, "look")
		_, got, _ := strings.Cut(err.Message, ": look")
		if want := map[bool]string{true: ". Did you mean " + want + "?"}[want != ""]; got != want || err.Code != "bearing_unknown" || err.Kind != NotFound {
			t.Errorf("%q: %v, want %q", stated, err, want)
		}
		if _, ok := Fitted(LookupBearing, want); want != "" && !ok {
			t.Errorf("%q is suggested, and not known either", want)
		}
	}
	if err := Unknown(Invalid, LookupBearing, "6205+my-pump+62O3", "look"); !strings.Contains(err.Message, `has no "my-pump and no 62O3": look`) {
		t.Error(err)
	}
	if err := Unknown(Invalid, LookupBearing, "6205 +", "look"); !strings.Contains(err.Message, "lacks a bearing: write designations with a plus") {
		t.Error(err)
	}
}

// TestMostBeside: four bearings are taken, of five it is said that they are too many.
func TestMostBeside(t *testing.T) {
	four := "6205+6203+6309+6310"
	if _, ok := Fitted(LookupBearing, four); !ok {
		t.Errorf("%s are not taken", four)
	}
	five := four + "+6311"
	if _, ok := Fitted(LookupBearing, five); ok {
		t.Errorf("%s are taken", five)
	}
	if err := Unknown(NotFound, LookupBearing, four+"+none", "look"); CodeOf(err) != "bearings_many" || KindOf(err) != Invalid ||
		!strings.Contains(err.Message, "names 5 bearings, and those of one sensor may be 4 at most") {
		t.Error(err)
	}
}

// TestMakers: a maker's name before the designation of a row says nothing of its geometry.
func TestMakers(t *testing.T) {
	for stated, want := range map[string]string{"Rexnord ER16K": "ER16K", "ER-16K": "ER16K", "MB ER10K": "ER-10K", "REXNORD ZA-2115": "ZA-2115", "Rexnord": "", "MB": ""} {
		if b, _ := LookupBearing(stated); b.Designation != want {
			t.Errorf("%q finds %q, want %q", stated, b.Designation, want)
		}
	}
}

// TestRigs holds the rows of rigs against orders from another place than their diameters.
//
// Sources: Huang and Baddour, Data in Brief 21, 2018 (ER16K: 3.57 and 5.43); the description of
// MaFaulDa (2.9980, 5.0020 and 1.8710); Timken, ball bearing housed unit catalogue, table A-9, for
// inserts with the rings of a 6204, as ER-10K has, and a 6205, as ER16K has.
func TestRigs(t *testing.T) {
	for _, c := range []struct {
		row             string
		bpfo, bpfi, bsf float64
		within          float64
	}{
		{"ER16K", 3.57, 5.43, 0, 0.005},
		{"ER16K", 3.574, 5.426, 0, 0.002},
		{"ER-10K", 3.052, 4.948, 0, 0.001},
		{"MAFAULDA", 2.9980, 5.0020, 1.8710, 0.001},
	} {
		b, ok := LookupBearing(c.row)
		o := b.Orders()
		if !ok || b.Licence == "" || b.Source == "" || math.Abs(o.BPFO-c.bpfo) > c.within || math.Abs(o.BPFI-c.bpfi) > c.within || c.bsf > 0 && math.Abs(o.BSF-c.bsf) > c.within {
			t.Errorf("%s: %+v, want BPFO %g, BPFI %g and BSF %g", c.row, o, c.bpfo, c.bpfi, c.bsf)
		}
	}
}
