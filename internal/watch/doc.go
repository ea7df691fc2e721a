// Package watch takes windows from files that are dropped into a directory.
package watch
