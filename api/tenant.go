package api

import (
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
