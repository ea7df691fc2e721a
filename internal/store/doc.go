// Package store keeps windows, diagnoses and users' bearings on disk, in one SQLite
// database.
//
// Append returns after the transaction that holds the row was committed with
// synchronous=FULL: what it acknowledged survives loss of power. One goroutine
// writes and groups what is waiting into one transaction; reads have their own
// connections and never wait for it.
//
// Diagnoses and the digests of their windows stay; raw samples are kept up to a
// size and then removed, oldest first, from the sensor that holds most.
package store
