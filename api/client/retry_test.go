package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"brinell/api/client"
	"brinell/bearing"
)

// script answers requests one after the other, the last answer again and again.
type script struct {
	answers []func(*http.Request) (*http.Response, error)
	at      []time.Duration // when each request came
	bodies  []string
	began   time.Time
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.began.IsZero() {
		s.began = time.Now()
	}
	body := ""
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
		body = string(b)
	}
	s.bodies = append(s.bodies, body)
	n := min(len(s.at), len(s.answers)-1)
	s.at = append(s.at, time.Since(s.began))
	return s.answers[n](r)
}

// gives is an answer with a status, a body and headers.
func gives(status int, body string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		h := make(http.Header)
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

func breaks(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset") }

const (
	full   = `{"code":"overloaded","detail":"too much","status":503,"request_id":"0123456789abcdef","retry_after_s":3}`
	never  = `{"code":"memory_exceeded","detail":"never","status":503,"request_id":"0123456789abcdef"}`
	stored = `{"id":"x","fault":"normal"}`
	bad    = `{"code":"unit_unknown","detail":"bad","status":422,"pointer":"/unit"}`
)

// TestRetry: what the service did not take is sent again after the time that it asks for,
// and at least the client's own; what it took or will never take is not, and neither is what
// may have been done already.
func TestRetry(t *testing.T) {
	post := func(ctx context.Context, c *client.Client) error {
		_, err := c.PostWindow(ctx, &bearing.Window{Sensor: "pump", Start: begin, SampleRate: 1000, Samples: []float32{1}})
		return err
	}
	read := func(ctx context.Context, c *client.Client) error { _, err := c.Diagnosis(ctx, "x"); return err }
	ack := func(ctx context.Context, c *client.Client) error {
		_, _, err := c.AcknowledgeAlarm(ctx, "x", "me", "", client.Any)
		return err
	}
	many := func(ctx context.Context, c *client.Client) error {
		w := &bearing.Window{Sensor: "pump", Start: begin, SampleRate: 1000, Samples: []float32{1}}
		_, err := c.PostWindows(ctx, []*bearing.Window{w, w})
		return err
	}
	type answers = []func(*http.Request) (*http.Response, error)
	for _, c := range []struct {
		name        string
		call        func(context.Context, *client.Client) error
		answers     answers
		code        string
		times       int
		least, most time.Duration // of all waits
	}{
		{"taken", post, answers{gives(201, stored)}, "", 1, 0, 0},
		{"taken the third time", post, answers{gives(503, full, "Retry-After", "3"), gives(429, full, "Retry-After", "2"), gives(201, stored)}, "", 3, 6 * time.Second, 6 * time.Second},
		{"never taken", post, answers{gives(503, full)}, "overloaded", 4, 9 * time.Second, 9 * time.Second},
		{"no waiting mends it", post, answers{gives(503, never)}, "memory_exceeded", 1, 0, 0},
		{"refused", post, answers{gives(422, bad)}, "unit_unknown", 1, 0, 0},
		{"the service fails", post, answers{gives(500, `{"code":"internal","status":500}`)}, "internal", 1, 0, 0},
		{"longer than is waited for", post, answers{gives(503, full, "Retry-After", "31")}, "overloaded", 1, 0, 0},
		{"as long as is waited for", post, answers{gives(503, full, "Retry-After", "30"), gives(201, stored)}, "", 2, 30 * time.Second, 30 * time.Second},
		{"a proxy without a time", read, answers{gives(503, "<html>")}, "internal", 4, 1750 * time.Millisecond, 3500 * time.Millisecond},
		{"a proxy that fails", read, answers{gives(502, "<html>")}, "internal", 1, 0, 0},
		{"a broken connection, read", read, answers{breaks, breaks, gives(200, stored)}, "", 3, 750 * time.Millisecond, 1500 * time.Millisecond},
		{"a broken connection, window", post, answers{breaks, gives(201, stored)}, "", 2, 250 * time.Millisecond, 500 * time.Millisecond},
		{"a broken connection, write", ack, answers{breaks, gives(200, "{}")}, "internal", 1, 0, 0},
		{"a write that was not taken", ack, answers{gives(503, full), gives(200, "{}")}, "", 2, 3 * time.Second, 3 * time.Second},
		{"many that were not taken", many, answers{gives(503, full), gives(200, `{"index":0,"status":201,"id":"x"}`+"\n"+`{"index":1,"status":200,"id":"x"}`+"\n"+`{"index":2,"status":200,"done":true,"lines":2,"stored":2}`+"\n")}, "", 2, 3 * time.Second, 3 * time.Second},
		{"ready", func(ctx context.Context, c *client.Client) error { return c.Readyz(ctx) }, answers{gives(503, full)}, "overloaded", 1, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: c.answers}
				err := c.call(t.Context(), &client.Client{Base: "http://service", HTTP: &http.Client{Transport: s}})
				if bearing.CodeOf(err) != c.code || len(s.at) != c.times {
					t.Errorf("%v after %d requests, want %q after %d", err, len(s.at), c.code, c.times)
				}
				if waited := s.at[len(s.at)-1]; waited < c.least || waited > c.most {
					t.Errorf("waited %s, want %s to %s", waited, c.least, c.most)
				}
				for _, b := range s.bodies {
					if b != s.bodies[0] {
						t.Errorf("sent %q and then %q", s.bodies[0], b)
					}
				}
			})
		})
	}
}

