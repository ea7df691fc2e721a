package rig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// damages are what programs made of damaged databases: how many do not open, in how many
// a window is missing, and in how many nothing is.
type damages struct{ unopened, seen, harmless int }

// damaged flips a bit of a database, or cuts it off, so many times, opens what is left with
// a program and asks for every window: each is as it was sent, or refused.
func damaged(t *testing.T, b build, whole []byte, sent map[string][]byte, n int) (d damages, err error) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range n {
		image := slices.Clone(whole)
		if i%4 == 0 {
			image = image[:rng.IntN(len(image))]
		} else {
			image[rng.IntN(len(image))] ^= 1 << rng.IntN(8)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "brinell.db"), image, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := tryServe(b.before, b.bin, dir)
		if err != nil {
			if d.unopened++; !strings.Contains(err.Error(), dir) {
				return d, fmt.Errorf("image %d: the error names no file: %w", i, err)
			}
			continue
		}
		whole, err := s.asked(sent)
		s.kill()
		if err != nil {
			return d, fmt.Errorf("image %d: %w", i, err)
		}
		if log := s.logged(); strings.Contains(log, "panic") {
			return d, fmt.Errorf("image %d: %s", i, log)
		}
		if whole {
			d.harmless++
		} else {
			d.seen++
		}
	}
	return d, nil
}

// asked asks for windows and reports whether all are there. One that is not as it was sent
// is an error, and so is a refusal that says something else than what may be the matter.
func (s *service) asked(sent map[string][]byte) (whole bool, err error) {
	whole = true
	for id, want := range sent {
		resp, err := client.Get(s.url + "/v1/windows/" + id)
		if err != nil {
			return false, err
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return false, err
		}
		if resp.StatusCode == 200 {
			if !bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(want)) {
				return false, fmt.Errorf("window %s is returned as another one", id)
			}
			continue
		}
		whole = false
		var p struct{ Code string }
		if err := json.Unmarshal(got, &p); err != nil {
			return false, err
		}
		if !slices.Contains([]string{"diagnosis_not_found", "samples_expired", "stored_data_corrupt", "internal"}, p.Code) {
			return false, fmt.Errorf("window %s: %d %s", id, resp.StatusCode, got)
		}
	}
	return whole, nil
}

// TestDamage flips bits of a stored database and cuts it off: the service opens it or says
// what is wrong, and returns no window that is not the one that was sent. One that looks at
// no checksum does. BRINELL_DAMAGE is how many times.
func TestDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	b := sound(t)
	s := serve(t, b.before, b.bin, dir)
	j := newJournal()
	sent := map[string][]byte{}
	for i := range 32 {
		w, _ := window("s0", i, 1024)
		var err error
		if sent[w.ID()], err = w.Encode(); err == nil {
			err = j.post(t.Context(), client, s.url, "s0", i, 1024)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if whole, err := s.asked(sent); err != nil || !whole {
		t.Fatalf("of what is not damaged all is there: %t, %v", whole, err)
	}
	s.stop(t)
	whole, err := os.ReadFile(filepath.Join(dir, "brinell.db"))
	if err != nil {
		t.Fatal(err)
	}
	n := count(t, "BRINELL_DAMAGE", 24)
	d, err := damaged(t, b, whole, sent, n)
	if d.seen == 0 {
		err = errors.Join(err, errors.New("no damage was seen: the rig shows nothing"))
	}
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d images: %d do not open, in %d the damage is seen, in %d it touches nothing", n, d.unopened, d.seen, d.harmless)
	_, err = damaged(t, planted(t, "unchecked"), whole, sent, 12)
	sees(t, "unchecked", err)
}
