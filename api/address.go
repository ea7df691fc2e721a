package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// hostOf returns the address that a request comes from, without its port: that of the
// connection, or behind a trusted proxy what forwarded has put in its place.
func hostOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// NetworkOf is the part of an address that one client has to itself: of IPv6 the network of
// 64 bits, in which it may take any address.
func NetworkOf(host string) string {
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Unmap().Is4() {
		return host
	}
	return netip.PrefixFrom(ip.WithZone(""), 64).Masked().String()
}

// forwarded takes the address of the client from X-Forwarded-For where the connection is that
// of a trusted proxy. The list is read from its end, over trusted proxies, to the first
// address that is none: what stands before that anybody may have written.
func (s *server) forwarded(next http.Handler) http.Handler {
	if len(s.cfg.TrustedProxies) == 0 {
		return next
	}
	trusted := func(ip netip.Addr) bool {
		for _, n := range s.cfg.TrustedProxies {
			if n.Contains(ip) {
				return true
			}
		}
		return false
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		ip, ok := hop(hostOf(r))
		for i := len(hops) - 1; ok && trusted(ip) && i >= 0; i-- {
			var next netip.Addr
			if next, ok = hop(hops[i]); ok {
				ip = next
				r.RemoteAddr = net.JoinHostPort(ip.String(), "0")
			}
		}
		next.ServeHTTP(w, r)
	})
}

// hop reads an address of a list, which may have a port.
func hop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a.Addr().Unmap(), true
	}
	ip, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return ip.Unmap(), err == nil
}
