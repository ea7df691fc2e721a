package excerpts_test

import (
	"flag"
	"io/fs"
	"math"
	"os"
	"slices"
	"testing"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/dataset/excerpts"
	"brinell/dataset/npyfile"
)

var update = flag.Bool("update", false, "write the excerpts anew from the recordings in BRINELL_DATA; the manifest's sha256 is edited by hand")

func open(t *testing.T) *dataset.Source {
	t.Helper()
	s, err := dataset.OpenManifestFS(excerpts.FS())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The excerpts are a corpus: each class is there, from both ends, and all of it
// together stays small enough to commit.
func TestExcerptsAreOwnData(t *testing.T) {
	s := open(t)
	recs, err := s.Recordings(nil)
	if err != nil {
		t.Fatal(err)
	}
	classes := map[bearing.Fault]int{}
	for _, r := range recs {
		classes[r.Truth.Fault]++
		want := 12000.
		if r.Truth.Fault == bearing.Normal {
			want = 48000
		}
		if r.SampleRate != want || r.ShaftSpeed < 28 || r.Bearing == "" || float64(len(r.Samples))/r.SampleRate < 2 {
			t.Errorf("%s: %d samples at %g Hz, shaft %g Hz, bearing %q", r.Name, len(r.Samples), r.SampleRate, r.ShaftSpeed, r.Bearing)
		}
	}
	for _, f := range bearing.Faults {
		if classes[f] == 0 {
			t.Errorf("no excerpt of %s", f)
		}
	}
	if len(s.Entries()) != len(s.Corpus().Entries) {
		t.Error("the manifest lists files that are not embedded")
	}
	var bytes int64
	err = fs.WalkDir(excerpts.FS(), ".", func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			info, _ := d.Info()
			bytes += info.Size()
		}
		return err
	})
	if err != nil || bytes > 2<<20 {
		t.Errorf("%d bytes (%v), want at most 2 MiB", bytes, err)
	}
	for _, st := range s.Verify(nil) {
		if st.State != dataset.StatusOK {
			t.Errorf("%s: %s %q", st.Entry.File, st.State, st.Notes)
		}
	}
}

// The excerpts can be split by time, so that tests of training need no data.
func TestExcerptsCanBeSplit(t *testing.T) {
	recs, err := open(t).Recordings(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"time", "random-leaky", "load", "end"} {
		s, err := dataset.SplitNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Folds(recs, 1); err != nil && name != "load" {
			t.Errorf("split %s: %v", name, err)
		}
	}
}

// Each excerpt is the piece of the published recording that the manifest says,
// and lies in its last 40 %.
func TestExcerptsMatchRecordings(t *testing.T) {
	dir := os.Getenv("BRINELL_DATA")
	if dir == "" {
		t.Skip("BRINELL_DATA is not set: this test needs the published recordings")
	}
	full, err := dataset.OpenDir(dir, "cwru")
	if err != nil {
		t.Fatal(err)
	}
	s := open(t)
	for _, e := range s.Entries() {
		rec := original(t, full, e.Origin.Recording)
		if e.Origin.From < len(rec.Samples)*6/10 {
			t.Errorf("%s begins at sample %d of %d, before the last 40 %%", e.File, e.Origin.From, len(rec.Samples))
		}
		if *update {
			// Samples of 16 bits lose nothing in float32.
			if err := os.WriteFile(e.File, npyfile.EncodeFloat32(rec.Samples[e.Origin.From:]), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := s.Read(e)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Samples, rec.Samples[e.Origin.From:]) {
			t.Errorf("%s is not the end of %s from sample %d on", e.File, rec.Name, e.Origin.From)
		}
		truth := rec.Truth
		if got.Truth != truth || got.SampleRate != rec.SampleRate || math.Abs(got.ShaftSpeed-rec.ShaftSpeed) > 1e-9 || got.Bearing != rec.Bearing {
			t.Errorf("%s: the manifest says %+v, the catalogue %+v", e.File, got.Truth, truth)
		}
	}
}

func original(t *testing.T, s *dataset.Source, name string) bearing.Recording {
	t.Helper()
	for _, e := range s.Entries() {
		if e.Name() != name {
			continue
		}
		r, err := s.Read(e)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	t.Fatalf("no recording %s", name)
	return bearing.Recording{}
}
