// Package decode reads windows from bytes: JSON, raw little-endian samples, NumPy
// files, WAV files, tables (CSV) and MAT files.
//
// What is stated beside the bytes comes as a media type and as parameters in the form
// of a URL's query, as HTTP has them; a file that was dropped or a message of a broker
// states the same. The package knows no transport. Refusals are *bearing.Error with a
// stable code; no input makes it panic, and memory is bounded by the length of the
// input and the limit of samples.
package decode