// TestRetrySettings: who says how often and how long is followed, and a context ends waiting.
func TestRetrySettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []func(*http.Request) (*http.Response, error){gives(503, full)}}
		c := &client.Client{Base: "http://service", HTTP: &http.Client{Transport: s}, Retry: client.Retry{Attempts: 2, Least: 8 * time.Second, Most: 10 * time.Second}}
		if err := c.Healthz(t.Context()); err == nil || len(s.at) != 1 {
			t.Errorf("%v after %d", err, len(s.at))
		}
		*s = script{answers: s.answers}
		if _, err := c.Metrics(t.Context()); err == nil || len(s.at) != 2 || s.at[1] < 4*time.Second || s.at[1] > 8*time.Second {
			t.Errorf("%v after %s", err, s.at)
		}
		*s = script{answers: s.answers}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Metrics(ctx); bearing.CodeOf(err) != "overloaded" || len(s.at) != 1 || ctx.Err() == nil {
			t.Errorf("%v after %s", err, s.at)
		}
	})
	for _, base := range []string{"", "127.0.0.1:8080", "ftp://x"} {
		began := time.Now()
		_, err := (&client.Client{Base: base}).Metrics(t.Context())
		if err == nil || !strings.Contains(err.Error(), "http://127.0.0.1:8080") || time.Since(began) > 100*time.Millisecond {
			t.Errorf("%q: %v", base, err)
		}
	}
}

// TestRefusal: all that a refusal says is in the error.
func TestRefusal(t *testing.T) {
	at := time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)
	for _, c := range []struct {
		name   string
		answer func(*http.Request) (*http.Response, error)
		want   bearing.Error
		text   string
	}{
		{"limit", gives(413, `{"code":"body_too_large","detail":"too large","pointer":"/samples","limit":10,"actual":11,"request_id":"r"}`),
			bearing.Error{Kind: bearing.TooLarge, Code: "body_too_large", Message: "too large", Pointer: "/samples", Limit: 10, Actual: 11}, "body_too_large: too large (at /samples)"},
		{"time in the header alone", gives(503, `{"code":"overloaded","detail":"d","request_id":"r"}`, "Retry-After", "7"),
			bearing.Error{Kind: bearing.Overloaded, Code: "overloaded", Message: "d", Retry: 7 * time.Second}, "overloaded: d"},
		{"a date", gives(429, `{"code":"key_rate","detail":"d","request_id":"r"}`, "Retry-After", at),
			bearing.Error{Kind: bearing.TooMany, Code: "key_rate", Message: "d", Retry: 90 * time.Second}, "key_rate: d"},
		{"no time", gives(503, `{"code":"memory_exceeded","detail":"d","request_id":"r"}`),
			bearing.Error{Kind: bearing.Overloaded, Code: "memory_exceeded", Message: "d", Retry: bearing.Never}, "memory_exceeded: d"},
	} {
		s := &script{answers: []func(*http.Request) (*http.Response, error){c.answer}}
		cl := &client.Client{Base: "http://service", HTTP: &http.Client{Transport: s}, Retry: client.Retry{Attempts: 1}}
		_, err := cl.Metrics(t.Context())
		var refusal *client.Refusal
		if !errors.As(err, &refusal) || refusal.Err == nil || *refusal.Err != c.want || err.Error() != c.text || refusal.RequestID != "r" {
			t.Errorf("%s: %v %+v", c.name, err, refusal)
		}
	}
	s := &script{answers: []func(*http.Request) (*http.Response, error){gives(502, "<html>bad gateway")}}
	_, err := (&client.Client{Base: "http://service", HTTP: &http.Client{Transport: s}}).Metrics(t.Context())
	if err == nil || err.Error() != "the service answers 502 Bad Gateway" || bearing.KindOf(err) != bearing.Internal {
		t.Error(err)
	}
}

