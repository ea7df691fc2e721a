//go:build !planted

package store

import "database/sql"

// A commit is on disk when it returns.
const synchronous, synchronousReads = "FULL", "2"

// verified says that what is read is compared with its checksums.
const verified = true

// commit ends a transaction.
func commit(tx *sql.Tx) error { return tx.Commit() }
