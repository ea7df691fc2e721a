package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"brinell/internal/bearing"
)

// A service that needs no key trusts whoever reaches it, and a browser on the same machine
// reaches it for any page that it shows. So as long as no key is needed, on a loopback address,
//
//   - a request is for a name of this machine: a page whose own name leads to 127.0.0.1 (DNS
//     rebinding) says its own name in Host;
//   - what writes does not come from a page of another origin, which browsers say in Origin and
//     Sec-Fetch-Site;
//   - what writes is not of a type that a page may send unasked, which is for forms and text.
//
// Keys are sent by programs, never by a browser of itself.

// Hosts are the names under which a service may be asked that needs no key: those of a
// loopback address, and others. Without Check all are.
type Hosts struct {
	Check bool
	Also  []string // names or addresses, without ports
}

// Allow returns whether a Host header names this service. Only programs send none.
func (h Hosts) Allow(host string) bool {
	if !h.Check || host == "" {
		return true
	}
	name := host
	if n, _, err := net.SplitHostPort(host); err == nil {
		name = n
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if ip, err := netip.ParseAddr(name); err == nil && ip.Unmap().IsLoopback() || name == "localhost" {
		return true
	}
	return slices.ContainsFunc(h.Also, func(also string) bool { return strings.EqualFold(also, name) })
}

// Handler refuses what is for another name, for handlers beside the API.
func (h Hosts) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.Allow(r.Host) {
			http.Error(w, hostUnknown(r.Host).Message, http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func hostUnknown(host string) *bearing.Error {
	return bearing.Errorf(bearing.Forbidden, "host_unknown", "%q is no name of this machine, and no key is needed here: ask for localhost, name it by --allowed-hosts, or make a key (brinell keys create)", bearing.Clip(host))
}

// fromHere refuses what a page of somebody else makes a browser send.
func (s *server) fromHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.origin(r); err != nil {
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) origin(r *http.Request) error {
	writes := r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions
	if writes && simpleType(r.Header.Get("Content-Type")) {
		return bearing.Errorf(bearing.Unsupported, "media_type_unsupported", "Content-Type %q is what pages send unasked, and is not read: send application/json, or what /docs lists", bearing.Clip(r.Header.Get("Content-Type")))
	}
	if s.cfg.Keys != nil && s.cfg.Keys.Required() {
		return nil
	}
	if !s.cfg.Hosts.Allow(r.Host) {
		return hostUnknown(r.Host)
	}
	if !writes {
		return nil
	}
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	foreign := site != "" && site != "same-origin" && site != "none"
	if origin != "" && !foreign {
		u, err := url.Parse(origin)
		foreign = err != nil || !strings.EqualFold(u.Host, r.Host)
	}
	if foreign {
		return bearing.Errorf(bearing.Forbidden, "cross_site", "a page of another site (%s) sends this, and no key is needed here: make a key (brinell keys create) for what is to write from elsewhere", bearing.Clip(strings.TrimSpace(origin+" "+site)))
	}
	return nil
}

// simpleType says whether a page may send a body of this type to another site without asking:
// the CORS-safelisted ones of the Fetch standard.
func simpleType(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.TrimSpace(media)
	for _, simple := range [...]string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data"} {
		if strings.EqualFold(media, simple) {
			return true
		}
	}
	return false
}
