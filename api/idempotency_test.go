package api

import (
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
)

// TestIdempotencyKey: the same key with the same window is the same, with another one it is
// refused, and what is no key is refused before anything else.
func TestIdempotencyKey(t *testing.T) {
	f := &fake{}
	url, _ := serve(t, f, Config{})
	other := strings.Replace(good, "12:00:00", "13:00:00", 1)
	for _, c := range []struct {
		key, body string
		status    int
		code      string
	}{
		{"a", good, 201, ""}, {"a", good, 201, ""}, {"a", other, 422, "idempotency_key_reused"}, {"b", other, 201, ""}, {"a", good, 201, ""},
		{strings.Repeat("k", 256), good, 400, "idempotency_key_invalid"}, {"\u00e4", good, 400, "idempotency_key_invalid"},
	} {
		resp, b := do(t, "POST", url+"/v1/sensors/pump/windows", asJSON, []byte(c.body), "Idempotency-Key", c.key)
		if c.code != "" {
			checkProblem(t, c.key, resp, b, c.status, c.code)
		} else if resp.StatusCode != c.status {
			t.Errorf("%s: %d %s, want %d", c.key, resp.StatusCode, b, c.status)
		}
	}
	if len(f.windows) != 4 {
		t.Errorf("%d windows reached the core, want 4", len(f.windows))
	}
}

// TestIdempotencyKeyInUse: of two windows that are sent with one key at the same time one is
// judged and the other refused; what was refused or failed leaves the key free.
func TestIdempotencyKeyInUse(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan error)
	f := &fake{submit: func(w *bearing.Window) (bearing.Diagnosis, error) {
		entered <- struct{}{}
		return bearing.Diagnosis{ID: w.ID(), Fault: bearing.Normal}, <-leave
	}}
	url, _ := serve(t, f, Config{})
	other := strings.Replace(good, "12:00:00", "13:00:00", 1)
	statuses := make(chan int)
	send := func(body string) {
		go func() {
			resp, _ := do(t, "POST", url+"/v1/sensors/pump/windows", asJSON, []byte(body), "Idempotency-Key", "a")
			statuses <- resp.StatusCode
		}()
		<-entered
	}
	finish := func(err error, want int) {
		t.Helper()
		leave <- err
		if got := <-statuses; got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
	refused := func(body string, status int, code string) {
		t.Helper()
		resp, b := do(t, "POST", url+"/v1/sensors/pump/windows", asJSON, []byte(body), "Idempotency-Key", "a")
		checkProblem(t, code, resp, b, status, code)
	}
	send(good)
	refused(other, 409, "idempotency_key_in_use")
	send(good) // the same again, before the first was answered
	finish(bearing.Errorf(bearing.Overloaded, "storage_full", "the disk is full"), 503)
	refused(other, 409, "idempotency_key_in_use")
	finish(bearing.Errorf(bearing.Overloaded, "storage_full", "the disk is full"), 503)
	send(other)
	refused(good, 409, "idempotency_key_in_use")
	finish(nil, 201)
	refused(good, 422, "idempotency_key_reused")
}

func intentKeyOf(client, key string) intentKey {
	sum := sha256.Sum256([]byte(key))
	return intentKey{client, digest(sum[:16]), true}
}

