package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"brinell/bearing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestSign: the example of Standard Webhooks' own libraries.
func TestSign(t *testing.T) {
	got := Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestAllowed: what is dialled is public, or was allowed.
func TestAllowed(t *testing.T) {
	for a, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1::1": true, "10.1.2.3": true,
		"127.0.0.1": false, "127.9.9.9": false, "::1": false, "0.0.0.0": false, "::": false, "10.2.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "fd00::1": false,
		"169.254.169.254": false, "fe80::1": false, "100.64.0.1": false, "224.0.0.1": false, "255.255.255.255": false, "ff02::1": false, "198.18.0.1": false, "203.0.113.9": false,
		"64:ff9b::7f00:1": false, "64:ff9b::7f00:1%eth0": false, "2002:7f00:1::%lo": false, "fec0::1%1": false, "2002:7f00:1::": false, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false,
	} {
		if got := allowed(netip.MustParseAddr(a), []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}); got != want {
			t.Errorf("%s: %t, want %t", a, got, want)
		}
	}
}

// shelf keeps documents and a log.
type shelf struct {
	puts int // of documents
	asks int // for the log
	mu   sync.Mutex
	docs map[string][]byte
	log  []bearing.AlarmChange
	err  error
	now  func() time.Time
}

func (s *shelf) Resource(_ context.Context, kind, key string) (bearing.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if doc, ok := s.docs[kind+" "+key]; ok {
		return bearing.Resource{Key: key, Doc: doc}, nil
	}
	return bearing.Resource{}, bearing.Errorf(bearing.NotFound, "resource_not_found", "there is none")
}

func (s *shelf) Resources(_ context.Context, kind, after string, _ int) (rows []bearing.Resource, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, doc := range s.docs {
		if key := k[len(kind)+1:]; k[:len(kind)] == kind && key > after {
			rows = append(rows, bearing.Resource{Key: key, Doc: doc})
		}
	}
	slices.SortFunc(rows, func(a, b bearing.Resource) int { return slices.Compare([]byte(a.Key), []byte(b.Key)) })
	return rows, s.err
}

func (s *shelf) PutResource(_ context.Context, kind, key string, doc []byte, _ int64) (int64, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.docs[kind+" "+key] = doc
	s.puts++
	return 1, false, nil
}

func (s *shelf) DeleteResource(_ context.Context, kind, key string, _ int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.docs, kind+" "+key)
	return nil
}

func (s *shelf) AlarmLog(_ context.Context, after int64, limit int) (out []bearing.AlarmChange, last int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asks++
	for _, c := range s.log {
		if c.Seq > after && len(out) < limit {
			out = append(out, c)
		}
		last = c.Seq
	}
	return out, last, nil
}

func (s *shelf) raise(severity string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var last int64
	if n := len(s.log); n > 0 {
		last = s.log[n-1].Seq
	}
	a := bearing.Alarm{ID: fmt.Sprintf("a%d", last), Severity: severity, State: bearing.AlarmActive, Version: 1, Changed: s.now()}
	doc, _ := json.Marshal(a)
	s.log = append(s.log, bearing.AlarmChange{Seq: last + 1, Alarm: a, Doc: doc})
}

// round gives each webhook a turn, and waits until all have had it.
func round(s *Sender) error {
	err := s.begin(context.Background())
	s.going.Wait()
	return errors.Join(err, s.failure())
}

// TestSlow: a webhook that does not answer holds up itself alone, and one that answers slowly
// gives others its place after a turn of five seconds.
func TestSlow(t *testing.T) {
	var mu sync.Mutex
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	got := map[string]int{}
	release := make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stuck" {
			<-release
		}
		mu.Lock()
		defer mu.Unlock()
		if got[r.URL.Path]++; r.URL.Path == "/slow" {
			now = now.Add(2400 * time.Millisecond)
		}
	}))
	defer receiver.Close()
	store := &shelf{docs: map[string][]byte{}, now: clock}
	s, err := New(store, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	s.now = clock
	put := func(name string) {
		doc, _ := json.Marshal(bearing.Webhook{Name: name, URL: receiver.URL + "/" + name, Secret: "0123456789abcdef"})
		_, _, _ = store.PutResource(t.Context(), bearing.KindWebhook, name, doc, 0)
	}
	put("slow")
	if err := round(s); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		store.raise("alarm")
	}
	for _, want := range []int{3, 6, 9, 10} { // at 0, 2.4 and 4.8 s of a turn
		store.puts = 0
		if err := round(s); err != nil || got["/slow"] != want || store.puts != 1 {
			t.Errorf("%d messages after a turn, want %d, %v; its place was stored %d times", got["/slow"], want, err, store.puts)
		}
	}
	_ = store.DeleteResource(t.Context(), bearing.KindWebhook, "slow", 0)

	put("stuck")
	put("fast")
	if err := round(s); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 3; i++ {
		store.raise("alarm")
		if err := s.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(3 * time.Second); ; time.Sleep(time.Millisecond) {
			mu.Lock()
			n := got["/fast"]
			mu.Unlock()
			if n == i {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("beside one that does not answer the other has %d messages, want %d", n, i)
			}
		}
		for busy := true; busy; { // its turn is over
			s.mu.Lock()
			busy = s.busy["fast"]
			s.mu.Unlock()
		}
	}
	_ = store.DeleteResource(t.Context(), bearing.KindWebhook, "stuck", 0) // and made again at once
	s.Forget(t.Context(), "stuck")
	put("stuck")
	close(release)
	s.going.Wait()
	if d, err := s.Delivery(t.Context(), "stuck"); err != nil || d != (bearing.Delivery{}) || store.docs[bearing.KindDelivery+" stuck"] != nil {
		t.Errorf("a webhook that was made anew during its turn begins with %+v, %v", d, err)
	}
	if err := round(s); err != nil || got["/stuck"] != 1 {
		t.Errorf("it had %d messages, the one before had one; %v", got["/stuck"], err)
	}
	if got["/stuck"] == 0 {
		t.Error("the one that did not answer had no message")
	}
}

