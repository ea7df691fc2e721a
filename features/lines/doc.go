// Package lines looks for the lines of a bearing in the envelope spectrum of a
// window: how far each stands out of its surroundings, whether a family of them fits
// one fault, and how impulsive the window is.
//
// Everything is in orders of the shaft speed and relative to the spectrum around a
// line, so that it does not depend on gain, sensor, sampling rate or geometry. The
// envelope witness reads it as it is, the network witness as a vector.
package lines
