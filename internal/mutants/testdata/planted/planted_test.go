package planted

import "testing"

func TestGuarded(t *testing.T) {
	if a, _ := both(); a != 3 {
		t.Errorf("%d", a)
	}
}
