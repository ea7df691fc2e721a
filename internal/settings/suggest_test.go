package settings

import "testing"

// TestClosest has each kind of slip that people make, and names that are like no other.
func TestClosest(t *testing.T) {
	known := []string{"listen", "data-dir", "raw-cap", "age", "out", "metrics-listen", "max-sensors", "keys", "velocity-zones"}
	for _, c := range []struct{ name, want string }{
		{"lisen", "listen"},                        // a letter is missing
		{"listeen", "listen"},                      // one too many
		{"lsiten", "listen"},                       // neighbours exchanged
		{"datadir", "data-dir"},                    // no hyphen
		{"DATA_DIR", "data-dir"},                   // as a variable is written
		{"dir", "data-dir"},                        // one word of it
		{"velocity", "velocity-zones"},             // its beginning
		{"kesy", "keys"},                           // in a short name
		{"otu", "out"},                             // of three letters: one mistake
		{"max-snesors", "max-sensors"},             //
		{"metrik-lisen", "metrics-listen"},         // three mistakes in twelve letters: the most
		{"metrik-lisn", ""},                        // four in eleven are too many
		{"our", "out"}, {"ale", "age"}, {"xy", ""}, // of two letters none is right enough
		{"abc", ""}, {"ago", "age"}, {"aeo", ""}, // two mistakes in three letters
		{"lixxn", ""}, // three in five
		{"frobnicate", ""},
	} {
		if got := Closest(c.name, known); got != c.want {
			t.Errorf("%s is taken for %q, want %q", c.name, got, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abd", 1}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
