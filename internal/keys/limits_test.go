package keys

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNarrowLimits: of two versions of a key the tighter limit holds, whichever states it, and
// where none states one the default.
func TestNarrowLimits(t *testing.T) {
	base, _, err := Create(filepath.Join(t.TempDir(), "keys.json"), Key{Name: "gateway", Scopes: []Scope{Ingest}}, now)
	if err != nil {
		t.Fatal(err)
	}
	if n := base.MayBring(); n != 1000 {
		t.Errorf("a key may bring %d sensors a day, want 1000", n)
	}
	for _, c := range []struct{ rate, other, want float64 }{{0, 0, 0}, {0, 5, 5}, {5, 0, 5}, {5, 3, 3}, {3, 5, 3}} {
		k, o := base, base
		k.Rate, o.Rate = c.rate, c.other
		o.Scopes = []Scope{Ingest, Read} // so that the two are not the same
		if k.narrow(o); k.Rate != c.want {
			t.Errorf("%g and %g windows a second: %g, want %g", c.rate, c.other, k.Rate, c.want)
		}
	}
	some := func(n int) *int {
		if n < 0 {
			return nil
		}
		return &n
	}
	for _, c := range []struct{ few, other, want int }{{-1, -1, 1000}, {-1, 7, 7}, {7, -1, 7}, {7, 5, 5}, {5, 7, 5}, {2000, -1, 1000}} {
		k, o := base, base
		k.NewSensors, o.NewSensors = some(c.few), some(c.other)
		o.Scopes = []Scope{Ingest, Read}
		if k.narrow(o); k.MayBring() != c.want {
			t.Errorf("%d and %d new sensors a day: %d, want %d", c.few, c.other, k.MayBring(), c.want)
		}
	}
}

// TestLongFile: a file of 16 MiB is read, one that is longer is refused.
func TestLongFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	for n, want := range map[int]bool{16 << 20: true, 16<<20 + 1: false} {
		if err := os.WriteFile(file, []byte("[]"+strings.Repeat(" ", n-2)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); (err == nil) != want {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// TestLookEvery: the file is looked at again half a second after the last look, and not before.
func TestLookEvery(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	at := now
	r, err := Open(file, slog.New(slog.DiscardHandler), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Create(file, Key{Name: "gateway", Scopes: []Scope{Ingest}}, now); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{500*time.Millisecond - 1, 0}, {500 * time.Millisecond, 1}} {
		if at = now.Add(c.after); r.Keys().Len() != c.want {
			t.Errorf("%s after the last look: %d keys, want %d", c.after, r.Keys().Len(), c.want)
		}
	}
}
