package rig

import (
	"bytes"
	"os"
	"slices"
	"testing"
)

// build is a program, and what stands before it on its command line.
type build struct {
	bin    string
	before []string
}

// sound is the program that is shipped.
func sound(t testing.TB) build { return build{bin: program(t, "")} }

// planted is the program with a planted fault. All of them are in one build, which is told
// which one to have.
func planted(t testing.TB, fault string) build {
	return build{program(t, "planted"), []string{"env", "BRINELL_PLANTED=" + fault}}
}

// behind is the wrapper of a program, with another one before it.
func (b build) behind(wrapper ...string) []string { return slices.Concat(wrapper, b.before) }

// sees fails the test unless the oracle of a rig has found something in a program with a
// planted fault.
func sees(t testing.TB, fault string, found error) {
	t.Helper()
	if found == nil {
		t.Errorf("the rig sees nothing wrong with the planted fault %q: it shows nothing", fault)
		return
	}
	t.Logf("with the planted fault %q: %.300v", fault, found)
}

// TestPlanted looks for what chooses a fault in the program that is shipped, where there is
// no such thing.
func TestPlanted(t *testing.T) {
	for _, c := range []struct {
		build
		want bool
	}{{sound(t), false}, {planted(t, ""), true}} {
		b, err := os.ReadFile(c.bin)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(b, []byte("BRINELL_PLANTED")); got != c.want {
			t.Errorf("%s knows planted faults: %t, want %t", c.bin, got, c.want)
		}
	}
}
