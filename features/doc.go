// Package features computes condition indicators: one number each that tells
// something about the state of a rotating machine, in the time domain (level,
// peakedness, shape of the distribution) and in the frequency domain (where the
// power lies).
//
// The catalogue is a table of rows, each with name, unit, domain, source and
// definition; an Extractor computes all of them for a window. The order of the
// rows is the order of the vector. The unit carries the law by which a value
// follows the gain of the signal. Hash names the list and belongs into whatever
// was computed from its values.
//
// The package judges nothing: it has no limits, knows no bearing and no shaft
// speed, and looks for no fault's lines. It checks nothing either: windows are
// sane before they come here, and a sample that is not finite shows as NaN.
package features
