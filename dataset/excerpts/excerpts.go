// Package excerpts embeds seconds of real CWRU recordings, as own data with a
// manifest: for tests that must run without the full recordings, and for the
// demo of the service. It is no set to train on or to score with.
//
// Every excerpt lies in the last 40 % of its recording, which the split "time"
// keeps for the test; the manifest says from which sample on. Signals come from
// the Case Western Reserve University Bearing Data Center
// (https://engineering.case.edu/bearingdatacenter).
package excerpts

import (
	"embed"
	"io/fs"
)

//go:embed manifest.csv *.npy
var files embed.FS

// FS returns the excerpts: a manifest.csv and the files that it lists. The
// dataset package reads it with OpenManifestFS.
func FS() fs.FS { return files }
