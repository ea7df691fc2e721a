// Package dsp is signal processing on slices: the real Fourier transform with a
// reusable plan, the mean periodogram, resampling with a band limit, tapers, the
// analytic signal and the squared envelope.
//
// It knows numbers only: no windows, no bearings, no features. Lengths that do
// not fit are a bug of the caller and panic; what a user can cause, such as an
// impossible sampling rate, is an error. Samples are not checked: NaN and Inf go
// through. Plans and resamplers own their work space and belong to one goroutine.
package dsp