// TestDelivery: messages arrive in order, signed, from where the webhook began; one that is
// not taken is tried again ever more rarely, holds up those behind it, and is given up a day
// after what it tells of; a program that starts anew goes on where the one before was.
func TestDelivery(t *testing.T) {
	var mu sync.Mutex
	var got []string
	status := 200
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		if want := Sign("0123456789abcdef", r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body); r.Header.Get("webhook-signature") != want {
			t.Errorf("signature %s, want %s", r.Header.Get("webhook-signature"), want)
		}
		var m message
		if err := json.Unmarshal(body, &m); err != nil || m.Timestamp.IsZero() {
			t.Errorf("%s: %v", body, err)
		}
		if status != 200 {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(status)
			return
		}
		got = append(got, m.Type+" "+r.Header.Get("webhook-id"))
	}))
	defer receiver.Close()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	store := &shelf{docs: map[string][]byte{}, now: func() time.Time { return now }}
	put := func(w bearing.Webhook) {
		doc, _ := json.Marshal(w)
		_, _, _ = store.PutResource(t.Context(), bearing.KindWebhook, w.Name, doc, 0)
	}
	start := func(allow ...netip.Prefix) *Sender {
		s, err := New(store, allow, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		s.now = func() time.Time { return now }
		return s
	}
	local := netip.MustParsePrefix("127.0.0.0/8")
	s := start(local)
	round := func() {
		t.Helper()
		if err := round(s); err != nil {
			t.Fatal(err)
		}
	}
	want := func(messages ...string) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(got, messages) {
			t.Errorf("got %v, want %v", got, messages)
		}
		got = nil
	}
	store.raise("alarm") // before there was a webhook
	put(bearing.Webhook{Name: "hook", URL: receiver.URL, Secret: "0123456789abcdef"})
	round()
	want()
	store.raise("alarm")
	store.raise("warning")
	round()
	want("alarm.active a1.1", "alarm.active a2.1")

	mu.Lock()
	status = 302 // nobody follows that
	mu.Unlock()
	store.raise("alarm")
	store.raise("alarm")
	tries := 0
	for range 1000 {
		before, _ := s.Delivery(t.Context(), "hook")
		round()
		if after, _ := s.Delivery(t.Context(), "hook"); after.Attempts > before.Attempts {
			tries++
		}
		now = now.Add(time.Second)
	}
	if d, err := s.Delivery(t.Context(), "hook"); tries < 9 || tries > 12 || err != nil || d.LastError != "it answered 302" || d.Position != 3 || d.Delivered != 2 {
		t.Errorf("%d tries in 1,000 s, %+v, %v", tries, d, err)
	}
	mu.Lock()
	status = 200
	mu.Unlock()
	s = start(local) // the program starts anew
	round()
	want("alarm.active a3.1", "alarm.active a4.1")

	mu.Lock()
	status = 500
	mu.Unlock()
	store.raise("alarm")
	round()
	now = now.Add(25 * time.Hour)
	round()
	if d, _ := s.Delivery(t.Context(), "hook"); d.Dropped != 1 || d.Position != 6 || testutil.ToFloat64(s.count.WithLabelValues("dropped")) != 1 {
		t.Errorf("after a day: %+v", d)
	}
	mu.Lock()
	status = 200
	mu.Unlock()

	put(bearing.Webhook{Name: "hook", URL: receiver.URL, Secret: "0123456789abcdef", Severity: "alarm"})
	store.raise("warning")
	store.raise("alarm")
	store.log[len(store.log)-1].Alarm.ShelvedUntil = &[]time.Time{now.Add(time.Hour)}[0]
	store.raise("alarm")
	round()
	want("alarm.active a8.1")
	put(bearing.Webhook{Name: "hook", URL: receiver.URL, Secret: "0123456789abcdef", Paused: true})
	store.raise("alarm")
	round()
	want()
	if err := s.Test(t.Context(), "hook"); err != nil {
		t.Error(err)
	}
	mu.Lock()
	if len(got) != 1 || got[0][:5] != "test " {
		t.Errorf("%v", got)
	}
	mu.Unlock()

	s = start() // nothing private is allowed
	if err := s.Test(t.Context(), "hook"); bearing.CodeOf(err) != "webhook_failed" {
		t.Errorf("127.0.0.1 without leave: %v", err)
	}
	if err := s.Test(t.Context(), "none"); bearing.CodeOf(err) != "resource_not_found" {
		t.Errorf("none: %v", err)
	}
	put(bearing.Webhook{Name: "hook", URL: "http://localhost:1/", Secret: "0123456789abcdef"})
	round() // a name is looked at after it is resolved
	if d, _ := s.Delivery(t.Context(), "hook"); d.LastError != errPrivate.Error() {
		t.Errorf("localhost: %+v", d)
	}
	_ = store.DeleteResource(t.Context(), bearing.KindWebhook, "hook", 0)
	round()
	if len(store.docs) != 0 {
		t.Errorf("of a webhook that is gone there is left: %v", store.docs)
	}
}

