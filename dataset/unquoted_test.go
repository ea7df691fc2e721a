package dataset

import "testing"

// TestUnquoted: what was written as a text, so that no spreadsheet computes it, is read as it was.
func TestUnquoted(t *testing.T) {
	for in, want := range map[string]string{"'=1": "=1", "''=1": "'=1", "'-a": "-a", "'\t": "\t", "'a": "'a", "'": "'", "": "", "-1": "-1"} {
		if got := unquoted(in); got != want {
			t.Errorf("%q is read as %q, want %q", in, got, want)
		}
	}
}
