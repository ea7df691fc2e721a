// Package picture draws what a diagnosis rests on: the waveform, its power spectral
// density, and the envelope spectrum with the lines of the bearing's faults.
//
// It judges nothing: what it writes into a picture was said by a diagnosis. The same
// window and the same diagnosis give the same bytes, whoever asks for them.
package picture
