package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"brinell/internal/bearing"
)

// Config says where and how much. Zero fields mean the documented defaults.
type Config struct {
	Dir      string       // data directory, made if it is missing
	RawCap   int64        // bytes of compressed raw samples kept, default 10 GiB
	MaxBatch int          // windows in one transaction, default 256
	Readers  int          // connections for reading, default 4
	Log      *slog.Logger // default none
}

// DefaultRawCap is the default of Config.RawCap.
const DefaultRawCap = 10 << 30

func (c Config) withDefaults() Config {
	if c.RawCap == 0 {
		c.RawCap = DefaultRawCap
	}
	if c.MaxBatch == 0 {
		c.MaxBatch = 256
	}
	if c.Readers == 0 {
		c.Readers = 4
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// DB is an open store. It is safe for concurrent use.
type DB struct {
	cfg   Config
	lock  *os.File
	write *sql.DB // one connection
	read  *sql.DB
	codec *codec

	mu     sync.RWMutex // held for reading while a request enters the queue
	closed bool
	queue  chan *request
	done   chan struct{}         // closed when the writer has ended
	failed atomic.Pointer[error] // of the last transaction; nil after a good one

	rawBytes int64               // committed bytes of raw samples; the writer's
	commit   func(*sql.Tx) error // a test breaks it
}

// Open opens the store in cfg.Dir, or makes it. One program at a time: another
// one gets a *bearing.Error with code store_locked. store_newer says that the
// data were written by a newer program.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	cfg = cfg.withDefaults()
	if cfg.Dir == "" {
		return nil, errors.New("open store: no directory")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	db := &DB{cfg: cfg, lock: lock, queue: make(chan *request, 4*cfg.MaxBatch), done: make(chan struct{}), commit: (*sql.Tx).Commit}
	if err := db.open(ctx); err != nil {
		db.release()
		return nil, fmt.Errorf("open store in %s: %w", cfg.Dir, err)
	}
	go db.writer()
	return db, nil
}

// lockDir takes the lock that keeps a second program out. The kernel releases it
// when the process ends, however it ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, bearing.Errorf(bearing.Conflict, "store_locked", "the data directory %s is in use by another brinell: stop it, or name another directory", dir)
	}
	return f, nil
}

func (db *DB) open(ctx context.Context) (err error) {
	if db.codec, err = newCodec(); err != nil {
		return err
	}
	path := filepath.Join(db.cfg.Dir, "brinell.db")
	db.write = sql.OpenDB(newConnector(path, pragmas, pragmas))
	db.write.SetMaxOpenConns(1)
	if err := migrate(ctx, db.write); err != nil {
		return err
	}
	reading := append(pragmas[:len(pragmas):len(pragmas)], queryOnly)
	db.read = sql.OpenDB(newConnector(path, reading, reading))
	db.read.SetMaxOpenConns(db.cfg.Readers)
	db.read.SetMaxIdleConns(db.cfg.Readers)
	if err := db.read.PingContext(ctx); err != nil {
		return err
	}
	return db.write.QueryRowContext(ctx, "SELECT coalesce(sum(bytes), 0) FROM usage").Scan(&db.rawBytes)
}

// release closes what open opened.
func (db *DB) release() error {
	var errs []error
	for _, c := range []*sql.DB{db.read, db.write} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	if db.codec != nil {
		db.codec.close()
	}
	return errors.Join(append(errs, db.lock.Close())...)
}

// Close stores what is waiting, and closes the database. It is idempotent.
func (db *DB) Close() error {
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		<-db.done
		return nil
	}
	db.closed = true
	close(db.queue)
	db.mu.Unlock()
	<-db.done
	// The log is folded into the database, so that a copy of the file is whole.
	_, err := db.write.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	return errors.Join(err, db.release())
}

// Ready returns nil if the last transaction was stored.
func (db *DB) Ready() error {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		return errClosed
	}
	if e := db.failed.Load(); e != nil {
		return *e
	}
	return nil
}

var errClosed = bearing.Errorf(bearing.Overloaded, "store_closed", "the service is shutting down: try again later")
