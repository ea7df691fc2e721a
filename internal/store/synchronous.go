//go:build !planted

package store

import "database/sql"

// A commit is on disk when it returns.
const synchronous, synchronousReads = "FULL", "2"

// verified says that what is read is compared with its checksums.
const verified = true

// commit ends a transaction.
func commit(tx *sql.Tx) error { return tx.Commit() }

// inPlace returns nil if the database that is open is still the one at its path.
func (db *DB) inPlace() error { return db.place.check() }
