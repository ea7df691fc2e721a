package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"brinell/bearing"
)

// Client is a service and how it is spoken to. It may be used by several goroutines at a
// time, and must not be changed while it is.
type Client struct {
	Base     string       // address, such as http://127.0.0.1:8080, with a path if a proxy wants one
	Key      string       // API key, "" for none
	HTTP     *http.Client // nil means http.DefaultClient
	Retry    Retry        // when a request is sent again
	Compress bool         // send windows with gzip
}

// Retry says how often a request is sent again that the service did not take because of
// load (503, 429), after the time that it asks for. Reads, and windows, which the service
// knows by sensor, axis and start, are sent again too if the connection fails. Zero fields
// mean their defaults.
type Retry struct {
	Attempts int           // in all, default 4; 1 for a single one
	Least    time.Duration // before the second attempt, and twice as long before each later one; default 500 ms
	Most     time.Duration // default 30 s; what the service says will take longer is not waited for
}

func (r Retry) withDefaults() Retry {
	if r.Attempts == 0 {
		r.Attempts = 4
	}
	if r.Least == 0 {
		r.Least = 500 * time.Millisecond
	}
	if r.Most == 0 {
		r.Most = 30 * time.Second
	}
	return r
}

// backoff returns how long to wait after so many failures: between half and all of a time
// that doubles, so that clients that failed together do not come back together.
func (r Retry) backoff(failures int) time.Duration {
	d := r.Least << min(failures-1, 20)
	if d <= 0 || d > r.Most {
		d = r.Most
	}
	return d/2 + rand.N(d/2+1)
}

// Tag is the version of something that can be written, as ETags have it.
type Tag string

// What a write may expect of what is there, beside a Tag that was read.
const (
	Any  Tag = ""     // anything, or nothing
	Some Tag = "*"    // that it is there
	None Tag = "none" // that it is not there
)

// call is one request.
type call struct {
	method string
	path   string // escaped
	query  url.Values
	header http.Header
	media  string               // of the body
	body   []byte               // nil for none
	stream func() io.ReadCloser // in place of body: a new one for each attempt
	again  bool                 // may be sent again though the answer was lost
	once   bool                 // is never sent again
}

func get(path string, query url.Values) call {
	return call{method: http.MethodGet, path: path, query: query, again: true}
}

// pathOf puts parts between fixed ones: pathOf("/v1/alarms/", id, "/close").
func pathOf(parts ...string) string {
	for i := 1; i < len(parts); i += 2 {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "")
}

// wanting adds what a write expects of what is there.
func (c call) wanting(want Tag) call {
	switch want {
	case Any:
	case None:
		return c.with("If-None-Match", "*")
	default:
		return c.with("If-Match", string(want))
	}
	return c
}

func (c call) with(header, value string) call {
	if value == "" {
		return c
	}
	if c.header = c.header.Clone(); c.header == nil {
		c.header = make(http.Header)
	}
	c.header.Set(header, value)
	return c
}

// send sends a request as often as Retry says, and returns an answer of 2xx, whose body the
// caller closes.
func (c *Client) send(ctx context.Context, k call) (*http.Response, error) {
	r := c.Retry.withDefaults()
	if k.once {
		r.Attempts = 1
	}
	for failures := 1; ; failures++ {
		resp, err := c.try(ctx, k)
		if err == nil {
			return resp, nil
		}
		wait, ok := r.after(k, err, failures)
		if !ok || ctx.Err() != nil {
			return nil, err
		}
		if sleep(ctx, wait) != nil {
			return nil, err
		}
	}
}

