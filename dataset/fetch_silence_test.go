package dataset

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"brinell/internal/bearing"
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
			corpus, _ := Named("cwru")
			begin := time.Now()
			err := Fetch(t.Context(), &http.Client{Transport: c.trip}, corpus, t.TempDir(), FetchOptions{})
			if took := time.Since(begin); took != c.want || bearing.CodeOf(err) != "publisher_unreachable" {
				t.Errorf("%s: after %s: %v", name, took, err)
			}
		})
	}
}
