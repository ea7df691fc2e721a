package settings

import (
	"strings"

	"github.com/spf13/pflag"
)

// Closest returns the known name that is most like name, or "" if none is: one that has
// few letters added, missing, changed or exchanged, else one that begins with it or has it
// as a whole word.
func Closest(name string, known []string) string {
	name = PlainName(name)
	best, least := "", mistakes(name)+1
	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	if best != "" || len(name) < 3 {
		return best
	}
	for _, k := range known {
		if strings.HasPrefix(k, name) || strings.Contains("-"+k+"-", "-"+name+"-") {
			return k
		}
	}
	return ""
}

// Synonyms are names that other programs have for flags of ours.
var Synonyms = map[string]string{
	"addr": "listen", "address": "listen", "bind": "listen", "host": "listen", "port": "listen", "http": "listen",
	"dir": "data-dir", "db": "data-dir", "database": "data-dir", "storage": "data-dir",
	"fs": "rate", "sample-rate": "rate", "sampling-rate": "rate", "samplerate": "rate", "frequency": "rate",
	"speed": "rpm", "shaft-speed": "rpm", "shaft-speed-rpm": "rpm", "units": "unit", "output": "out", "picture": "plot", "png": "plot",
}

// PlainName writes a name as flags and commands are written.
func PlainName(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// mistakes is how many letters of a name may be wrong for it to be taken for another. Of
// short names most letters must be right, or each would be like every other.
func mistakes(name string) int {
	if len(name) <= 3 {
		return 1
	}
	return max(2, len(name)/3)
}

// distance is the number of letters to add, remove, change or exchange with their
// neighbour between a and b.
// Reference: Damerau 1964, restricted to neighbours that nothing else is done to.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			rows[i][j] = min(change, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// FlagNames lists the flags of a set that people are shown.
func FlagNames(sets ...*pflag.FlagSet) []string {
	var names []string
	for _, set := range sets {
		set.VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
	}
	return names
}
