package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"brinell/bearing"
)

// View opens a store for reading only, beside a program that has it open. What would
// write answers store_closed. A database of another schema than this program's is refused:
// Conflict store_newer, store_older.
func View(ctx context.Context, dir string) (*DB, error) {
	path := filepath.Join(dir, "brinell.db")
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("there is no database in %s: %w", dir, err)
	}
	db := &DB{cfg: Config{Dir: dir}.withDefaults(), closed: true}
	db.close = sync.OnceValue(func() error {
		db.life.Lock()
		defer db.life.Unlock()
		db.gone = true
		return db.release()
	})
	var version int
	var err error
	if db.codec, err = newCodec(); err == nil {
		db.docs, err = newDocuments()
	}
	if err == nil {
		set := []pragma{pragmas[0], queryOnly}
		db.read = sql.OpenDB(newConnector(path, set, set))
		db.own = sql.OpenDB(newConnector(path, set, set))
		err = db.read.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	}
	switch {
	case err != nil:
	case version > len(migrations):
		err = newerSchema(dir, version, len(migrations))
	case version < len(migrations):
		err = bearing.Errorf(bearing.Conflict, "store_older", "the data directory has schema %d, this program reads %d: start the service of this program once", version, len(migrations))
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}
