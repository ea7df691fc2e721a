package service

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestOutside: who is reached through a proxy demands keys as on an address that others reach;
// --insecure takes everybody, but no page on a loopback address.
func TestOutside(t *testing.T) {
	for _, c := range []struct {
		listen, proxies string
		insecure        bool
		want            string
	}{
		{"127.0.0.1:0", "", false, "open"},
		{"127.0.0.1:0", "127.0.0.1", false, "refused"},
		{"127.0.0.1:0", "127.0.0.1", true, "open"},
		{"0.0.0.0:0", "", false, "refused"},
		{"0.0.0.0:0", "", true, "open"},
	} {
		cfg := Config{Listen: c.listen, trustedProxies: c.proxies, insecure: c.insecure, keys: filepath.Join(t.TempDir(), "keys.json")}
		a, err := cfg.access(slog.New(slog.DiscardHandler))
		got := "refused"
		if err == nil {
			got = map[bool]string{true: "demands", false: "open"}[a.Required()]
		}
		if got != c.want {
			t.Errorf("%+v: %s, %v", c, got, err)
		}
	}
	v := parsed{}
	if !v.hosts("127.0.0.1:80").Check || !v.hosts("[::1]:80").Check || v.hosts("0.0.0.0:80").Check {
		t.Error("names are not looked at on loopback addresses alone")
	}
	if v.allowedHosts = []string{"plant"}; !v.hosts("0.0.0.0:80").Check {
		t.Error("names that are given are not looked at")
	}
}

// TestHostNames: names and addresses, with ports or without.
func TestHostNames(t *testing.T) {
	got, err := hostNames(" plant-pc, brinell.example:8443,[fd00::1]:80, [fd00::2],10.0.0.1,a. ")
	if want := []string{"plant-pc", "brinell.example", "fd00::1", "fd00::2", "10.0.0.1", "a"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"*", "*.example", "http://plant", "a b", "x@y", ":80"} {
		if got, err := hostNames(bad); err == nil {
			t.Errorf("%q is taken as %q", bad, got)
		}
	}
}

// TestInsist: what could not be noted is tried again until it works, and no longer than the
// service runs.
func TestInsist(t *testing.T) {
	log, done := slog.New(slog.DiscardHandler), make(chan int)
	tries := 0
	insist(t.Context(), time.Millisecond, log, func() error {
		if tries++; tries < 3 {
			return errors.New("the disk is full")
		}
		close(done)
		return nil
	})
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatalf("%d tries", tries)
	}
	ctx, cancel := context.WithCancel(t.Context())
	tries = 0
	insist(ctx, time.Millisecond, log, func() error { tries++; cancel(); return errors.New("closed") })
	time.Sleep(20 * time.Millisecond)
	if tries != 1 {
		t.Errorf("%d tries after the end", tries)
	}
}
