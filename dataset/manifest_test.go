package dataset

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"brinell/bearing"
)

const manifestHead = "file,channel,rate,unit,rpm,bearing,specimen,fault\n"

func TestOwnData(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "pump", "a.csv"), []byte("t,x,y\n"+strings.Repeat("0,9.80665,1\n", 32)))
	write(t, filepath.Join(dir, "b.mat"), mat(vector("v", ramp(4, 64))))
	write(t, filepath.Join(dir, ManifestName), []byte("\xef\xbb\xbf# pumps of hall 3\n"+manifestHead+
		"pump/a.csv, x, 25600, m/s2, 1480, 6205-2RS, pump 1, outer_race\n"+
		"b.mat,,12000,g,,,pump 2,\n"))
	for _, name := range []string{"", "own"} {
		s, err := OpenDir(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		recs, err := s.Recordings(nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(recs) != 2 {
			t.Fatalf("%d recordings", len(recs))
		}
		a, b := recs[0], recs[1]
		if a.Name != "pump/a/x" || a.Samples[0] != 1 || a.SampleRate != 25600 || a.ShaftSpeed != 1480./60 || a.Unit != bearing.MetresPerSec2 ||
			a.Truth != (bearing.Truth{Fault: bearing.OuterRace, Specimen: "pump 1"}) || a.Bearing != "6205-2RS" {
			t.Errorf("first recording %+v", a)
		}
		if b.Name != "b" || b.Samples[0] != 4 || b.ShaftSpeed != 0 || b.Truth.Fault != "" {
			t.Errorf("second recording %+v", b)
		}
	}
}

func TestManifestErrors(t *testing.T) {
	const row = "a.csv,x,12000,g,1800,6205-2RS,s1,normal\n"
	for _, x := range []struct{ name, text, code, in string }{
		{"empty", "", "manifest_empty", "header row"},
		{"no rows", manifestHead, "manifest_empty", "row"},
		{"no header", row, "manifest_invalid", "line 1, column a.csv"},
		{"column missing", "file,channel,rate,unit,rpm,bearing,specimen\n", "manifest_invalid", "column fault"},
		{"unknown column", "file,channel,rate,unit,rpm,bearing,specimen,fault,colour\n", "manifest_invalid", "column colour"},
		{"short row", manifestHead + row + "b.csv,x\n", "manifest_invalid", "line 3"},
		{"rate", manifestHead + row + "b.csv,x,12k,g,1800,,s1,normal\n", "manifest_invalid", "line 3, column rate"},
		{"semicolons", strings.ReplaceAll(manifestHead+row, ",", ";"), "manifest_invalid", "save it with commas"},
		{"tabs", strings.ReplaceAll(manifestHead+row, ",", "\t"), "manifest_invalid", "save it with commas"},
		{"unit", manifestHead + "b.csv,x,12000,mm,1800,,s1,normal\n", "manifest_invalid", "column unit"},
		{"velocity", manifestHead + "b.csv,x,12000,mm/s,1800,,s1,normal\n", "manifest_invalid", "is velocity"},
		{"rpm", manifestHead + "b.csv,x,12000,g,-5,,s1,normal\n", "manifest_invalid", "column rpm"},
		{"specimen", manifestHead + "b.csv,x,12000,g,,,,normal\n", "manifest_invalid", "column specimen"},
		{"fault", manifestHead + "b.csv,x,12000,g,,,s1,inner\n", "manifest_invalid", "column fault"},
		{"twice", manifestHead + row + row, "manifest_invalid", "line 3, column file"},
		{"outside", manifestHead + "../a.csv,x,12000,g,,,s1,normal\n", "manifest_invalid", "column file"},
		{"quote", manifestHead + "\"a.csv,x\n", "manifest_invalid", "line"},
	} {
		_, err := ParseManifest([]byte(x.text))
		if bearing.CodeOf(err) != x.code || !strings.Contains(err.Error(), x.in) {
			t.Errorf("%s: %v, want %s with %q", x.name, err, x.code, x.in)
		}
	}
	if _, err := ParseManifest([]byte(manifestHead + "a.wav,,,,,,s1,\n")); err != nil {
		t.Errorf("a WAV file states its rate: %v", err)
	}
}

// TestManifestLeavesOpen: what a file says itself its row need not, nor does the column have to be
// there; what neither says is asked for by the column's name.
func TestManifestLeavesOpen(t *testing.T) {
	timed := strings.Builder{}
	timed.WriteString("time_s,acc_m/s2\n")
	for i := range 64 {
		fmt.Fprintf(&timed, "%g,%g\n", float64(i)/12800, 9.80665)
	}
	read := func(header, row, file, text string) (bearing.Recording, error) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, file), []byte(text))
		write(t, filepath.Join(dir, ManifestName), []byte(header+row))
		s, err := OpenDir(dir, "own")
		if err != nil {
			t.Fatal(err)
		}
		return s.Read(s.Entries()[0])
	}
	for _, header := range []string{"file,specimen,fault\n", "fault,file,specimen\n"} {
		row := "a.csv,s1,normal\n"
		if strings.HasPrefix(header, "fault") {
			row = "normal,a.csv,s1\n"
		}
		r, err := read(header, row, "a.csv", timed.String())
		if err != nil || math.Abs(r.SampleRate-12800) > 1 || r.Unit != bearing.MetresPerSec2 || math.Abs(float64(r.Samples[0])-1) > 1e-6 || r.Truth.Fault != bearing.Normal {
			t.Errorf("%s: %+v, %v", header, r, err)
		}
	}
	for _, c := range []struct{ row, text, code, in string }{
		{"a.csv,,,g,,,s1,normal\n", "x\n" + strings.Repeat("1\n", 32), "rate_missing", "in the column rate of manifest.csv"},
		{"a.csv,,12000,,,,s1,normal\n", "x\n" + strings.Repeat("1\n", 32), "", "in the column unit of manifest.csv, as g or m/s2"},
		{"a.csv,,12000,g,,,s1,normal\n", "x,y\n" + strings.Repeat("1,2\n", 32), "channel_ambiguous", "in the column channel of manifest.csv"},
		{"a.csv,,12800,,,,s1,normal\n", strings.Replace(timed.String(), "acc_m/s2", "v_mm/s", 1), "unit_velocity", "of velocity"},
	} {
		_, err := read(manifestHead, c.row, "a.csv", c.text)
		if err == nil || c.code != "" && bearing.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.in) || strings.Contains(err.Error(), "--") {
			t.Errorf("%s: %v, want %s with %q", c.row, err, c.code, c.in)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(manifestHead + "a.csv,x,12000,g,1800,6205-2RS,s1,normal\n"))
	f.Add([]byte("# note\n" + manifestHead + "\"a,b\",x,1e3,m/s2,,,s,\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseManifest(b)
		if err == nil && len(c.Entries) == 0 {
			t.Error("no rows and no error")
		}
	})
}