// TestBulkEnds: a request with many windows that ends before its time says so, beside what
// became of the first ones.
func TestBulkEnds(t *testing.T) {
	one := `{"index":0,"status":201,"id":"x"}` + "\n"
	refused := `{"index":1,"status":503,"problem":{"code":"overloaded","detail":"d","status":503,"retry_after_s":2}}` + "\n"
	for _, c := range []struct {
		name, answer string
		results      int
		code         string
	}{
		{"all", one + refused + `{"index":2,"status":200,"done":true,"lines":2,"stored":1}` + "\n", 2, ""},
		{"ended", one + refused + `{"index":2,"status":413,"lines":2,"stored":1,"problem":{"code":"too_many_lines","detail":"d"}}` + "\n", 2, "too_many_lines"},
		{"ended at once", `{"index":0,"status":400,"problem":{"code":"encoding_corrupt","detail":"d"}}` + "\n", 0, "encoding_corrupt"},
		{"cut", one + refused, 2, "internal"},
		{"cut in a line", one + refused[:20], 1, "internal"},
		{"nothing", "", 0, "internal"},
		{"no JSON", one + "<html>\n", 1, "internal"},
	} {
		s := &script{answers: []func(*http.Request) (*http.Response, error){gives(200, c.answer)}}
		w := &bearing.Window{Sensor: "pump", Start: begin, SampleRate: 1000, Samples: []float32{1, -0.5}}
		results, err := (&client.Client{Base: "http://service", HTTP: &http.Client{Transport: s}}).PostWindows(t.Context(), []*bearing.Window{w, w})
		if len(results) != c.results || bearing.CodeOf(err) != c.code {
			t.Errorf("%s: %+v %v", c.name, results, err)
		}
		if len(results) == 2 && (results[1].Err == nil || results[1].Err.Retry != 2*time.Second) {
			t.Errorf("%s: %+v", c.name, results[1])
		}
		if want := `{"sensor":"pump","start":"2026-01-31T12:00:00Z","sample_rate_hz":1000,"unit":"g","samples":[1,-0.5]}` + "\n"; s.bodies[0] != want+want {
			t.Errorf("sent %q", s.bodies[0])
		}
	}
}

// stream is an answer with events, which ends, or stays open and silent.
func stream(open bool, events string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		in, out := io.Pipe()
		go func() {
			_, _ = io.WriteString(out, events)
			if open {
				<-r.Context().Done()
				out.CloseWithError(r.Context().Err())
				return
			}
			_ = out.Close()
		}()
		return &http.Response{StatusCode: 200, Body: in, Request: r}, nil
	}
}

