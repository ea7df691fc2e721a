// Package features computes condition indicators: one number each that tells
// something about the state of a rotating machine, in the time domain (level,
// peakedness, shape of the distribution) and in the frequency domain (where the
// power lies).
//
// The Catalogue is a table of rows; an Extractor computes all of them for a
// window. The order of the rows is the order of the vector, and the list's hash
// belongs into whatever was computed from it. The package judges nothing.
package features
