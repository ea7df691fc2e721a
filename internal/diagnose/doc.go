// Package diagnose is the running core of the service: a window goes in, a
// stored diagnosis comes out. It owns the active model and the order of things:
// judged, then durable, then counted.
//
// It knows models, features and the vocabulary. It does not know HTTP, the
// database, corpora, or training.
package diagnose
