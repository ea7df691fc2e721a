package api

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"brinell/internal/keys"
)

// TestForwarded: X-Forwarded-For is read from its end, over proxies that are trusted.
func TestForwarded(t *testing.T) {
	s := &server{cfg: Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}}
	for _, c := range []struct {
		peer, list, want string
	}{
		{"192.0.2.1:5", "198.51.100.1", "192.0.2.1"}, // nobody's proxy
		{"127.0.0.1:5", "", "127.0.0.1"},
		{"127.0.0.1:5", "198.51.100.1", "198.51.100.1"},
		{"127.0.0.1:5", "198.51.100.1:4711", "198.51.100.1"},
		{"127.0.0.1:5", "203.0.113.9, 198.51.100.1", "198.51.100.1"}, // the first is what the client wrote
		{"127.0.0.1:5", "198.51.100.1, 10.1.2.3", "198.51.100.1"},
		{"127.0.0.1:5", "10.9.9.9, 10.1.2.3", "10.9.9.9"},
		{"127.0.0.1:5", "198.51.100.1, nonsense", "127.0.0.1"},
		{"127.0.0.1:5", "nonsense, 10.1.2.3", "10.1.2.3"},
		{"[fd00::1]:5", "[2001:db8::7]:80", "2001:db8::7"},
		{"127.0.0.1:5", "::ffff:198.51.100.1", "198.51.100.1"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		if c.list != "" {
			r.Header.Set("X-Forwarded-For", c.list)
		}
		s.forwarded(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if got := hostOf(r); got != c.want {
				t.Errorf("%s, %q: %s, want %s", c.peer, c.list, got, c.want)
			}
		})).ServeHTTP(nil, r)
	}
}

// TestHosts: a service without keys answers to names of this machine.
func TestHosts(t *testing.T) {
	h := Hosts{Check: true, Also: []string{"plant-pc"}}
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:8080": true, "127.0.0.1:8080": true, "127.9.9.9": true, "[::1]:8080": true, "[::1]": true, "localhost.:80": true,
		"plant-pc:8080": true, "Plant-PC": true, "": true,
		"evil.example": false, "evil.example:8080": false, "127.0.0.1.evil.example": false, "localhost.evil.example": false, "192.0.2.1:8080": false, "[2001:db8::1]": false, "0.0.0.0": false,
	} {
		if h.Allow(host) != want {
			t.Errorf("%q: allowed %v, want %v", host, !want, want)
		}
	}
	if !(Hosts{}).Allow("evil.example") {
		t.Error("without the check all are")
	}
}

// TestPages: what a page of another site makes a browser send is refused while no key is
// needed; what programs and the service's own pages send is not.
func TestPages(t *testing.T) {
	set, err := keys.Load(t.TempDir() + "/none")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, target, host, headers string
		want                          int
	}{
		{"GET", "/v1/diagnoses", "evil.example", "", 403},
		{"GET", "/v1/stream", "evil.example:80", "", 403},
		{"GET", "/metrics", "evil.example", "", 403},
		{"GET", "/docs", "evil.example", "", 403},
		{"GET", "/v1/diagnoses", "localhost:8080", "", 200},
		{"GET", "/v1/diagnoses", "localhost:8080", "Sec-Fetch-Site: cross-site", 403}, // it cannot read it, but have it computed
		{"GET", "/v1/stream", "localhost:8080", "Sec-Fetch-Site: same-site", 403},
		{"GET", "/v1/diagnoses", "localhost:8080", "Origin: http://localhost:3000", 403},
		{"GET", "/docs", "localhost:8080", "Sec-Fetch-Site: cross-site, Sec-Fetch-Mode: navigate", 200}, // a link
		{"GET", "/docs", "localhost:8080", "Sec-Fetch-Site: cross-site, Sec-Fetch-Mode: navigate, Sec-Fetch-Dest: document", 200},
		{"GET", "/docs", "localhost:8080", "Sec-Fetch-Site: cross-site, Sec-Fetch-Mode: navigate, Sec-Fetch-Dest: document, Sec-Purpose: prefetch;prerender", 403},
		{"GET", "/docs", "localhost:8080", "Sec-Fetch-Site: cross-site, Sec-Fetch-Mode: navigate, Sec-Fetch-Dest: iframe", 403},
		{"GET", "/v1/diagnoses", "localhost:8080", "Sec-Fetch-Site: cross-site, Sec-Fetch-Mode: navigate, Sec-Fetch-Dest: object", 403},
		{"HEAD", "/metrics", "localhost:8080", "Sec-Fetch-Site: cross-site, Sec-Fetch-Mode: no-cors", 403},
		{"POST", "/v1/models/rollback", "localhost:8080", "Sec-Fetch-Site: cross-site, Sec-Fetch-Mode: navigate", 403}, // a form
		{"POST", "/v1/models/rollback", "localhost:8080", "Sec-Fetch-Site: same-origin, Origin: https://evil.example", 403},
		{"POST", "/v1/models/rollback", "localhost:8080", "Origin: http://localhost:8080.evil.example", 403},
		{"POST", "/v1/models/rollback", "localhost:8080", "Origin: %zz", 403},
		{"POST", "/v1/models/rollback", "localhost:8080", "Origin: https://evil.example", 403},
		{"POST", "/v1/models/rollback", "localhost:8080", "Origin: null", 403},
		{"POST", "/v1/models/rollback", "localhost:8080", "Origin: http://localhost:9999", 403},
		{"POST", "/v1/models/rollback", "localhost:8080", "Sec-Fetch-Site: cross-site", 403},
		{"POST", "/v1/models/rollback", "localhost:8080", "Sec-Fetch-Site: same-site", 403},
		{"DELETE", "/v1/sensors/pump", "localhost:8080", "Sec-Fetch-Site: cross-site", 403},
		{"PUT", "/v1/machines/press", "localhost:8080", "Origin: https://evil.example", 403},
		{"POST", "/v1/sensors/pump/windows", "127.0.0.1:8080", "Origin: https://evil.example", 403},
		{"POST", "/v1/sensors/pump/windows", "127.0.0.1:8080", "Content-Type: text/plain;charset=UTF-8", 415},
		{"POST", "/v1/models/rollback", "127.0.0.1:8080", "Content-Type: application/x-www-form-urlencoded", 415},
		{"PUT", "/v1/webhooks/a", "127.0.0.1:8080", "Content-Type: multipart/form-data; boundary=x", 415},
	} {
		s, err := newServer(Config{Keys: ring{set, false}, Hosts: Hosts{Check: true}}, backend(&fake{}))
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(c.method, c.target, nil)
		r.Host = c.host
		for h := range strings.SplitSeq(c.headers, ", ") {
			if name, value, ok := strings.Cut(h, ": "); ok {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		s.router.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s %s for %s, %s: %d %s, want %d", c.method, c.target, c.host, c.headers, w.Code, w.Body, c.want)
		}
	}
	// The service's own page, and a program.
	for _, headers := range [][2]string{{"", ""}, {"Origin", "http://localhost:8080"}, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}} {
		s, err := newServer(Config{Keys: ring{set, false}, Hosts: Hosts{Check: true}}, backend(&fake{}))
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/v1/models/rollback", nil)
		r.Host = "localhost:8080"
		if headers[0] != "" {
			r.Header.Set(headers[0], headers[1])
		}
		w := httptest.NewRecorder()
		s.router.ServeHTTP(w, r)
		if w.Code == 403 || w.Code == 415 {
			t.Errorf("%s %s: %d %s", headers[0], headers[1], w.Code, w.Body)
		}
	}
}