// TestStreamGoesOn: a stream goes on after the last event, or sign of life, over connections
// that end, that break, and that fall silent, and over a service that is away; a refusal
// ends it.
func TestStreamGoesOn(t *testing.T) {
	event := func(n int) string {
		return fmt.Sprintf("id: %d-0\nevent: diagnosis\ndata: {\"id\":\"d%d\"}\n\n", n, n)
	}
	synctest.Test(t, func(t *testing.T) {
		var after []string
		noted := func(f func(*http.Request) (*http.Response, error)) func(*http.Request) (*http.Response, error) {
			return func(r *http.Request) (*http.Response, error) {
				after = append(after, r.Header.Get("Last-Event-ID"))
				return f(r)
			}
		}
		s := &script{answers: []func(*http.Request) (*http.Response, error){
			noted(gives(503, full, "Retry-After", "1")), // the first connection is made as Retry says
			noted(stream(false, "retry: 5000\n\n"+event(1)+event(2))),
			noted(stream(true, ": 2-7\n\n")),                                // silent from then on
			noted(breaks), noted(gives(503, full)), noted(gives(500, "{}")), // away
			noted(stream(false, event(3)+"event: dropped\ndata: {\"r\":1}\n\n")), // it was too slow
			noted(stream(false, "id: 9-9\nevent: alarm\ndata: {\"id\"")),         // cut off: not seen
			noted(stream(true, event(4))),
			noted(gives(401, `{"code":"key_unknown","detail":"d"}`)),
		}}
		c := &client.Client{Base: "http://service", HTTP: &http.Client{Transport: s}}
		var ids []string
		var last error
		for e, err := range c.Stream(t.Context(), client.StreamQuery{}) {
			if last = err; err == nil {
				ids = append(ids, e.Diagnosis.ID+" "+e.ID)
			}
		}
		if got := strings.Join(ids, ", "); got != "d1 1-0, d2 2-0, d3 3-0, d4 4-0" || bearing.CodeOf(last) != "key_unknown" {
			t.Errorf("%s, then %v", got, last)
		}
		if got := strings.Join(after, " "); got != "  2-0 2-7 2-7 2-7 2-7 3-0 3-0 4-0" {
			t.Errorf("asked for what comes after %q", got)
		}
		// 5 s from a connection to the next, after the first; 45 s of silence.
		if got := s.at[3] - s.at[2]; got < 50*time.Second || got > 51*time.Second {
			t.Errorf("a silent connection is left after %s", got)
		}
	})
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"position_invalid": gives(422, `{"code":"position_invalid","detail":"d"}`), "overloaded": gives(503, full), "internal": breaks,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{answers: []func(*http.Request) (*http.Response, error){answer}}
			n := 0
			for _, err := range (&client.Client{Base: "http://service", HTTP: &http.Client{Transport: s}}).Stream(t.Context(), client.StreamQuery{}) {
				if n++; bearing.CodeOf(err) != name {
					t.Errorf("%v, want %s", err, name)
				}
			}
			if n != 1 {
				t.Errorf("%s: %d events", name, n)
			}
		})
	}
	// Without a word of the service the next connection is made after 2 s, and an event beyond
	// 16 MiB is not read: it would come again and again.
	synctest.Test(t, func(t *testing.T) {
		almost, over := strings.Repeat("x", 16<<20-100), strings.Repeat("x", 16<<20)
		long := func(s string) string { return "id: 5-0\nevent: diagnosis\ndata: {\"id\":\"" + s + "\"}\n\n" }
		s := &script{answers: []func(*http.Request) (*http.Response, error){stream(false, event(1)), stream(false, long(almost)+long(over))}}
		n := 0
		for _, err := range (&client.Client{Base: "http://service", HTTP: &http.Client{Transport: s}}).Stream(t.Context(), client.StreamQuery{}) {
			if n++; (n == 3) != (err != nil) {
				t.Errorf("event %d: %v", n, err)
			}
		}
		if n != 3 || len(s.at) != 2 || s.at[1] != 2*time.Second {
			t.Errorf("%d events, connections at %s", n, s.at)
		}
	})
	// Its context ends it without an error, before it is connected and after.
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := &script{answers: []func(*http.Request) (*http.Response, error){func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}}}
		for e, err := range (&client.Client{Base: "http://service", HTTP: &http.Client{Transport: s}}).Stream(ctx, client.StreamQuery{}) {
			t.Errorf("%+v %v", e, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := &script{answers: []func(*http.Request) (*http.Response, error){stream(true, "")}}
		for e, err := range (&client.Client{Base: "http://service", HTTP: &http.Client{Transport: s}}).Stream(ctx, client.StreamQuery{}) {
			t.Errorf("%+v %v", e, err)
		}
		if ctx.Err() == nil {
			t.Error("it ended by itself")
		}
	})
}
