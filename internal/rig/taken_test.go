package rig

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// taking is a way to take the database of a running service away, and to bring it back.
type taking struct {
	name       string
	away, back func(dir string) error
}

// takings of a directory dir whose files have second names in dir.kept.
func takings() []taking {
	removed := func(name string) taking {
		return taking{name + " removed",
			func(dir string) error { return os.Remove(filepath.Join(dir, name)) },
			func(dir string) error {
				return os.Link(filepath.Join(dir+".kept", name), filepath.Join(dir, name))
			}}
	}
	renamed := func(what, name string) taking {
		return taking{what + " renamed",
			func(dir string) error { return os.Rename(filepath.Join(dir, name), filepath.Join(dir, name)+".away") },
			func(dir string) error { return os.Rename(filepath.Join(dir, name)+".away", filepath.Join(dir, name)) }}
	}
	whole := renamed("directory", "")
	return []taking{
		removed("brinell.db"),
		removed("brinell.db-wal"),
		renamed("database", "brinell.db"),
		whole,
		{"directory replaced by a copy", func(dir string) error {
			return errors.Join(os.CopyFS(dir+".copy", os.DirFS(dir)), whole.away(dir), os.Rename(dir+".copy", dir))
		}, func(dir string) error {
			return errors.Join(os.RemoveAll(dir), whole.back(dir))
		}},
		{"database replaced by a copy", func(dir string) error {
			db := filepath.Join(dir, "brinell.db")
			b, err := os.ReadFile(db)
			return errors.Join(err, os.WriteFile(db+".copy", b, 0o600), os.Rename(db+".copy", db))
		}, func(dir string) error {
			db := filepath.Join(dir, "brinell.db")
			return errors.Join(os.Remove(db), os.Link(filepath.Join(dir+".kept", "brinell.db"), db))
		}},
	}
}

// takenAway takes the database away under eight clients, in each way so many times, and says
// what goes wrong; a recovery takes no longer than patience.
func takenAway(t *testing.T, b build, cycles int, patience time.Duration) (f filled, err error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	s := serve(t, b.before, b.bin, dir)
	defer s.kill()
	f.journal = newJournal()
	if err := os.Mkdir(dir+".kept", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"brinell.db", "brinell.db-wal"} {
		if err := os.Link(filepath.Join(dir, name), filepath.Join(dir+".kept", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}

	var gone atomic.Int64 // which taking is under way, 0 for none
	var mu sync.Mutex
	var wrong error
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var clients sync.WaitGroup
	for g := range 8 {
		clients.Go(func() {
			client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for i := 1; ctx.Err() == nil; i++ {
				before := gone.Load()
				err := f.post(context.Background(), client, s.url, fmt.Sprintf("s%d", g), i, 1024)
				if err == nil && before != 0 && before == gone.Load() {
					err = errors.New("a window is acknowledged into nothing")
				} else if e, refused := errors.AsType[*errRefused](err); refused && (strings.Contains(e.body, `"storage_replaced"`) || strings.Contains(e.body, `"overloaded"`)) {
					err = nil
					time.Sleep(5 * time.Millisecond)
				}
				if err != nil {
					mu.Lock()
					wrong = errors.Join(wrong, err)
					mu.Unlock()
					return
				}
			}
		})
	}
	next := 0
	one := func() error {
		next++
		return f.post(t.Context(), client, s.url, "one", next, 1024)
	}
	if err := one(); err != nil {
		t.Fatal(err)
	}
	w, _ := window("one", next, 1024)
	number := int64(0)
	cycle := func(way taking) error {
		time.Sleep(time.Duration(20+7*number%60) * time.Millisecond)
		number++
		if err := way.away(dir); err != nil {
			t.Fatal(err)
		}
		gone.Store(number)
		read, ready, post := get(t, s.url+"/v1/windows/"+w.ID()), get(t, s.url+"/readyz"), one()
		time.Sleep(50 * time.Millisecond)
		gone.Store(0)
		if err := way.back(dir); err != nil {
			t.Fatal(err)
		}
		if e, ok := errors.AsType[*errRefused](post); !ok || !strings.Contains(e.body, "storage_replaced") || read != 200 || ready != 503 {
			return fmt.Errorf("a window has the answer %v, reading %d, readyz %d", post, read, ready)
		}
		took, err := s.heals(t, patience, one)
		f.slowest = max(f.slowest, took)
		return err
	}
	for _, way := range takings() {
		for n := 0; n < cycles && err == nil; n++ {
			if err = cycle(way); err != nil {
				err = fmt.Errorf("%s: %w", way.name, err)
			}
		}
	}
	cancel()
	clients.Wait()
	if err = errors.Join(err, wrong); err != nil {
		return f, err
	}
	if second, err := tryServe(nil, b.bin, dir, "--lock-wait", "0s"); err == nil {
		second.kill()
		return f, errors.New("without the lock file a second service starts on the same directory")
	}
	s.stop(t)
	return f, compare(t, dir, f.journal)
}

// TestTakenAway takes the database away under clients that write, in six ways, each
// BRINELL_TAKEN times: removed, renamed, with its directory, replaced by a copy. From then
// on nothing is acknowledged and readyz says so, what was stored can be read, the service
// goes on by itself when the right files are back, and nothing acknowledged is missing. A
// program that does not look acknowledges into nothing.
func TestTakenAway(t *testing.T) {
	cycles := count(t, "BRINELL_TAKEN", 1)
	f, err := takenAway(t, sound(t), cycles, 5*time.Second)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d times in %d ways, %d windows acknowledged of %d sent, slowest recovery %s", cycles, len(takings()), len(f.acked), len(f.tried), f.slowest.Round(time.Millisecond))
	_, err = takenAway(t, planted(t, "nowhere"), 1, time.Second)
	sees(t, "nowhere", err)
}
