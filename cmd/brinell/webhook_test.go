package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"brinell/bearing"
	"brinell/internal/webhook"
)

// TestWebhookKeepsSecret: a webhook that is read, changed and put back without the secret
// that nobody is shown signs as before; a new one needs a secret.
func TestWebhookKeepsSecret(t *testing.T) {
	const secret = "0123456789abcdef"
	var signed atomic.Bool
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		signed.Store(r.Header.Get("webhook-signature") == webhook.Sign(secret, r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body))
	}))
	defer receiver.Close()
	p := start(t, "--data-dir", t.TempDir(), "--webhook-allow", "127.0.0.0/8")
	hook := p.url + "/v1/webhooks/hook"
	var problem refusal
	if status, _ := call(t, "PUT", hook, `{"url":"`+receiver.URL+`"}`, &problem); status != 422 || problem.Code != "webhook_secret" {
		t.Errorf("a new one without a secret: %d %+v", status, problem)
	}
	if status, _ := call(t, "PUT", hook, `{"url":"`+receiver.URL+`","secret":"`+secret+`"}`, nil); status != 201 {
		t.Fatalf("%d", status)
	}
	var w bearing.Webhook
	_, tag := call(t, "GET", hook, "", &w)
	w.Severity = "alarm"
	doc, err := json.Marshal(w)
	if err != nil || strings.Contains(string(doc), "secret") {
		t.Fatalf("%s, %v", doc, err)
	}
	if status, _ := call(t, "PUT", hook, string(doc), &w, "If-Match", tag); status != 200 || w.Severity != "alarm" || w.Secret != "" {
		t.Errorf("put back: %d %+v", status, w)
	}
	if status, _ := call(t, "PUT", hook, string(doc), &problem, "If-Match", tag); status != 412 || problem.Code != "version_mismatch" {
		t.Errorf("put back with an old ETag: %d %+v", status, problem)
	}
	if status, _ := call(t, "POST", hook+"/test", "", nil); status != 200 || !signed.Load() {
		t.Errorf("test: %d, signed by the secret: %t", status, signed.Load())
	}
	if status, _ := call(t, "DELETE", hook, "", nil); status != 204 {
		t.Errorf("delete: %d", status)
	}
}
