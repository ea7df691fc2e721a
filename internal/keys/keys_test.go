package keys

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var now = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data", "keys.json")
	k, token, err := Create(file, Key{Name: "gateway", Scopes: []Scope{Ingest}, Sensors: []string{"pump-*"}, Expires: now.Add(time.Hour)}, now)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := Create(file, Key{Name: "ops", Scopes: []Scope{Admin}}, now.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	secret := token[strings.LastIndex(token, "_")+1:]
	if strings.Contains(string(b), secret) {
		t.Error("the file has the secret")
	}
	if info, _ := os.Stat(file); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	s, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Check(token, now)
	if err != nil || got.ID != k.ID || !got.May(Ingest) || got.May(Read) || !got.Covers("pump-1") || got.Covers("fan") {
		t.Errorf("%+v, %v", got, err)
	}
	if all := s.All(); len(all) != 2 || all[1].ID != other.ID || !all[1].May(Ingest) || !all[1].Covers("fan") {
		t.Errorf("%+v", all)
	}
	if _, err := s.Check(token, now.Add(time.Hour)); !errors.Is(err, ErrExpired) {
		t.Errorf("expired: %v", err)
	}
	for _, bad := range []string{"", "brk_", "brk__", token + "x", token[:len(token)-1], strings.Replace(token, k.ID, other.ID, 1), strings.TrimPrefix(token, "brk_"),
		"brk_" + k.ID + "_", "brk_nobody_" + secret, strings.ToUpper(token)} {
		if _, err := s.Check(bad, now); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := Revoke(file, k.ID); err != nil {
		t.Fatal(err)
	}
	if err := Revoke(file, k.ID); err == nil {
		t.Error("revoked twice")
	}
	if s, _ = Load(file); s.Len() != 1 {
		t.Errorf("%d keys", s.Len())
	}
}

func TestRefused(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	file := filepath.Join(t.TempDir(), "keys.json")
	for name, text := range map[string]string{
		"no JSON":       `{`,
		"null":          `null`,
		"no sensors":    `[{"id":"a","name":"a","sha256":"` + digest + `","scopes":["read"],"sensors":[]}]`,
		"two lists":     `[][]`,
		"text after it": `[] x`,
		"too long":      `[` + strings.Repeat(" ", maxFile) + `]`,
		"unknown field": `[{"id":"a","name":"a","sha256":"` + digest + `","scopes":["read"],"secret":"x"}]`,
		"no scopes":     `[{"id":"a","name":"a","sha256":"` + digest + `","scopes":[]}]`,
		"wrong scope":   `[{"id":"a","name":"a","sha256":"` + digest + `","scopes":["root"]}]`,
		"no digest":     `[{"id":"a","name":"a","sha256":"abc","scopes":["read"]}]`,
		"pattern":       `[{"id":"a","name":"a","sha256":"` + digest + `","scopes":["read"],"sensors":["["]}]`,
		"twice":         `[{"id":"a","name":"a","sha256":"` + digest + `","scopes":["read"]},{"id":"a","name":"b","sha256":"` + digest + `","scopes":["read"]}]`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a pipe: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	good := `[{"id":"a","name":"a","sha256":"` + digest + `","scopes":["read"]}]`
	for mode, want := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: true, 0o644: false, 0o660: false, 0o606: false} {
		if err := errors.Join(os.WriteFile(file, []byte(good), 0o600), os.Chmod(file, mode)); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); (err == nil) != want {
			t.Errorf("mode %o: %v", mode, err)
		}
		_ = os.Chmod(file, 0o600)
	}
	if _, _, err := Create(file, Key{Name: "x", Scopes: []Scope{"root"}}, now); err == nil {
		t.Error("a key of no scope was made")
	}
}

// TestTwoEditors: keys made at the same time are all there.
func TestTwoEditors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, _, err := Create(file, Key{Name: "x", Scopes: []Scope{Read}}, now); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s, err := Load(file); err != nil || s.Len() != 8 {
		t.Errorf("%v keys, %v", s.Len(), err)
	}
}

