package features

import (
	"encoding/json"
	"os"
	"testing"

	"brinell/internal/kernel"
)

// TestReference holds every row against NumPy and SciPy: all lengths, among them
// a prime one and one that takes two pieces. testdata/reference.json states the
// calls and versions that made it.
func TestReference(t *testing.T) {
	for _, impl := range kernel.Implementations() {
		t.Run(impl, func(t *testing.T) {
			defer kernel.Use(impl)()
			testReference(t)
		})
	}
}

func testReference(t *testing.T) {
	var golden struct {
		Cases []struct {
			X       string
			N       int
			Modulus int // x[i] = (i² mod modulus - less)/divisor; 0 is the golden vector
			Less    float64
			Divisor float64
			Rate    float64
			Bands   int
			Want    map[string]float64
		}
	}
	b, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) == 0 {
		t.Fatal("no reference values")
	}
	for _, c := range golden.Cases {
		t.Run(c.X, func(t *testing.T) {
			x := goldenVector
			if c.Modulus > 0 {
				x = make([]float32, c.N)
				for i := range x {
					x[i] = float32((float64(i*i%c.Modulus) - c.Less) / c.Divisor)
				}
			}
			e := extractor(t, c.Bands)
			if len(c.Want) != e.Len() {
				t.Errorf("%d reference values for %d rows", len(c.Want), e.Len())
			}
			v := e.Extract(nil, x, c.Rate)
			for i, name := range e.Names() {
				want, ok := c.Want[name]
				if !ok {
					t.Errorf("no reference value for %s", name)
				} else if !near(v[i], want, 1e-9) {
					t.Errorf("%s = %.12f, want %.12f", name, v[i], want)
				}
			}
		})
	}
}
