package bearing

import (
	"strings"
	"testing"
)

// TestLongestText: a text field has 500 bytes at most, and so has the address of a webhook.
func TestLongestText(t *testing.T) {
	for length, want := range map[int]string{500: "", 501: "field_invalid"} {
		if err := texts("note", "short", "title", strings.Repeat("x", length)); CodeOf(err) != want {
			t.Errorf("%d bytes: %v, want %q", length, err, want)
		}
		const begin = "https://plant.example/"
		w := Webhook{Name: "w", Secret: strings.Repeat("s", 16), URL: begin + strings.Repeat("x", length-len(begin))}
		if err := w.Validate(); CodeOf(err) != map[string]string{"": "", "field_invalid": "webhook_url"}[want] {
			t.Errorf("an address of %d bytes: %v", length, err)
		}
	}
}
