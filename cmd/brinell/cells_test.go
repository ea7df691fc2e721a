package main

import (
	"slices"
	"testing"
)

// TestPlainCells: what a spreadsheet would compute is text, numbers and all else stay.
func TestPlainCells(t *testing.T) {
	in := []string{"=HYPERLINK(\"http://evil\")", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-", "-0.5", "+3e-4", "1", "pump-1", "'quoted", "'=1", "", "a=b"}
	want := []string{"'=HYPERLINK(\"http://evil\")", "'+1+1", "'-2+3", "'@SUM(A1)", "'\t=1", "'\r=1", "'\n=1", "'-", "-0.5", "+3e-4", "1", "pump-1", "'quoted", "''=1", "", "a=b"}
	if got := plainCells([][]string{slices.Clone(in), slices.Clone(in)}); !slices.Equal(got[0], want) || !slices.Equal(got[1], want) {
		t.Errorf("%q, want %q", got, want)
	}
}
