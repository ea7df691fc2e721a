package service

import (
	"strings"
	"testing"
)

// TestLeftOut: what is left out of a log is said as its other lines are.
func TestLeftOut(t *testing.T) {
	for format, want := range map[string]string{"text": `level=WARN msg="lines are left out of the log`, "json": `"level":"WARN","msg":"lines are left out of the log`} {
		line := string((&Config{logFormat: format}).LeftOut(3))
		if !strings.Contains(line, want) || strings.Count(line, "\n") != 1 || !strings.HasSuffix(strings.TrimRight(line, "}\n"), "3") {
			t.Errorf("%s: %s", format, line)
		}
	}
}
