// Package dataset turns files of vibration into recordings and recordings into
// the parts on which models are trained and scored.
//
// A [Corpus] is a table: a row a file, with the variable that holds the signal,
// the truth, the sampling rate, the shaft speed, the physical bearing and the
// known defects of the file. [Open] finds the files in a directory or in the zip
// files there. A directory with a manifest.csv is a corpus as well ([OpenDir]).
// [ReadFile] reads a single file that belongs to no corpus.
//
// A [Split] divides recordings into training, validation and test parts. It does
// so before any window is cut, so that no window spans two sides; [Segments]
// cuts the windows afterwards, at the recording's own rate. Resampling belongs to
// the model that is fed, not to this package.
//
// [Simulate] makes a faulty bearing's signal with known truth.
//
// The package trains nothing, knows no model, and does not decide what a good
// score is.
package dataset
