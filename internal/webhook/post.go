package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"brinell/bearing"
)

// errPrivate is what dialling an address that is not public fails with.
var errPrivate = errors.New("the address is not a public one: allow it with --webhook-allow")

// newClient returns a client that looks at the address that it really dials, whatever the
// name resolved to before, follows no redirect, and asks no proxy.
func newClient(allow []netip.Prefix) *http.Client {
	d := &net.Dialer{Timeout: answerTime, Control: func(_, address string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !allowed(a.Addr().Unmap(), allow) {
			return errPrivate
		}
		return nil
	}}
	return &http.Client{
		Timeout:       answerTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DialContext: d.DialContext, TLSHandshakeTimeout: answerTime, MaxResponseHeaderBytes: answerSize, MaxIdleConnsPerHost: 1, IdleConnTimeout: turn},
	}
}

// special are ranges that are neither private by netip nor public: shared address space
// (RFC 6598), protocol assignments, benchmarks, documentation, reserved, IPv4 inside IPv6.
var special = func() (out []netip.Prefix) {
	for _, s := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10"} {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}()

// allowed says whether an address may be dialled. A zone takes an address out of every prefix, and
// says nothing of whose it is.
func allowed(a netip.Addr, allow []netip.Prefix) bool {
	a = a.WithZone("").Unmap()
	for _, p := range allow {
		if p.Contains(a) {
			return true
		}
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsGlobalUnicast() && !a.IsPrivate()
}

// message is what is sent.
type message struct {
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// post sends one message and returns nil if it was taken with a 2xx.
func (s *Sender) post(ctx context.Context, w bearing.Webhook, id, kind string, data json.RawMessage) error {
	now := s.now().UTC()
	body, err := json.Marshal(message{kind, now, data})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "brinell")
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", stamp)
	req.Header.Set("webhook-signature", Sign(w.Secret, id, stamp, body))
	resp, err := s.client.Do(req)
	if err != nil {
		if errors.Is(err, errPrivate) {
			return errPrivate
		}
		return errors.New("it could not be reached, or did not answer in time") // no address of a plant in an answer
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, answerSize)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("it answered %d", resp.StatusCode)
	}
	return nil
}

// Sign returns the signature of a message as it stands in its header. Of a secret that
// begins with whsec_ the key is what the rest is the base64 of, as the standard has it.
func Sign(secret, id, timestamp string, body []byte) string {
	key := []byte(secret)
	if rest, ok := strings.CutPrefix(secret, "whsec_"); ok {
		if b, err := base64.StdEncoding.DecodeString(rest); err == nil {
			key = b
		}
	}
	h := hmac.New(sha256.New, key)
	_, _ = io.WriteString(h, id+"."+timestamp+".")
	_, _ = h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}
