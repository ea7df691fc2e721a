// Package web holds the files that browsers load, and nothing else. They load
// nothing from anywhere but this service.
package web

import (
	"embed"
	"io/fs"
)

//go:embed static
var static embed.FS

// Files are the pages, styles and scripts.
var Files = sub()

func sub() fs.FS {
	f, err := fs.Sub(static, "static")
	if err != nil {
		panic("web: " + err.Error())
	}
	return f
}
