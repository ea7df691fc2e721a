package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"brinell/bearing"
	"brinell/internal/clamp"
	"brinell/internal/keys"
)

// Keys checks tokens. Required says whether a request without one is refused.
type Keys interface {
	Check(token string) (keys.Key, error)
	Required() bool
}

type keyKey struct{}

// keyOf returns the key of a request, nil if it needed none.
func keyOf(ctx context.Context) *keys.Key {
	k, _ := ctx.Value(keyKey{}).(*keys.Key)
	return k
}

// authorize lets a request through whose key has the scope of its route. It stands
// before the routes, so that what a route does not say cannot be reached.
func (s *server) authorize(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k, token, err := s.permit(r)
		if err != nil {
			if e, ok := errors.AsType[*bearing.Error](err); ok && e.Kind == bearing.Unauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="brinell"`)
			}
			s.fail(w, r, err)
			return
		}
		if k == nil {
			if token == "" {
				next.ServeHTTP(w, r)
				return
			}
			s.hold(w, r, token, nil, next)
			return
		}
		Known(r.Context())
		ctx := bearing.WithSource(r.Context(), bearing.Source{Name: k.ID, NewSensors: k.MayBring()})
		ctx = context.WithValue(ctx, keyKey{}, k)
		s.hold(w, r.WithContext(ctx), token, k, next)
	})
}

// nobody stands for the token of a request that needs a key once there is one.
const nobody = "nobody"

// permit returns the key of a request and its token, or why it may not go on. Without a key
// the token is nobody, or "" where none is ever needed.
func (s *server) permit(r *http.Request) (k *keys.Key, token string, err error) {
	rule, known := s.ruleOf(r)
	if !known || rule.scope == open {
		return nil, "", nil // there is nothing there, which the router says
	}
	if inAddress(r.URL) {
		return nil, "", bearing.Errorf(bearing.Malformed, "key_in_url", "a key does not belong into an address, which ends up in logs: send Authorization: Bearer, and revoke this key")
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		if !s.cfg.Keys.Required() {
			return nil, nobody, nil
		}
		return nil, "", bearing.Errorf(bearing.Unauthorized, "key_missing", "this needs an API key: send Authorization: Bearer KEY (brinell keys create makes one)")
	}
	scheme, token, _ := strings.Cut(header, " ") // RFC 9110: a name in any case, and one blank or more
	token = strings.TrimLeft(token, " ")
	found, err := s.cfg.Keys.Check(token)
	if !strings.EqualFold(scheme, "Bearer") || err != nil {
		if errors.Is(err, keys.ErrExpired) { // nobody guessed that
			return nil, "", bearing.Errorf(bearing.Unauthorized, "key_expired", "the API key has expired: ask for a new one")
		}
		if wait := s.failures.add(hostOf(r), token, time.Now()); wait > 0 {
			return nil, "", tooManyFailures(wait)
		}
		return nil, "", bearing.Errorf(bearing.Unauthorized, "key_invalid", "the API key is not known here: it is misspelt or revoked, or that of another service (brinell keys list shows which there are)")
	}
	k = &found
	if !k.May(rule.scope) {
		return nil, "", bearing.Errorf(bearing.Forbidden, "scope_missing", "this needs a key with the scope %s", rule.scope)
	}
	if rule.reach == fleet && len(k.Sensors) > 0 {
		return nil, "", bearing.Errorf(bearing.Forbidden, "key_limited", "this key is for some sensors only, and this concerns all of them: use a key without --sensors")
	}
	if rule.scope == keys.Ingest {
		if err := s.quota.take(k, time.Now()); err != nil {
			return nil, "", err
		}
	}
	return k, token, nil
}

// inAddress says whether somebody put a key into the query.
func inAddress(u *url.URL) bool {
	if u.RawQuery == "" {
		return false
	}
	if strings.Contains(u.RawQuery, "brk_") {
		return true
	}
	q := u.Query()
	return q.Has("key") || q.Has("api_key") || q.Has("token") || q.Has("access_token")
}

// ruleOf returns the rule of the route that a request would take.
func (s *server) ruleOf(r *http.Request) (rule, bool) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	path := r.URL.RawPath // as the router takes it
	if path == "" {
		path = r.URL.Path
	}
	rc := chi.NewRouteContext()
	if !s.router.Match(rc, method, path) {
		return rule{}, false
	}
	v, ok := scopes[method+" "+rc.RoutePattern()]
	return v, ok
}

// checkScopes compares the table with the router.
func (s *server) checkScopes() error {
	seen := make(map[string]bool)
	err := chi.Walk(s.router, func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		route := method + " " + pattern
		if _, ok := scopes[route]; !ok {
			return fmt.Errorf("api: route %s has no scope", route)
		}
		seen[route] = true
		return nil
	})
	for route := range scopes {
		if err == nil && !seen[route] {
			err = fmt.Errorf("api: there is no route %s", route)
		}
	}
	return err
}

// covers refuses what the key of a request may not have to do with: another sensor,
// or where it names none, all of them.
func covers(ctx context.Context, sensor string) error {
	k := keyOf(ctx)
	switch {
	case k == nil || len(k.Sensors) == 0:
		return nil
	case sensor == "":
		return bearing.Errorf(bearing.Forbidden, "sensor_missing", "this key is for some sensors only: state one by ?sensor=")
	case !k.Covers(sensor):
		return bearing.Errorf(bearing.Forbidden, "sensor_forbidden", "this key is not for sensor %s", bearing.Clip(sensor))
	}
	return nil
}

// quota gives each key so many windows a second, and as many at once as in two.
type quota struct {
	rate float64 // of keys that state none; 0 for no bound
	mu   sync.Mutex
	by   map[string]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

// take takes one window from the share of a key. TooMany quota_exceeded says that there is
// none left.
func (q *quota) take(k *keys.Key, now time.Time) error {
	rate := cmp.Or(k.Rate, q.rate)
	if rate == 0 {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.by == nil {
		q.by = make(map[string]*bucket)
	}
	most := max(1, 2*rate)
	b := q.by[k.ID] // of a valid key: there are only so many
	if b == nil {
		b = &bucket{left: most, at: now}
		q.by[k.ID] = b
	}
	b.left = min(most, b.left+rate*now.Sub(b.at).Seconds())
	b.at = now
	const rounding = 1e-6 // of sums of times and rates, of a window
	if b.left < 1-rounding {
		return bearing.Errorf(bearing.TooMany, "quota_exceeded", "this key may send %g windows a second: send fewer", rate).Over(rate, 0).
			After(clamp.Seconds((1 - b.left) / rate))
	}
	b.left = max(0, b.left-1)
	return nil
}

type knownKey struct{}

// WithKnown returns the context of a connection whose requests tell by known that they had a
// key which holds.
func WithKnown(ctx context.Context, known func()) context.Context {
	return context.WithValue(ctx, knownKey{}, known)
}

// Known tells the connection of a request that it had a key which holds.
func Known(ctx context.Context) {
	if known, ok := ctx.Value(knownKey{}).(func()); ok {
		known()
	}
}
