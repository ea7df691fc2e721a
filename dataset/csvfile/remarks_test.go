package csvfile

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestRemarks: what the lines before a table say is not asked for again, and what they do not say
// for sure is not taken from them.
func TestRemarks(t *testing.T) {
	table := wave(4000, 12000, func(i int, at float64) string { return fmt.Sprintf("%.6f;%d", at, i%7) })
	at := func(s string) time.Time {
		when, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for name, c := range map[string]struct {
		before, unit string
		header       []string
		start        time.Time
	}{
		"German, pairs of cells": {"Gerät;Vib 3\nStartzeit;31.01.2026 12:00:00,25\n\nZeit [s];Beschleunigung [g]\n", "g", []string{"Zeit [s]", "Beschleunigung [g]"}, at("2026-01-31T12:00:00.25Z")},
		"Latin-1":                {"Ger\xe4t;Vib\nZeit [s];Schwingung [m/s\xb2]\n", "m/s2", []string{"Zeit [s]", "Schwingung [m/s²]"}, time.Time{}},
		"a unit by itself":       {"Einheit;m/s²\nt;a\n", "m/s2", []string{"t", "a"}, time.Time{}},
		"a unit of a remark":     {"Unit: g\nt [s];Level [mm]\n", "", []string{"t [s]", "Level [mm]"}, time.Time{}},
		"velocity":               {"Unit: g\nt [s];Speed [mm/s]\n", "mm/s", []string{"t [s]", "Speed [mm/s]"}, time.Time{}},
		"velocity by itself":     {"Einheit;mm/s\nt;v\n", "mm/s", []string{"t", "v"}, time.Time{}},
		"units below the names":  {"Pumpe;2\nZeit;Kanal 1\ns;g\n", "g", []string{"Zeit s", "Kanal 1 g"}, time.Time{}},
		"short names":            {"Pumpe;2\nt;ch1\n", "", []string{"t", "ch1"}, time.Time{}},
		"date and time apart":    {"Date\t2026/01/31\nTime\t12:00:01.5\nt;a\n", "", []string{"t", "a"}, at("2026-01-31T12:00:01.5Z")},
		"a zone":                 {"Start time: 2026-01-31T12:00:00+01:00\nt;a\n", "", []string{"t", "a"}, at("2026-01-31T11:00:00Z")},
		"afternoon":              {"Recorded at: 2026-01-31 1:00:00 PM\nt;a\n", "", []string{"t", "a"}, at("2026-01-31T13:00:00Z")},
		"a date alone":           {"Datum;31.01.2026\nt;a\n", "", []string{"t", "a"}, time.Time{}},
		"month or day":           {"Start: 01/02/2026 12:00:00\nt;a\n", "", []string{"t", "a"}, time.Time{}},
		"no day":                 {"Start: 2026-02-30 12:00:00\nt;a\n", "", []string{"t", "a"}, time.Time{}},
		"another date":           {"Kalibriert am: 2025-02-03 12:00:00\nt;a\n", "", []string{"t", "a"}, time.Time{}},
		"NumPy":                  {"# started 2026-01-31 12:00:00\n# t [s];a [g]\n", "g", []string{"t [s]", "a [g]"}, at("2026-01-31T12:00:00Z")},
		"NumPy, no names":        {"# made by hand\n", "", nil, time.Time{}},
	} {
		got, err := Decode([]byte(c.before+table), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Unit(1) != c.unit || !slices.Equal(got.Header, c.header) || !got.Start().Equal(c.start) || len(got.Columns[1]) != 4000 {
			t.Errorf("%s: unit %q, names %q, start %v", name, got.Unit(1), got.Header, got.Start())
		}
	}
}
