//go:build !linux

package keys

import "io/fs"

// changed is of the mode alone where the system's own time of a change has another form.
func changed(i fs.FileInfo) int64 { return int64(i.Mode()) }
