package api

import (
	"fmt"
	"strings"
	"testing"
	"time"
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

func TestIntentsAreBounded(t *testing.T) {
	var x intents
	now := time.Unix(1e9, 0)
	for i := range mostIntents + 10 {
		x.note(fmt.Sprint(i), "w", now)
	}
	if len(x.by) != mostIntents || len(x.order) != mostIntents {
		t.Errorf("%d keys in %d places", len(x.by), len(x.order))
	}
	if err := x.check(fmt.Sprint(mostIntents), "v", now.Add(intentAge)); err != nil {
		t.Errorf("after a day: %v", err)
	}
	x.note("new", "w", now.Add(intentAge))
	if len(x.by) != 1 {
		t.Errorf("%d keys are older than a day", len(x.by)-1)
	}
}
