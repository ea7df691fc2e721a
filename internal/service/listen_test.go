package service

import "testing"

// TestBrowsed: what listens on all addresses is opened by the machine's own.
func TestBrowsed(t *testing.T) {
	for addr, want := range map[string]string{"127.0.0.1:8080": "http://127.0.0.1:8080",
		"0.0.0.0:80": "http://127.0.0.1:80", "[::]:8080": "http://127.0.0.1:8080",
		"[::1]:8080": "http://[::1]:8080", "10.1.2.3:8080": "http://10.1.2.3:8080"} {
		if got := browsed("http", addr); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