// TestWriteTypes asks every route that writes with the types that a page may send unasked, and
// with a body of no type, with a key and without: none is taken. Programs that write without a
// body need no type.
func TestWriteTypes(t *testing.T) {
	s, token := limitedServer(t)
	plain, err := newServer(Config{Hosts: Hosts{Check: true}}, s.backend())
	if err != nil {
		t.Fatal(err)
	}
	for route := range scopes {
		method, pattern, _ := strings.Cut(route, " ")
		if method == "GET" {
			continue
		}
		target := strings.NewReplacer("{sensor}", "pump-1", "{name}", "pump-1", "{id}", "pump-1", "{digest}", "a", "{designation}", "6205").Replace(pattern)
		for _, media := range []string{"text/plain", "Text/Plain; charset=utf-8", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/ping", "application/csp-report", "text/html", " ", ""} {
			for _, body := range []string{"{}", ""} {
				for name, s := range map[string]*server{"with a key": s, "without": plain} {
					r := httptest.NewRequest(method, target, strings.NewReader(body))
					r.Host = "localhost"
					if media != "" {
						r.Header.Set("Content-Type", media)
					}
					r.Header.Set("Authorization", "Bearer "+token)
					w := httptest.NewRecorder()
					if media == "" && body == "" {
						continue // whatever says that there is no body
					}
					s.router.ServeHTTP(w, r)
					if scopes[route].reach == fleet && s != plain && w.Code == http.StatusForbidden {
						continue
					}
					if w.Code != http.StatusUnsupportedMediaType {
						t.Errorf("%s as %q with body %q, %s: %d %s", route, media, body, name, w.Code, w.Body)
					}
				}
			}
		}
	}
	for _, media := range []string{"", asJSON, asJSON + "; charset=utf-8"} {
		r := httptest.NewRequest("DELETE", "/v1/machines/pump-1", nil)
		r.Host = "localhost"
		r.Header.Set("Content-Type", media)
		w := httptest.NewRecorder()
		if plain.router.ServeHTTP(w, r); w.Code == http.StatusUnsupportedMediaType {
			t.Errorf("a program's request as %q: %s", media, w.Body)
		}
	}
}

// TestBeside: listeners beside the API answer to this machine's names and not to pages either.
func TestBeside(t *testing.T) {
	h := Hosts{Check: true}.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, c := range []struct {
		host, site string
		want       int
	}{{"localhost:6060", "", 200}, {"evil.example:6060", "", 421}, {"localhost:6060", "cross-site", 403}, {"localhost:6060", "none", 200}} {
		r := httptest.NewRequest("GET", "/debug/pprof/profile", nil)
		r.Host = c.host
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != c.want {
			t.Errorf("%s %s: %d, want %d", c.host, c.site, w.Code, c.want)
		}
	}
}
