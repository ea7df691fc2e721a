// Package dsp is signal processing on slices: the real Fourier transform with a
// reusable plan, resampling with a band limit, tapers and the squared envelope.
//
// It knows numbers only: no windows, no bearings, no features. Lengths that do
// not fit are a bug of the caller and panic; what a user can cause, such as an
// impossible sampling rate, is an error.
package dsp
