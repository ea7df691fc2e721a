package bearing

import (
	"path/filepath"
	"strings"
)

// SensorName makes a sensor name of a file name.
func SensorName(path string) string {
	base := filepath.Base(path)
	base = strings.TrimSuffix(base, filepath.Ext(base))
	b := []byte(base[:min(len(base), 64)])
	for i, c := range b {
		if !IsName("a" + string(rune(c))) {
			b[i] = '-'
		}
	}
	name := strings.TrimLeft(string(b), "._-")
	if !IsName(name) {
		return "file"
	}
	return name
}
