package keys

import (
	"io/fs"
	"syscall"
)

// changed is when the file, its owner or its mode was changed last, in nanoseconds: unlike the
// time of its content, nobody can set it.
func changed(i fs.FileInfo) int64 {
	if s, ok := i.Sys().(*syscall.Stat_t); ok {
		return s.Ctim.Nano()
	}
	return 0
}
