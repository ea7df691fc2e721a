package csvfile

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"brinell/bearing"
)

func TestDecode(t *testing.T) {
	f := func(name, text string, o Options, want Table) {
		t.Helper()
		got, err := Decode([]byte(text), o)
		if err != nil || cmp.Diff(want, got, cmpopts.IgnoreUnexported(Table{})) != "" {
			t.Errorf("%s: %v\n%s", name, err, cmp.Diff(want, got, cmpopts.IgnoreUnexported(Table{})))
		}
	}
	cols := func(c ...[]float64) Table { return Table{Columns: c} }
	f("one column", "1\n-2.5\n3e-2\n", Options{}, cols([]float64{1, -2.5, 0.03}))
	f("comma", "1,2\n3,4", Options{}, cols([]float64{1, 3}, []float64{2, 4}))
	f("semicolon, decimal comma", "1,5;2\n3;4,25\n", Options{}, cols([]float64{1.5, 3}, []float64{2, 4.25}))
	f("tabs", "-0.1\t2\r\n3\t4\r\n", Options{}, cols([]float64{-0.1, 3}, []float64{2, 4}))
	f("blanks", "  1   2\n 3  4  \n", Options{}, cols([]float64{1, 3}, []float64{2, 4}))
	f("BOM, comments, blank lines", "\xef\xbb\xbf# made by x\n\n1,2 # first\n\n3,4\n", Options{},
		Table{Columns: [][]float64{{1, 3}, {2, 4}}, Preamble: []string{"made by x"}})
	f("delimiter at the end", "1,2,\n3,4,\n", Options{}, cols([]float64{1, 3}, []float64{2, 4}))
	f("header", "\"time\", acc\n1,2\n", Options{}, Table{Header: []string{"time", "acc"}, Columns: [][]float64{{1}, {2}}})
	f("stated delimiter", "1|2\n", Options{Delimiter: '|'}, cols([]float64{1}, []float64{2}))
	f("FEMTO", "9,39,39,65664,-0.146,0.552\n9,39,39,65703,-0.02,0.501\n", Options{},
		cols([]float64{9, 9}, []float64{39, 39}, []float64{39, 39}, []float64{65664, 65703}, []float64{-0.146, -0.02}, []float64{0.552, 0.501}))
}

func TestRefusals(t *testing.T) {
	f := func(name, text, want string) {
		t.Helper()
		_, err := Decode([]byte(text), Options{})
		if bearing.CodeOf(err) != "csv_malformed" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want csv_malformed about %q", name, err, want)
		}
	}
	f("empty", "", "no numbers")
	f("header only", "a,b\n", "no numbers")
	f("ragged", "1,2\n3\n", "line 2")
	f("word", "1,2\n3,x\n", "line 2, column 2")
	f("NaN", "1\nNaN\n", "line 2, column 1")
	f("Inf", "1\ninf\n", "line 2")
	f("too large", "1\n1e999\n", "line 2")
	f("hexadecimal", "1\n0x10\n", "line 2")
	f("underscore", "1\n1_0\n", "line 2")
	f("empty cell", "1,2\n3,,\n", "line 2")
	f("wide", strings.Repeat("1,", maxColumns)+"1\n", "more than")
}

func TestColumn(t *testing.T) {
	table := Table{Header: []string{"a", "2"}, Columns: [][]float64{{1}, {5}}}
	for name, want := range map[string]float64{"a": 1, "1": 1, "2": 5} {
		if c, err := table.Column(name); err != nil || c[0] != want {
			t.Errorf("%s: %v %v", name, c, err)
		}
	}
	for _, name := range []string{"0", "3", "b", ""} {
		if _, err := table.Column(name); bearing.CodeOf(err) != "column_unknown" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"1,2\n3,4\n", "a;b\n1,5;2\n", "1\t2\n", " 1  2 \n", "# x\n1\n", "1,\n", "\xef\xbb\xbf1"} {
		f.Add([]byte(s), byte(0))
	}
	f.Add([]byte("1|2"), byte('|'))
	f.Fuzz(func(t *testing.T, b []byte, delim byte) {
		table, err := Decode(b, Options{Delimiter: delim})
		if err != nil {
			if bearing.CodeOf(err) != "csv_malformed" {
				t.Errorf("code %s", bearing.CodeOf(err))
			}
			return
		}
		for _, c := range table.Columns {
			if len(c) != len(table.Columns[0]) {
				t.Error("columns of different length")
			}
			for _, v := range c {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("value %v", v)
				}
			}
		}
	})
}