// TestIntentsByClient: a flood of keys of one client does not make another's forgotten, and
// an entry takes as many bytes for the longest key as for any.
func TestIntentsByClient(t *testing.T) {
	var x intents
	now := time.Unix(1e9, 0)
	note := func(client, key string) {
		k := intentKeyOf(client, key)
		if err := x.begin(&k, "w", now); err != nil {
			t.Fatal(err)
		}
		x.end(k, true, now)
	}
	note("honest", "mine")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	long := strings.Repeat("k", longestIntent-10)
	for i := range 2 * mostIntents {
		note("hostile", long+strconv.Itoa(i))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 400*mostIntents {
		t.Errorf("%d bytes are held for %d keys", held, mostIntents)
	}
	mine := intentKeyOf("honest", "mine")
	if err := x.begin(&mine, "v", now); bearing.CodeOf(err) != "idempotency_key_reused" {
		t.Errorf("the key of the honest client: %v", err)
	}
	if x.count != mostIntents || len(x.of["hostile"].by) != mostIntents-1 {
		t.Errorf("%d keys are remembered, %d of the hostile client", x.count, len(x.of["hostile"].by))
	}
	runtime.KeepAlive(&x)
}

func TestIntentsAreBounded(t *testing.T) {
	var x intents
	now := time.Unix(1e9, 0)
	note := func(key, window string, now time.Time) {
		t.Helper()
		k := intentKeyOf("", key)
		if err := x.begin(&k, window, now); err != nil {
			t.Fatal(err)
		}
		x.end(k, true, now)
	}
	for i := range mostIntents + 10 {
		note(fmt.Sprint(i), "w", now)
	}
	if len(x.of[""].by) != mostIntents || len(x.of[""].order) != mostIntents {
		t.Errorf("%d keys in %d places", len(x.of[""].by), len(x.of[""].order))
	}
	note(fmt.Sprint(mostIntents), "v", now.Add(intentAge)) // after a day it may be for another
	if len(x.of[""].by) != 1 || len(x.of[""].order) != 1 {
		t.Errorf("%d keys are older than a day, in %d places", len(x.of[""].by)-1, len(x.of[""].order)-1)
	}
	// One that is used again and again, the oldest, keeps none of the others.
	note("first", "w", now.Add(intentAge))
	note("second", "w", now.Add(intentAge))
	note("first", "w", now.Add(3*intentAge/2))
	note("third", "w", now.Add(9*intentAge/4))
	if len(x.of[""].by) != 2 || len(x.of[""].order) != 2 {
		t.Errorf("%d keys in %d places are left of one that is young and a new one", len(x.of[""].by), len(x.of[""].order))
	}
	first := intentKeyOf("", "first")
	if err := x.begin(&first, "v", now.Add(9*intentAge/4)); bearing.CodeOf(err) != "idempotency_key_reused" {
		t.Errorf("the young one for another window: %v", err)
	}
}

// TestIntentsOfAddresses: without keys an Idempotency-Key of one address is not that of another, so
// that nobody learns or blocks what others have used.
func TestIntentsOfAddresses(t *testing.T) {
	s, err := newServer(Config{}, backend(&fake{}))
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(good, "12:00:00", "13:00:00", 1)
	for _, c := range []struct {
		addr, body string
		want       int
	}{
		{"192.0.2.1:1", good, 201}, {"192.0.2.2:1", other, 201}, {"192.0.2.1:2", other, 422}, {"192.0.2.2:9", good, 422},
		{"[2001:db8::1]:1", good, 201}, {"[2001:db8::2]:1", other, 422}, {"[2001:db8:0:1::1]:1", other, 201}, {"127.0.0.1:1", other, 201},
	} {
		r := httptest.NewRequest("POST", "/v1/sensors/pump/windows", strings.NewReader(c.body))
		r.RemoteAddr = c.addr
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "a")
		w := httptest.NewRecorder()
		s.router.ServeHTTP(w, r)
		if w.Code != c.want || w.Code == 422 && !strings.Contains(w.Body.String(), "idempotency_key_reused") {
			t.Errorf("%s: %d %s, want %d", c.addr, w.Code, w.Body, c.want)
		}
	}
}

// TestManyLedgers: so many clients are told apart; those beyond are as one, until some have used
// nothing for a day.
func TestManyLedgers(t *testing.T) {
	var x intents
	now := time.Unix(1e9, 0)
	use := func(client, key, window string, at time.Time) error {
		k := intentKeyOf(client, key)
		err := x.begin(&k, window, at)
		if err == nil {
			x.end(k, true, at)
		}
		return err
	}
	for i := range 4096 {
		if err := use(fmt.Sprint("c", i), "a", fmt.Sprint("w", i), now); err != nil {
			t.Fatal(err)
		}
	}
	if err := use("beyond", "a", "v", now); err != nil {
		t.Error(err)
	}
	if err := use("another", "a", "w", now); bearing.CodeOf(err) != "idempotency_key_reused" {
		t.Errorf("beyond what there may be: %v", err)
	}
	if err := use("c7", "a", "v", now); bearing.CodeOf(err) != "idempotency_key_reused" || len(x.of) != 4097 {
		t.Errorf("%v, %d clients", err, len(x.of))
	}
	later := now.Add(intentAge)
	if err := use("another", "a", "w", later); err != nil || len(x.of) != 1 || x.count != 1 {
		t.Errorf("a day later: %v, %d clients, %d keys", err, len(x.of), x.count)
	}
	k := intentKeyOf("under way", "a")
	if err := x.begin(&k, "w", later); err != nil {
		t.Fatal(err)
	}
	if x.end(k, false, later); len(x.of) != 1 {
		t.Errorf("%d clients", len(x.of))
	}
}
