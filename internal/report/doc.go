// Package report writes what training, pruning and assessment came to: tables for people
// and documents, and their pictures.
package report
