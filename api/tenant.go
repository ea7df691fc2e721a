package api

import (
	"context"
	"net/http"
	"strings"
)

// tenantOf names who a request is from, for all that is shared out evenly: its key, or
// without one its address.
func tenantOf(r *http.Request) string {
	if k := keyOf(r.Context()); k != nil {
		return k.ID // in which there is neither point nor colon
	}
	return NetworkOf(hostOf(r))
}

// claimant is tenantOf for a request whose key has not been asked for yet, by its headers of
// that name and its address.
func (s *server) claimant(authorization []string, address string) string {
	if len(authorization) == 1 && s.cfg.Keys != nil {
		scheme, token, _ := strings.Cut(authorization[0], " ")
		if strings.EqualFold(scheme, "Bearer") {
			if k, err := s.cfg.Keys.Check(strings.TrimSpace(token)); err == nil {
				return k.ID
			}
		}
	}
	return tenantOf(&http.Request{RemoteAddr: address})
}

// mostLists is how many pages, or slices of what a stream missed, are read at a time: of the
// store's connections for reading, of which a page takes three at most, some stay free.
const mostLists = 4

// asked notes who asks, for handlers that have no request at hand.
func (s *server) asked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			r = r.WithContext(context.WithValue(r.Context(), asker{}, tenantOf(r)))
		}
		next.ServeHTTP(w, r)
	})
}

type asker struct{}

// inTurn calls f, which reads many rows of the store, when the tenant that asks has its turn.
func (s *server) inTurn(ctx context.Context, f func() error) error {
	who, _ := ctx.Value(asker{}).(string)
	turn, err := s.lists.Within(ctx, who, s.lookWait)
	if err != nil {
		return err
	}
	defer turn.Done()
	return f()
}