// after returns how long to wait before a call is sent again that failed so often, false if
// it is not.
func (r Retry) after(k call, err error, failures int) (time.Duration, bool) {
	if failures >= r.Attempts {
		return 0, false
	}
	if errors.Is(err, errBase) {
		return 0, false
	}
	wait := r.backoff(failures)
	refusal, ok := errors.AsType[*Refusal](err)
	switch {
	case !ok:
		return wait, k.again
	case !refusal.Temporary():
		return 0, false
	}
	asked := refusal.after
	return max(wait, asked), asked <= r.Most
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// errBase is the error of a Client whose Base is no address.
var errBase = errors.New("client: Base is no address: state one such as http://127.0.0.1:8080")

// try sends a request once.
func (c *Client) try(ctx context.Context, k call) (*http.Response, error) {
	if !strings.HasPrefix(c.Base, "http://") && !strings.HasPrefix(c.Base, "https://") {
		return nil, errBase
	}
	var body io.Reader
	switch {
	case k.stream != nil:
		body = k.stream()
	case k.body != nil:
		body = bytes.NewReader(k.body)
	}
	address := strings.TrimSuffix(c.Base, "/") + k.path
	if len(k.query) > 0 {
		address += "?" + k.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, k.method, address, body)
	if err != nil {
		return nil, err
	}
	for name, v := range k.header {
		req.Header[name] = v
	}
	if k.media != "" {
		req.Header.Set("Content-Type", k.media)
	}
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode >= 300 {
		defer resp.Body.Close()
		return nil, refusalOf(resp)
	}
	return resp, nil
}

// maxAnswer bounds what is read of an answer: the longest is a window as CSV.
const maxAnswer = 256 << 20

// read returns the body of an answer, and its tag.
func (c *Client) read(ctx context.Context, k call) ([]byte, Tag, error) {
	r := c.Retry.withDefaults()
	for failures := 1; ; failures++ {
		resp, err := c.send(ctx, k)
		if err != nil {
			return nil, "", err
		}
		b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
		_ = resp.Body.Close()
		switch {
		case err == nil && len(b) > maxAnswer:
			return nil, "", fmt.Errorf("the answer to %s %s is over %d bytes", k.method, k.path, maxAnswer)
		case err == nil:
			return b, Tag(resp.Header.Get("ETag")), nil
		case !k.again || failures >= r.Attempts || sleep(ctx, r.backoff(failures)) != nil:
			return nil, "", err
		}
	}
}

// do sends a request whose answer is of no interest.
func (c *Client) do(ctx context.Context, k call) error {
	_, _, err := c.read(ctx, k)
	return err
}

// fetch returns a JSON answer, and its tag.
func fetch[T any](ctx context.Context, c *Client, k call) (v T, tag Tag, err error) {
	b, tag, err := c.read(ctx, k)
	if err != nil {
		return v, "", err
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return v, "", fmt.Errorf("the answer to %s %s cannot be read: %w", k.method, k.path, err)
	}
	return v, tag, nil
}

// put is a call that sends a document.
func put(method, path string, doc any, want Tag) (call, error) {
	b, err := json.Marshal(doc)
	if err != nil {
		return call{}, err
	}
	return call{method: method, path: path, media: "application/json", body: b}.wanting(want), nil
}

// write sends a document and returns the answer, and its tag.
func write[T any](ctx context.Context, c *Client, method, path string, doc any, want Tag) (v T, tag Tag, err error) {
	k, err := put(method, path, doc, want)
	if err != nil {
		return v, "", err
	}
	return fetch[T](ctx, c, k)
}

// values makes a query of pairs of name and value, those without a value left out.
func values(pairs ...string) url.Values {
	v := make(url.Values)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

func number(v float64) string {
	if v == 0 {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func whole(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

func truth(v *bool) string {
	if v == nil {
		return ""
	}
	return strconv.FormatBool(*v)
}

// Healthz returns nil if the process lives. It is asked once.
func (c *Client) Healthz(ctx context.Context) error {
	return c.do(ctx, call{method: http.MethodGet, path: "/healthz", once: true})
}

// Readyz returns nil if windows can be taken, else Overloaded not_ready or draining. It is
// asked once.
func (c *Client) Readyz(ctx context.Context) error {
	return c.do(ctx, call{method: http.MethodGet, path: "/readyz", once: true})
}

// Metrics returns the metrics of the service in the text form of Prometheus.
func (c *Client) Metrics(ctx context.Context) ([]byte, error) {
	b, _, err := c.read(ctx, get("/metrics", nil))
	return b, err
}

// OpenAPI returns the description of the API for programs, as JSON.
func (c *Client) OpenAPI(ctx context.Context) ([]byte, error) {
	b, _, err := c.read(ctx, get("/openapi.json", nil))
	return b, err
}

// Docs returns the description of the API for people, as HTML.
func (c *Client) Docs(ctx context.Context) ([]byte, error) {
	b, _, err := c.read(ctx, get("/docs", nil))
	return b, err
}

// Diagnosis returns a stored diagnosis. Error: NotFound diagnosis_not_found.
func (c *Client) Diagnosis(ctx context.Context, id string) (bearing.Diagnosis, error) {
	d, _, err := fetch[bearing.Diagnosis](ctx, c, get(pathOf("/v1/diagnoses/", id), nil))
	return d, err
}

// Diagnoses returns a page of stored diagnoses, those of the latest windows first.
func (c *Client) Diagnoses(ctx context.Context, q bearing.Query) (bearing.Page, error) {
	p, _, err := fetch[bearing.Page](ctx, c, get("/v1/diagnoses", values("sensor", q.Sensor, "fault", string(q.Fault),
		"from", instant(q.From), "to", instant(q.To), "limit", whole(q.Limit), "cursor", q.Cursor)))
	return p, err
}
