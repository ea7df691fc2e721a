package keys

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestNext: from where Next says on is the first sensor that a key covers, and no covered one is
// passed over.
func TestNext(t *testing.T) {
	names := []string{"a", "a-", "a-1", "a-10", "ab", "b", "b-1", "B", "pump-1", "pump-10", "pump-2", "pump.x", "z"}
	slices.Sort(names)
	rng := rand.New(rand.NewPCG(1, 2))
	pool := []string{"a", "a*", "a-*", "a-1", "a?1", "*", "*1", "pump-*", "pump-1", "pump-[12]", "z", "q", `b\-1`, "B*"}
	for range 2000 {
		k := &Key{}
		for range 1 + rng.IntN(3) {
			k.Sensors = append(k.Sensors, pool[rng.IntN(len(pool))])
		}
		from := append(names, "", "pump", "zz")[rng.IntN(len(names)+3)]
		next, ok := k.Next(from)
		if ok && next < from {
			t.Fatalf("%q from %q: goes back to %q", k.Sensors, from, next)
		}
		for _, n := range names {
			if n >= from && k.Covers(n) && (!ok || n < next) {
				t.Fatalf("%q from %q: %q, %v passes over %q", k.Sensors, from, next, ok, n)
			}
		}
	}
	for _, c := range []struct {
		patterns []string
		from     string
		want     string
	}{
		{nil, "m", "m true"}, {[]string{"pump-*"}, "", "pump- true"}, {[]string{"pump-*"}, "pump-7", "pump-7 true"},
		{[]string{"pump-*"}, "pump.", " false"}, {[]string{"pump-1"}, "pump-10", " false"}, {[]string{"z", "b*"}, "c", "z true"}, {[]string{"*x"}, "c", "c true"},
	} {
		if next, ok := (&Key{Sensors: c.patterns}).Next(c.from); fmt.Sprint(next, " ", ok) != c.want {
			t.Errorf("%q from %q: %q %v, want %s", c.patterns, c.from, next, ok, c.want)
		}
	}
}
