//go:build !linux

package watch

import "os"

// openForWriting reports that the kernel does not tell.
func openForWriting(*os.File) (open, known bool) { return false, false }
