// Package bearing is the vocabulary of Brinell: windows and recordings of
// vibration, the geometry of a rolling bearing and the fault orders that
// follow from it, diagnoses, and the errors that users meet.
//
// It imports the standard library only and knows nothing of HTTP, storage,
// tensors or files. Everything above it speaks its types.
//
// Inside the program all quantities are in SI units and hertz, except
// acceleration, which is in g (standard gravity, 9.80665 m/s²). Other units
// appear only at the borders, with the unit in the name (shaft_speed_rpm).
package bearing
