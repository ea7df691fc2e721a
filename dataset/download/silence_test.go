package download

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"brinell/bearing"
	"brinell/dataset"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestFetchWithoutNetwork has a network that swallows all, and one that fails at once.
func TestFetchWithoutNetwork(t *testing.T) {
	for name, c := range map[string]struct {
		trip roundTrip
		want time.Duration
	}{
		"swallows": {func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }, 20 * time.Second},
		"fails":    {func(*http.Request) (*http.Response, error) { return nil, errors.New("no such host") }, 7 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			corpus, _ := dataset.Named("cwru")
			begin := time.Now()
			err := Corpus(t.Context(), &http.Client{Transport: c.trip}, corpus, t.TempDir(), Options{})
			if took := time.Since(begin); took != c.want || bearing.CodeOf(err) != "publisher_unreachable" {
				t.Errorf("%s: after %s: %v", name, took, err)
			}
		})
	}
}

// TestFetchGoesOnAfterAFailure has a server that fails for the first file, while the second is
// here already: the third is fetched all the same.
func TestFetchGoesOnAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		corpus, err := dataset.Named("cwru")
		if err != nil {
			t.Fatal(err)
		}
		content := payload(100)
		one := oneFileCorpus(content).Entries[0]
		first, second, third := one, one, one
		first.File, second.File, third.File = "1", "2", "3"
		first.URL = "http://x/bad"
		corpus.Entries = []dataset.Entry{first, second, third}
		dir, asked := t.TempDir(), 0
		if err := os.WriteFile(filepath.Join(dir, "2"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked++
			status := http.StatusServiceUnavailable
			if r.URL.Path != "/bad" {
				status = http.StatusOK
			}
			return &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(content)), ContentLength: int64(len(content))}, nil
		})}
		err = Corpus(t.Context(), client, corpus, dir, Options{})
		if err == nil || bearing.CodeOf(err) == "publisher_unreachable" || asked != 5 {
			t.Errorf("%d requests: %v", asked, err)
		}
		mustHaveFile(t, filepath.Join(dir, "3"))
	})
}

func mustHaveFile(t *testing.T, name string) {
	t.Helper()
	if _, err := os.Stat(name); err != nil {
		t.Error(err)
	}
}
