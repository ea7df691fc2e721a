package rig

import (
	"strconv"
	"strings"
	"testing"
)

// pageAttacks are what a page of another site makes a browser on the same machine send to a
// service that needs no key: by a name of its own that leads to 127.0.0.1, and by forms,
// beacons, reports, images and scripts.
func pageAttacks() (out []attack) {
	ask := func(name, method, target, host, headers, body string, status int, code string) {
		raw := method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n"
		for h := range strings.SplitSeq(headers, "|") {
			if h != "" {
				raw += h + "\r\n"
			}
		}
		if method != "GET" {
			raw += "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
		}
		out = append(out, attack{name: "page: " + name, method: method, raw: raw + "\r\n" + body, status: status, code: code})
	}
	const evil, asJSON = "evil.example:8080", "Content-Type: application/json"
	for _, target := range []string{"/v1/diagnoses", "/v1/stream", "/metrics", "/docs", "/openapi.json", "/v1/machines", "/v1/models", "/healthz"} {
		ask("rebound read of "+target, "GET", target, evil, "", "", 403, "host_unknown")
	}
	for _, host := range []string{"127.0.0.1.evil.example", "localhost.evil.example", "evil.example:80", "192.0.2.1", "0.0.0.0", "xn--localhst-d1a"} {
		ask("host "+host, "GET", "/v1/machines", host, "", "", 403, "host_unknown")
	}
	ask("rebound machine", "PUT", "/v1/machines/evil", evil, asJSON+"|Origin: http://"+evil+"|Sec-Fetch-Site: same-origin", "{}", 403, "host_unknown")
	ask("rebound webhook", "PUT", "/v1/webhooks/evil", evil, asJSON, `{"url":"https://evil.example"}`, 403, "host_unknown")
	for _, c := range []struct{ name, headers string }{
		{"of another site", "Origin: https://evil.example|Sec-Fetch-Site: cross-site"},
		{"of an older browser", "Origin: https://evil.example"},
		{"of a sandbox", "Origin: null"},
		{"of another port", "Origin: http://localhost:3000|Sec-Fetch-Site: same-site"},
		{"that hides where it is", "Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: no-cors"},
		{"of a form", "Origin: https://evil.example|Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: navigate"},
	} {
		ask("rollback "+c.name, "POST", "/v1/models/rollback", "HOST", c.headers, "", 403, "cross_site")
		ask("promotion "+c.name, "POST", "/v1/models/none/promote", "HOST", c.headers+"|"+asJSON, "{}", 403, "cross_site")
		ask("machine "+c.name, "PUT", "/v1/machines/evil", "HOST", c.headers+"|"+asJSON, "{}", 403, "cross_site")
		ask("deletion "+c.name, "DELETE", "/v1/machines/held", "HOST", c.headers, "", 403, "cross_site")
	}
	for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/ping", "application/csp-report", "application/reports+json"} {
		ask("rollback as "+media, "POST", "/v1/models/rollback", "HOST", "Content-Type: "+media, "a=b", 415, "media_type_unsupported")
		ask("window as "+media, "POST", windowsOf+query, "HOST", "Content-Type: "+media, "abcd", 415, "media_type_unsupported")
	}
	ask("rollback with a body of no type", "POST", "/v1/models/rollback", "HOST", "", "{}", 415, "media_type_unsupported")
	ask("an image", "GET", "/v1/diagnoses", "HOST", "Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: no-cors", "", 403, "cross_site")
	ask("a stream held open", "GET", "/v1/stream", "HOST", "Origin: https://evil.example", "", 403, "cross_site")
	// Nor is everything refused.
	ask("a program", "POST", "/v1/models/rollback", "HOST", "", "", 409, "nothing_before")
	ask("a program by name", "POST", "/v1/models/rollback", "LocalHost:1", asJSON, "", 409, "nothing_before")
	ask("the service's own page", "GET", "/docs", "HOST", "Sec-Fetch-Site: same-origin", "", 200, "")
	ask("a link", "GET", "/docs", "HOST", "Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: navigate", "", 200, "")
	return out
}

// TestPages sends each to a service that needs no key, and nothing is stored of any.
func TestPages(t *testing.T) {
	g := &gauntlet{service: serve(t, nil, sound(t).bin, t.TempDir()), keys: map[string]string{}}
	g.addr = strings.TrimPrefix(g.url, "http://")
	if a, err := g.send(attack{method: "PUT", target: "/v1/machines/held", header: []string{"Content-Type", "application/json"}, body: []byte("{}")}); err != nil || a.status != 201 {
		t.Fatalf("%+v, %v", a, err)
	}
	for _, a := range pageAttacks() {
		got, err := g.send(a)
		if err != nil {
			t.Errorf("%s: no answer: %v", a.name, err)
		} else if got.status != a.status || got.code != a.code {
			t.Errorf("%s: %d %s, want %d %s: %.200s", a.name, got.status, got.code, a.status, a.code, got.body)
		}
	}
	if foreign := g.holdings(t); len(foreign) > 0 {
		t.Errorf("of pages there is stored: %v", foreign)
	}
	if a, err := g.send(attack{method: "GET", target: "/v1/machines/held"}); err != nil || a.status != 200 {
		t.Errorf("what was there: %+v, %v", a, err)
	}
}
