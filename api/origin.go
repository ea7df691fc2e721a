package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"brinell/api/decode"
	"brinell/bearing"
)

// A service that needs no key trusts whoever reaches it, and a browser on the same machine
// reaches it for any page that it shows. So as long as no key is needed, on a loopback address,
//
//   - a request is for a name of this machine: a page whose own name leads to 127.0.0.1 (DNS
//     rebinding) says its own name in Host;
//   - it does not come from a page of another origin, which browsers say in Origin and
//     Sec-Fetch-Site, but for links that people follow;
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

// Handler refuses what is for another name or comes from a page of another site, for handlers
// beside the API.
func (h Hosts) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.Allow(r.Host) {
			http.Error(w, hostUnknown(r.Host).Error(), http.StatusMisdirectedRequest)
			return
		}
		if err := ownPage(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func hostUnknown(host string) *bearing.Error {
	return bearing.Errorf(bearing.Forbidden, "host_unknown", "%q is no name of this machine, and no key is needed here: ask for localhost, name it by --allowed-hosts, or make a key (brinell keys create)", bearing.Clip(host))
}

// fromHere is where a request ends that is not from here while no key is needed.
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
		return bearing.Errorf(bearing.Unsupported, "media_type_unsupported", "Content-Type %q is what pages send unasked, and is not read: state what it is by the header Content-Type, such as application/json, or text/csv for a table", bearing.Clip(r.Header.Get("Content-Type")))
	}
	if s.cfg.Keys != nil && s.cfg.Keys.Required() {
		return nil
	}
	if !s.cfg.Hosts.Allow(r.Host) {
		return hostUnknown(r.Host)
	}
	return ownPage(r)
}

// ownPage refuses what a page of another origin makes a browser send. It could not read an
// answer, but hold streams open and have much computed; who follows a link to here may.
func ownPage(r *http.Request) error {
	if len(r.Header["Sec-Fetch-Site"]) == 0 && len(r.Header["Origin"]) == 0 {
		return nil // a program
	}
	foreign := false
	for _, site := range r.Header["Sec-Fetch-Site"] {
		foreign = foreign || site != "same-origin" && site != "none"
	}
	asked := len(r.Header["Sec-Purpose"]) == 0 // by a person, and not fetched in case of one
	if foreign && asked && (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Header.Get("Sec-Fetch-Mode") == "navigate" && slices.Contains([]string{"document", ""}, r.Header.Get("Sec-Fetch-Dest")) {
		return nil // and no frame, which nobody needs to see
	}
	for _, origin := range r.Header["Origin"] {
		u, err := url.Parse(origin)
		foreign = foreign || err != nil || !strings.EqualFold(u.Host, r.Host)
	}
	if !foreign {
		return nil
	}
	return bearing.Errorf(bearing.Forbidden, "cross_site", "a page of another site (%s) sends this, and no key is needed here: make a key (brinell keys create) for what comes from elsewhere", bearing.Clip(strings.TrimSpace(r.Header.Get("Origin")+" "+r.Header.Get("Sec-Fetch-Site"))))
}

// bare is for what writes without a body: one that comes all the same is of JSON. A page cannot
// send that unasked, and a request without a type only with its Origin, which is looked at
// before.
func bare(f func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		switch m := r.Header.Get("Content-Type"); {
		case m == "" && r.ContentLength == 0, decode.MediaType(m) == "application/json":
			return f(w, r)
		default:
			return bearing.Errorf(bearing.Unsupported, "media_type_unsupported", "this takes no body, and Content-Type %q is not read: send neither, or application/json", bearing.Clip(m))
		}
	}
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