// TestGiveUp: of what is a day old nothing is sent, all of it is given up at once and
// counted, also what the store no longer has and what a paused webhook missed; a webhook
// that was deleted leaves no position, also when the program ended right after.
func TestGiveUp(t *testing.T) {
	answer, got := 500, 0
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got++; answer != 200 {
			w.WriteHeader(answer)
		}
	}))
	defer receiver.Close()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	store := &shelf{docs: map[string][]byte{}, now: func() time.Time { return now }}
	put := func(paused bool) {
		doc, _ := json.Marshal(bearing.Webhook{Name: "hook", URL: receiver.URL, Secret: "0123456789abcdef", Paused: paused})
		_, _, _ = store.PutResource(t.Context(), bearing.KindWebhook, "hook", doc, 0)
	}
	start := func() *Sender {
		s, err := New(store, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		s.now = store.now
		return s
	}
	s := start()
	check := func(what string, dropped, delivered int64, requests int) {
		t.Helper()
		got = 0
		if err := round(s); err != nil {
			t.Fatal(err)
		}
		d, err := s.Delivery(t.Context(), "hook")
		if err != nil || d.Dropped != dropped || d.Delivered != delivered || got != requests || int64(testutil.ToFloat64(s.count.WithLabelValues("dropped"))) != dropped {
			t.Errorf("%s: %+v, %v, %d requests; want %d dropped, %d delivered, %d requests", what, d, err, got, dropped, delivered, requests)
		}
	}
	put(false)
	check("new", 0, 0, 0)
	for range 250 {
		store.raise("alarm")
	}
	check("dead", 0, 0, 1)
	now = now.Add(23 * time.Hour)
	store.raise("alarm")
	now = now.Add(time.Hour)
	check("a day later", 250, 0, 1)
	answer = 200
	now = now.Add(time.Minute)
	check("back", 250, 1, 1)
	for range 5 {
		store.raise("alarm")
	}
	store.log = store.log[len(store.log)-2:]
	answer = 500
	for range 3 {
		check("trimmed, and dead", 253, 1, 1)
		now = now.Add(time.Minute)
	}
	answer = 200
	check("trimmed", 253, 3, 2)

	put(true)
	store.raise("alarm")
	now = now.Add(23 * time.Hour)
	store.log = append(store.log, bearing.AlarmChange{Seq: 258, Alarm: bearing.Alarm{ID: "young", Changed: now, Raised: now.Add(-time.Hour * 1000)}})
	check("paused", 253, 3, 0)
	now = now.Add(2 * time.Hour)
	check("paused for a day", 254, 3, 0)
	put(false)
	check("no longer", 254, 4, 1)

	for _, forget := range []bool{true, false} {
		store.log = append(store.log, bearing.AlarmChange{Seq: store.log[len(store.log)-1].Seq + 1, Alarm: bearing.Alarm{ID: "missed", Changed: now}})
		_ = store.DeleteResource(t.Context(), bearing.KindWebhook, "hook", 0)
		if forget {
			s.Forget(t.Context(), "hook")
		} else { // the program ended before, and begins anew
			s = start()
			if err := round(s); err != nil {
				t.Fatal(err)
			}
		}
		if len(store.docs) != 0 {
			t.Errorf("of a webhook that is gone there is left: %v", store.docs)
		}
		s = start()
		put(false)
		check("made again", 0, 0, 0)
	}
}

func TestValidate(t *testing.T) {
	const secret = "0123456789abcdef"
	for url, ok := range map[string]bool{
		"https://example.org/hook": true, "http://10.1.2.3:9000/x?y=z": true, "https://[2606:2800:220:1::1]/": true,
		"": false, "example.org": false, "ftp://example.org": false, "https://": false, "https://user:pw@example.org/": false, "file:///etc/passwd": false, "https://example.org/#x": false, "http://a b/": false, "gopher://x/": false, "http://:80/": false,
	} {
		if err := (bearing.Webhook{URL: url, Secret: secret}).Validate(); (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := (bearing.Webhook{URL: "https://example.org", Secret: "short"}).Validate(); bearing.CodeOf(err) != "webhook_secret" {
		t.Error(err)
	}
}
