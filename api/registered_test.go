package api

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"brinell/bearing"
)

// unread are resources of which none may be read from the store.
type unread struct {
	registered
	t *testing.T
}

func (u unread) Resource(_ context.Context, kind, key string) (bearing.Resource, error) {
	u.t.Errorf("%s %s was read from the store", kind, key)
	return bearing.Resource{}, bearing.Errorf(bearing.NotFound, "resource_not_found", "")
}

// TestRegisteredAtHand: what a window does not state is taken from what is at hand of its sensor,
// and the store is not read for it.
func TestRegisteredAtHand(t *testing.T) {
	f := &fake{}
	b := backend(f)
	g := registered{}
	g.put(bearing.KindSensor, map[string]string{"de": `{"name":"de","sample_rate_hz":12000,"unit":"m/s2"}`})
	b.Resources = unread{g, t}
	h, err := New(Config{Ready: func() error { return nil }}, b)
	if err != nil {
		t.Fatal(err)
	}
	table := "a\n" + strings.Repeat("1.5\n-1.5\n", 64)
	for _, c := range []struct{ path, media, body, want string }{
		{"/v1/sensors/de/windows?start=2026-01-31T12:00:00Z", "text/csv", table, `"fault":"normal"`},
		{"/v1/sensors/de/windows?start=2026-01-31T12:00:01Z", "application/octet-stream", string(raw(0.1, -0.2, 0.3)), `"fault":"normal"`},
		{"/v1/sensors/other/windows?start=2026-01-31T12:00:00Z", "text/csv", table, "rate_missing"},
	} {
		r := httptest.NewRequest(http.MethodPost, c.path, bytes.NewReader([]byte(c.body)))
		r.Header.Set("Content-Type", c.media)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s, %s: %d %s, want %s", c.path, c.media, w.Code, w.Body, c.want)
		}
	}
}
