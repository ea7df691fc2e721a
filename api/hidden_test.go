package api

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"brinell/bearing"
)

// hides says whether a route finds by its ID or name what belongs to a sensor: what is of
// another one is not there for a limited key. Who puts an inspection under a name that is
// taken has to be told.
func hides(route string) bool {
	return strings.Contains(route, "{id}") || strings.Contains(route, "inspections/{name}") && !strings.HasPrefix(route, "PUT ")
}

// TestHidden asks every route with a key for pumps for what is there and a fan's, and for what
// is not there, with conditions and parameters: neither status nor headers nor body differ but
// for the name that was asked for.
func TestHidden(t *testing.T) {
	headers := []string{"", "If-Match: *", `If-Match: "1"`, `If-Match: "99"`, "If-None-Match: *", `If-None-Match: "1"`, "Accept: text/csv", "Range: bytes=0-1", "Content-Type: text/csv"}
	queries := map[string][]string{"GET /v1/windows/{id}": {"?format=csv", "?format=npy"}, "GET /v1/windows/{id}/spectrum": {"?lines=1", "?lines=400"},
		"GET /v1/windows/{id}/plot.png": {"?width=1", "?width=600&height=500"}, "GET /v1/windows/{id}/plot.svg": {"?height=9999"}, "DELETE /v1/sensors/{name}": {"?windows=delete"}, "GET /v1/sensors/{name}/trends": {"?feature=rms"}}
	asked := 0
	for route := range scopes {
		method, pattern, _ := strings.Cut(route, " ")
		if !strings.Contains(pattern, "{") || scopes[route].reach == shared || route == "PUT /v1/inspections/{name}" {
			continue
		}
		s, token := limitedServer(t)
		for _, query := range append(queries[route], "") {
			for _, header := range headers {
				for _, m := range slices.Compact([]string{method, strings.Replace(method, "GET", "HEAD", 1)}) {
					answer := func(name string) string {
						target := strings.NewReplacer("{sensor}", name, "{name}", name, "{id}", name, "{digest}", name, "{designation}", name).Replace(pattern)
						r := httptest.NewRequest(m, target+query, strings.NewReader("{}"))
						r.Header.Set("Authorization", "Bearer "+token)
						r.Header.Set("Content-Type", asJSON)
						if k, v, ok := strings.Cut(header, ": "); ok {
							r.Header.Set(k, v)
						}
						w := httptest.NewRecorder()
						s.router.ServeHTTP(w, r)
						id := w.Header().Get("X-Request-Id")
						w.Header().Del("X-Request-Id")
						text := fmt.Sprint(w.Code, slices.Sorted(maps.Keys(w.Header())), w.Header(), w.Body)
						return strings.NewReplacer(id, "ID", name, "NAME").Replace(text)
					}
					asked++
					if there, not := answer("fan"), answer("owl"); there != not {
						t.Errorf("%s %s%s %s: what is there\n%s\nwhat is not\n%s", m, pattern, query, header, there, not)
					}
				}
			}
		}
	}
	if asked < 200 {
		t.Errorf("%d questions", asked)
	}
}

// TestHiddenLists asks every list with a key for pumps, with what is a fan's and without: pages,
// their number and their cursors are the same.
func TestHiddenLists(t *testing.T) {
	pages := func(target string, fans bool) (all []string) {
		s, token := limitedServer(t)
		if !fans {
			for _, docs := range s.resources.(registered) {
				delete(docs, "fan")
				delete(docs, "zoo")
			}
		}
		for cursor := ""; ; {
			sep := "?"
			if strings.Contains(target, "?") {
				sep = "&"
			}
			to := target
			if cursor != "" {
				to += sep + "cursor=" + cursor
			}
			w := ask(s, "GET", to, token, "")
			if w.Code != http.StatusOK {
				return append(all, fmt.Sprint(w.Code))
			}
			all = append(all, fmt.Sprint(w.Header().Get("ETag"), w.Body))
			_, after, _ := strings.Cut(w.Body.String(), `"next_cursor":"`)
			if cursor, _, _ = strings.Cut(after, `"`); cursor == "" {
				return all
			}
		}
	}
	for _, target := range []string{"/v1/sensors", "/v1/sensors?limit=1", "/v1/sensors?limit=2", "/v1/inspections", "/v1/inspections?limit=1", "/v1/inspections?sensor=pump-1&limit=1", "/v1/machines", "/v1/webhooks"} {
		if with, without := pages(target, true), pages(target, false); !slices.Equal(with, without) {
			t.Errorf("%s: with a fan\n%q\nwithout\n%q", target, with, without)
		}
	}
}

// TestHiddenWrites: the name of an inspection is one for all, so that who puts one under a name
// that is taken is refused, and changes nothing.
func TestHiddenWrites(t *testing.T) {
	s, token := limitedServer(t)
	r := httptest.NewRequest("PUT", "/v1/inspections/fan", strings.NewReader(`{"sensor":"pump-1","found":"nothing","at":"2026-01-01T00:00:00Z"}`))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", asJSON)
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "fan ") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if row, err := s.resources.Resource(t.Context(), bearing.KindInspection, "fan"); err != nil || !strings.Contains(string(row.Doc), `"sensor":"fan"`) {
		t.Errorf("%s, %v", row.Doc, err)
	}
}
