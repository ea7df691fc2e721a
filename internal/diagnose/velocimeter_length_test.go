package diagnose

import "testing"

// TestVelocityPiece: pieces are of four seconds at most, to the power of two below, whatever the
// window; of a short one a quarter, and a second at least.
func TestVelocityPiece(t *testing.T) {
	for _, c := range []struct {
		rate    float64
		samples int
		want    int
	}{
		{4096, 1 << 20, 4 * 4096}, {4095.9, 1 << 20, 2 * 4096}, // four seconds, and just less
		{4096, 16 * 4096, 4 * 4096}, {4096, 16*4096 - 4, 2 * 4096}, // a quarter of sixteen seconds, and of less
		{4096, 4096, 4096}, {8192, 9000, 8192},
	} {
		if got := velocityLength(c.rate, c.samples); got != c.want {
			t.Errorf("%d samples at %g Hz: pieces of %d, want %d", c.samples, c.rate, got, c.want)
		}
	}
}
