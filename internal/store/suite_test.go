package store

import (
	"testing"

	"brinell/internal/storetest"
)

// TestStore: SQLite is a store as any must be.
func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, c storetest.Config) storetest.Store {
		return open(t, Config{Dir: c.Dir, RawCap: c.RawCap, RawAge: c.RawAge, Age: c.Age, Now: c.Now, Committed: c.Committed})
	})
}