// TestRing: changes are taken, and a broken file locks nobody out and lets nobody in.
func TestRing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	clock := now
	r, err := Open(file, slog.New(slog.DiscardHandler), func() time.Time { return clock })
	if err != nil || r.Keys().Len() != 0 {
		t.Fatal(err)
	}
	_, token, err := Create(file, Key{Name: "x", Scopes: []Scope{Read}}, now)
	if err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(2 * time.Second)
	if _, err := r.Check(token); err != nil {
		t.Errorf("a new key: %v", err)
	}
	if err := os.WriteFile(file, []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(2 * time.Second)
	if _, err := r.Check(token); err != nil {
		t.Errorf("with a broken file: %v", err)
	}
	if err := os.WriteFile(file, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(2 * time.Second)
	if _, err := r.Check(token); !errors.Is(err, ErrInvalid) {
		t.Errorf("revoked: %v", err)
	}
}

// TestRingIsQuiet: what has not changed is not told again, also that there is no file.
func TestRingIsQuiet(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	clock := now
	var log bytes.Buffer
	r, err := Open(file, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	look := func(what, want string) {
		t.Helper()
		log.Reset()
		for range 3 {
			clock = clock.Add(2 * time.Second)
			r.Keys()
		}
		if n := strings.Count(log.String(), "\n"); want == "" && n > 0 || want != "" && (n != 1 || !strings.Contains(log.String(), want)) {
			t.Errorf("%s: %q, want one line with %q", what, log.String(), want)
		}
	}
	look("no file", "")
	if _, _, err := Create(file, Key{Name: "x", Scopes: []Scope{Read}}, now); err != nil {
		t.Fatal(err)
	}
	look("a file", "keys=1")
	look("the same file", "")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	look("no file any more", "keys=0")
	look("still none", "")
}

// TestWiderMode: a key that is removed by an edit which lets others write the file is out, and
// one that is added so does not come in, before the mode is right again.
func TestWiderMode(t *testing.T) {
	file, at := filepath.Join(t.TempDir(), "keys.json"), now
	var tokens [3]string
	for i := range 2 {
		var err error
		if _, tokens[i], err = Create(file, Key{Name: "k", Scopes: []Scope{Read}}, now.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	r, err := Open(file, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, want ...bool) {
		t.Helper()
		at = at.Add(2 * lookEvery)
		for i, ok := range want {
			if _, err := r.Check(tokens[i]); (err == nil) != ok {
				t.Errorf("%s: key %d: %v, want taken %v", what, i, err, ok)
			}
		}
	}
	check("at first", true, true)
	first := r.Keys().All()[0].ID
	if err := Revoke(file, first); err != nil {
		t.Fatal(err)
	}
	if _, tokens[2], err = Create(file, Key{Name: "new", Scopes: []Scope{Admin}}, now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	check("others may write it", false, true, false)
	if !strings.Contains(log.String(), "0666") {
		t.Errorf("the log says %s", log.String())
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	check("nobody else may", false, true, true)
}

// TestEdits: whatever is done to the file, the next look sees it: another file of the same size
// and time, the same bytes with another mode, a pipe in its place, and what was before again.
func TestEdits(t *testing.T) {
	dir, at := t.TempDir(), now
	file, other := filepath.Join(dir, "keys.json"), filepath.Join(dir, "other.json")
	_, a, err := Create(file, Key{Name: "k", Scopes: []Scope{Read}}, now)
	if err != nil {
		t.Fatal(err)
	}
	_, b, err := Create(other, Key{Name: "k", Scopes: []Scope{Read}}, now)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(file, slog.New(slog.DiscardHandler), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, wantA, wantB bool, edit ...error) {
		t.Helper()
		at = at.Add(2 * lookEvery)
		_, aerr := r.Check(a)
		_, berr := r.Check(b)
		if errors.Join(edit...) != nil || (aerr == nil) != wantA || (berr == nil) != wantB {
			t.Errorf("%s: %v, %v, want %t, %t; %v", what, aerr, berr, wantA, wantB, edit)
		}
	}
	text := func(name string) []byte {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	ofA, ofB, then := text(file), text(other), now.Add(-time.Hour)
	check("at first", true, false, os.Chtimes(file, then, then), os.Chtimes(other, then, then))
	check("another of the same size and time", false, true, os.Rename(other, file))
	check("the same in place", true, false, os.WriteFile(file, ofA, 0o600), os.Chtimes(file, then, then))
	check("for others to write", true, false, os.Chmod(file, 0o622))
	check("others wrote", false, false, os.WriteFile(file, ofB, 0), os.Chtimes(file, then, then))
	check("as before", true, false, os.WriteFile(file, ofA, 0), os.Chmod(file, 0o600), os.Chtimes(file, then, then))
	check("a pipe", true, false, os.Remove(file), syscall.Mkfifo(file, 0o600))
	check("gone", false, false, os.Remove(file))
	check("back", true, false, os.WriteFile(file, ofA, 0o600), os.Chtimes(file, then, then))
}

// TestNarrow: an edit that leaves the file to others takes rights away, and gives none.
func TestNarrow(t *testing.T) {
	soon, later := now.Add(time.Hour), now.Add(2*time.Hour)
	base := func(change func(*Key)) Key {
		k := Key{ID: "a", Digest: "d", Scopes: []Scope{Ingest, Read}, Sensors: []string{"pump-*", "fan-1"}, Expires: later}
		change(&k)
		return k
	}
	for _, c := range []struct {
		name string
		old  func(*Key)
		now  func(*Key)
		want func(*Key)
	}{
		{"unchanged", func(*Key) {}, func(*Key) {}, func(*Key) {}},
		{"a scope more", func(*Key) {}, func(k *Key) { k.Scopes = []Scope{Admin} }, func(*Key) {}},
		{"a scope less", func(*Key) {}, func(k *Key) { k.Scopes = []Scope{Read} }, func(k *Key) { k.Scopes = []Scope{Read} }},
		{"of admin one scope", func(k *Key) { k.Scopes = []Scope{Admin} }, func(k *Key) { k.Scopes = []Scope{Ingest} }, func(k *Key) { k.Scopes = []Scope{Ingest} }},
		{"all sensors", func(*Key) {}, func(k *Key) { k.Sensors = nil }, func(*Key) {}},
		{"a sensor less", func(*Key) {}, func(k *Key) { k.Sensors = []string{"fan-1", "fan-2"} }, func(k *Key) { k.Sensors = []string{"fan-1"} }},
		{"of all some", func(k *Key) { k.Sensors = nil }, func(k *Key) { k.Sensors = []string{"fan-1"} }, func(k *Key) { k.Sensors = []string{"fan-1"} }},
		{"fewer windows", func(k *Key) { k.Rate = 10 }, func(k *Key) { k.Rate = 2 }, func(k *Key) { k.Rate = 2 }},
		{"fewer than all windows", func(*Key) {}, func(k *Key) { k.Rate = 2 }, func(k *Key) { k.Rate = 2 }},
		{"more windows", func(k *Key) { k.Rate = 10 }, func(k *Key) { k.Rate = 20 }, func(k *Key) { k.Rate = 10 }},
		{"all windows", func(k *Key) { k.Rate = 10 }, func(*Key) {}, func(k *Key) { k.Rate = 10 }},
		{"fewer new sensors", func(*Key) {}, func(k *Key) { k.NewSensors = new(int) }, func(k *Key) { k.NewSensors = new(int) }},
		{"more new sensors", func(k *Key) { k.NewSensors = new(int) }, func(*Key) {}, func(k *Key) { k.NewSensors = new(int) }},
		{"for ever", func(*Key) {}, func(k *Key) { k.Expires = time.Time{} }, func(*Key) {}},
		{"shorter", func(*Key) {}, func(k *Key) { k.Expires = soon }, func(k *Key) { k.Expires = soon }},
		{"no longer for ever", func(k *Key) { k.Expires = time.Time{} }, func(k *Key) { k.Expires = soon }, func(k *Key) { k.Expires = soon }},
		{"other sensors", func(*Key) {}, func(k *Key) { k.Sensors = []string{"x"} }, nil},
		{"another secret", func(*Key) {}, func(k *Key) { k.Digest = "e" }, nil},
		{"another scope", func(k *Key) { k.Scopes = []Scope{Read} }, func(k *Key) { k.Scopes = []Scope{Ingest} }, nil},
	} {
		k := base(c.old)
		ok := k.narrow(base(c.now))
		if ok != (c.want != nil) {
			t.Errorf("%s: holds %v", c.name, ok)
		}
		if c.want == nil || !ok {
			continue
		}
		if want := base(c.want); !k.Same(&want) {
			t.Errorf("%s: %+v, want %+v", c.name, k, want)
		}
	}
}
