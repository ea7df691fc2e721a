package settings

import (
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{"4096": 4096, "32MiB": 32 << 20, "1.5GB": 15e8, "10 kB": 1e4, "7B": 7, "2TiB": 2 << 40} {
		if got, err := ParseSize(s); err != nil || got != want {
			t.Errorf("%s: %d %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "x", "0", "-1", "NaN", "1e30", "5XB", "MiB"} {
		if got, err := ParseSize(s); err == nil {
			t.Errorf("%q is read as %d", s, got)
		}
	}
}

func TestParseAge(t *testing.T) {
	for s, want := range map[string]time.Duration{"forever": 0, "90d": 90 * 24 * time.Hour, "0.5d": 12 * time.Hour, "36h": 36 * time.Hour, "1h": time.Hour} {
		if got, err := ParseAge(s); err != nil || got != want {
			t.Errorf("%s: %v %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "x", "0", "0d", "-1d", "NaNd", "1e9d", "59m", "90", "d"} {
		if got, err := ParseAge(s); err == nil {
			t.Errorf("%q is read as %v", s, got)
		}
	}
}
