// Package assess measures what diagnoses are worth on bearings that training never saw:
// groups of windows are judged as the service judges them, verdict and all, recipes are
// chosen by nested folds, and every figure has its bearings, seeds and interval.
package assess
