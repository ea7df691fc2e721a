package dataset

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"brinell/bearing"
)

// sourceOf opens the CWRU corpus on files in memory.
func sourceOf(t *testing.T, files map[string][]byte) *Source {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, b := range files {
		fsys[name] = &fstest.MapFile{Data: b}
	}
	s, err := OpenFS(cwru(), fsys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func zipOf(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A file is found in a directory below, in a zip, in a single zip that is named,
// and under the publisher's name.
func TestOpenFindsFiles(t *testing.T) {
	b105, b270 := mat(record("105", 1797)...), mat(record("270", 1796)...)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "faults", "105.mat"), b105)
	write(t, filepath.Join(dir, "more", "fan.zip"), zipOf(t, map[string][]byte{"a/12k_Fan_End_IR021_0_270.mat": b270, "a/notes.txt": nil}))

	s, err := Open(cwru(), dir)
	if err != nil {
		t.Fatal(err)
	}
	recs, err := s.Recordings(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(recs) != 2 || recs[0].Name != "12k_Drive_End_IR007_0_105/DE" || recs[1].Name != "12k_Fan_End_IR021_0_270/FE" {
		t.Fatalf("recordings %v", recs)
	}
	want := bearing.Truth{Fault: bearing.InnerRace, SizeMil: 21, Load: "0 hp", Specimen: "FE/IR021"}
	if r := recs[1]; r.Truth != want || r.Samples[0] != 2 || r.SampleRate != 12000 || r.Unit != bearing.G || r.Bearing != "6203-2RS" {
		t.Errorf("fan-end recording %+v", r)
	}

	s, err = Open(cwru(), filepath.Join(dir, "more", "fan.zip"))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Entries(); len(got) != 1 || got[0].Number != 270 {
		t.Errorf("one zip: %v", got)
	}
	other, ok := s.Entries()[0].Other("DE")
	if !ok {
		t.Fatal("no DE channel")
	}
	r, err := s.Read(other)
	if err != nil {
		t.Fatal(err)
	}
	if r.Samples[0] != 1 || r.Name != "12k_Fan_End_IR021_0_270/DE" || r.Bearing != "6203-2RS" {
		t.Errorf("other channel %+v", r)
	}

	states := map[string]int{}
	for _, st := range s.Verify(nil) {
		states[st.State]++
	}
	if states[StatusMismatch] != 1 || states[StatusMissing] != len(cwru().Entries)-1 {
		t.Errorf("states %v: the synthesised file is not the published one", states)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(cwru(), filepath.Join(dir, "none")); bearing.CodeOf(err) != "data_missing" {
		t.Errorf("no directory: %v", err)
	}
	if _, err := Open(cwru(), dir); bearing.CodeOf(err) != "data_missing" || !strings.Contains(err.Error(), "normal_0_97.mat") {
		t.Errorf("empty directory: %v", err)
	}
	write(t, filepath.Join(dir, "broken.zip"), []byte("PK no zip"))
	if _, err := Open(cwru(), dir); bearing.CodeOf(err) != "zip_unreadable" {
		t.Errorf("broken zip: %v", err)
	}
	if _, err := OpenDir(dir, "nasa"); bearing.CodeOf(err) != "unknown_corpus" {
		t.Errorf("unknown corpus: %v", err)
	}
	for _, name := range []string{"", "own"} {
		if _, err := OpenDir(dir, name); err == nil {
			t.Errorf("corpus %q without a manifest is opened", name)
		}
	}
}

func TestTableIsConsistent(t *testing.T) {
	for _, c := range Corpora() {
		files, names := map[string]bool{}, map[string]bool{}
		for _, e := range c.Entries {
			if files[e.File] {
				t.Errorf("%s is there twice", e.File)
			}
			files[e.File] = true
			if e.RepackOf == "" {
				if names[e.Name()] {
					t.Errorf("%s is there twice", e.Name())
				}
				names[e.Name()] = true
			}
			if e.SHA256 != "" && (len(e.SHA256) != 64 || e.Bytes == 0) {
				t.Errorf("%s: SHA-256 %q, %d bytes", e.File, e.SHA256, e.Bytes)
			}
			if e.Specimen == "" || e.SampleRate == 0 || e.ShaftRPM == 0 || e.Variable == "" || !strings.HasPrefix(e.Channels, e.Channel) {
				t.Errorf("%s: incomplete row %+v", e.File, e)
			}
			if _, ok := bearing.LookupBearing(e.Bearing); !ok && !e.Exclude {
				t.Errorf("%s: bearing %q is not known", e.File, e.Bearing)
			}
			if e.Fault == bearing.OuterRace && c.Name == "cwru" && e.Position == "" {
				t.Errorf("%s has no position", e.File)
			}
		}
		if c.Acknowledgement == "" || c.Licence == "" || c.Address == "" {
			t.Errorf("corpus %s does not say whose it is", c.Name)
		}
	}
}
