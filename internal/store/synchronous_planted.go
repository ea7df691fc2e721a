//go:build planted

package store

import (
	"database/sql"
	"os"
	"sync"
	"time"
)

// Planted faults, for the rigs to find, by their names in BRINELL_PLANTED. No program that
// is shipped is built with this tag.
var planted = os.Getenv("BRINELL_PLANTED")

// With "synchronous" a commit is on disk some time after it returns.
var synchronous, synchronousReads = func() (string, string) {
	if planted == "synchronous" {
		return "NORMAL", "1"
	}
	return "FULL", "2"
}()

// With "unchecked" no checksum is looked at.
var verified = planted != "unchecked"

// With "early" a commit begins when it has returned; with "stuck" none succeeds after one
// that failed.
func commit(tx *sql.Tx) error {
	switch planted {
	case "early":
		go func() {
			time.Sleep(10 * time.Millisecond)
			_ = tx.Commit()
		}()
		return nil
	case "stuck":
		broken.Lock()
		defer broken.Unlock()
		if broken.err != nil {
			_ = tx.Rollback()
		} else {
			broken.err = tx.Commit()
		}
		return broken.err
	}
	return tx.Commit()
}

var broken struct {
	sync.Mutex
	err error
}

// With "nowhere" nobody asks whether the database is still at its path.
func (db *DB) inPlace() error {
	if planted == "nowhere" {
		return nil
	}
	return db.place.check()
}
