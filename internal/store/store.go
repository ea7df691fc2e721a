package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"brinell/bearing"
)

// Config says where and how much. Zero fields mean the documented defaults.
type Config struct {
	Dir      string           // data directory, made with mode 0700 if it is missing
	RawCap   int64            // bytes of compressed raw samples kept, default 10 GiB
	RawAge   time.Duration    // how long raw samples are kept after they were received, default for ever
	Age      time.Duration    // how long diagnoses are kept, and their samples; default for ever
	MaxBatch int              // windows in one transaction, default 256
	Readers  int              // connections for reading, default 16; what a window waits for has others
	Log      *slog.Logger     // default none
	Now      func() time.Time // clock of retention by age and Stats.LastCommit, default time.Now
	LockWait time.Duration    // how long Open waits for another program to end, default not at all

	// TrustClock takes the present time as right, however far it is ahead of the last
	// time that was believed: retention by age goes by it.
	TrustClock bool

	// Committed is told of what has been stored, in its order, before its callers are.
	// The writer waits for it.
	Committed func([]bearing.Event)

	commit    func(*sql.Tx) error // a test breaks it
	queryTime time.Duration       // a test shortens it
	free      func(dir string) (int64, error)
	copied    bool // the database is a copy already: an upgrade needs no other
}

// DefaultRawCap is the default of Config.RawCap.
const DefaultRawCap = 10 << 30

// Validate reports what makes the configuration unusable.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return errors.New("no directory")
	case c.RawCap < 0:
		return fmt.Errorf("raw cap %d is negative", c.RawCap)
	case c.RawAge < 0 || c.Age < 0:
		return errors.New("an age is negative")
	case c.MaxBatch < 0:
		return fmt.Errorf("batch size %d is negative", c.MaxBatch)
	case c.LockWait < 0:
		return fmt.Errorf("wait for the lock %v is negative", c.LockWait)
	case c.Readers < 0:
		return fmt.Errorf("number of readers %d is negative", c.Readers)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.RawCap == 0 {
		c.RawCap = DefaultRawCap
	}
	if c.MaxBatch == 0 {
		c.MaxBatch = 256
	}
	if c.Readers == 0 {
		c.Readers = 16
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.commit == nil {
		c.commit = commit
	}
	if c.free == nil {
		c.free = freeSpace
	}
	if c.queryTime == 0 {
		c.queryTime = queryTime
	}
	return c
}

// DB is an open store. It is safe for concurrent use.
type DB struct {
	cfg   Config
	lock  *hold
	place place   // of the files that are open
	write *sql.DB // one connection, the writer's
	read  *sql.DB // for lists, trends and streams
	own   *sql.DB // for what a window waits for: lists, however many, keep nobody from it
	codec *codec
	docs  *documents
	stmt  statements

	mu     sync.RWMutex // held for reading while a request enters the queue
	closed bool
	queue  chan *request
	done   chan struct{} // closed when the writer has ended
	close  func() error  // runs once

	life sync.RWMutex // held for reading by a read, for writing by Close
	gone bool         // the connections are closed

	failed   atomic.Pointer[error] // of the last transaction; nil after a good one
	last     atomic.Int64          // Config.Now at the last commit, ns; 0 before it
	rawBytes int64                 // committed bytes of raw samples; the writer's
	cause    error                 // of the last failure as SQLite has it; the writer's
	events   []bearing.Event       // of the transaction under way; the writer's
	stored   bool                  // the last transaction was committed, wherever; the writer's
	at       bearing.Position      // of the newest event; the writer's
	clock    clock
	agedIn   int64 // hour in which nothing old was left; the writer's
	cutIn    int64 // the same of the log of alarms
}

// Open opens the store in cfg.Dir, or makes it, and brings its schema up to
// date, after it has made a copy of before. One program at a time: another one gets Conflict store_locked. Conflict
// store_newer says that a newer program wrote the data. A connection whose
// settings do not read back as they were set is an error too.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	cfg = cfg.withDefaults()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	lock, err := waitForLock(ctx, cfg.Dir, cfg.LockWait, cfg.Log)
	if err != nil {
		return nil, err
	}
	db := &DB{cfg: cfg, lock: lock, queue: make(chan *request, 4*cfg.MaxBatch), done: make(chan struct{})}
	db.close = sync.OnceValue(db.shutdown)
	path := filepath.Join(cfg.Dir, "brinell.db")
	err = lock.database(path, cfg.Dir)
	if err == nil {
		err = db.open(ctx)
	}
	if err == nil {
		err = lock.database(path, cfg.Dir) // of one that was made now
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store in %s: %w", cfg.Dir, err), db.release())
	}
	go db.writer()
	return db, nil
}

// waitForLock is lockDir, tried until wait is over or ctx ends: a program that was told
// to stop still stores what is in flight.
func waitForLock(ctx context.Context, dir string, wait time.Duration, log *slog.Logger) (*hold, error) {
	const pause = 10 * time.Millisecond
	for end := time.Now().Add(wait); ; {
		h, err := lockDir(dir, log)
		if bearing.CodeOf(err) != "store_locked" || !time.Now().Before(end) {
			return h, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(pause):
		}
	}
}

func (db *DB) open(ctx context.Context) (err error) {
	if db.codec, err = newCodec(); err != nil {
		return err
	}
	if db.docs, err = newDocuments(); err != nil {
		return err
	}
	path := filepath.Join(db.cfg.Dir, "brinell.db")
	// Made here, the file and the log beside it get its mode whatever the umask
	// and the directory's mode are.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	db.write = sql.OpenDB(newConnector(path, pragmas, pragmas))
	db.write.SetMaxOpenConns(1)
	if err := upgrade(ctx, db.write, db.cfg, migrations); err != nil {
		return err
	}
	if db.stmt, err = prepare(ctx, db.write, db.docs); err != nil {
		return err
	}
	reading := append(pragmas[:len(pragmas):len(pragmas)], queryOnly)
	// To set auto_vacuum is a write, and two syncs, on each of them.
	set := slices.DeleteFunc(slices.Clone(reading), func(p pragma) bool { return p.name == "auto_vacuum" })
	db.read, err = openReaders(ctx, newConnector(path, set, reading), db.cfg.Readers)
	if err != nil {
		return err
	}
	db.own, err = openReaders(ctx, newConnector(path, set, reading), ownReaders)
	if err != nil {
		return err
	}
	if db.at, err = db.Position(ctx); err != nil {
		return err
	}
	if err := db.openClock(ctx); err != nil {
		return err
	}
	if err := db.write.QueryRowContext(ctx, "SELECT coalesce(sum(bytes), 0) FROM usage").Scan(&db.rawBytes); err != nil {
		return err
	}
	db.place, err = placeOf(db.lock.dir, path)
	return err
}

// ownReaders are the connections for what a window waits for: one may be busy for seconds with
// the history of a sensor, which is folded for one at a time, and the others with states.
const ownReaders = 4

// openReaders opens n connections for reading, which are kept: later there may be no
// descriptors for them.
func openReaders(ctx context.Context, c *connector, n int) (*sql.DB, error) {
	read := sql.OpenDB(c)
	read.SetMaxOpenConns(n)
	read.SetMaxIdleConns(n)
	for range n {
		conn, err := read.Conn(ctx)
		if err != nil {
			return read, err
		}
		defer conn.Close()
	}
	return read, nil
}

// release closes what open opened, the lock last.
func (db *DB) release() error {
	var errs []error
	for _, readers := range []*sql.DB{db.read, db.own} {
		if readers != nil {
			errs = append(errs, readers.Close())
		}
	}
	if db.write != nil {
		errs = append(errs, db.stmt.close(), db.write.Close())
	}
	errs = append(errs, db.place.extent.close())
	if db.codec != nil {
		db.codec.close()
	}
	if db.docs != nil {
		db.docs.close()
	}
	if db.lock != nil {
		errs = append(errs, db.lock.release())
	}
	return errors.Join(errs...)
}

// Close stores what is waiting, waits for reads, folds the log into the database, so that
// a copy of the one file is whole, and closes it. If another database is at its place by
// then, SQLite leaves the log of that alone. It is idempotent: every call returns the first
// one's error.
func (db *DB) Close() error { return db.close() }

func (db *DB) shutdown() error {
	db.mu.Lock()
	db.closed = true
	close(db.queue)
	db.mu.Unlock()
	<-db.done
	db.life.Lock()
	defer db.life.Unlock()
	db.gone = true
	_, err := db.write.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	return errors.Join(err, db.release())
}

// reading keeps the connections open until the function it returns is called.
// After Close the error is Overloaded store_closed.
func (db *DB) reading() (func(), error) {
	db.life.RLock()
	if db.gone {
		db.life.RUnlock()
		return nil, errClosed
	}
	return db.life.RUnlock, nil
}

// queryTime is how long a list or a trend may read. The log of the database grows beside a
// reader, for nothing of it is taken over before the reader ends.
const queryTime = 10 * time.Second

// querying is reading for what a client may make long: it ends after queryTime. What its
// error is then, end says, and it is that of ctx where that has ended.
func (db *DB) querying(ctx context.Context) (limited context.Context, end func(error) error, err error) {
	return db.queryingFor(ctx, db.cfg.queryTime)
}

// queryingFor is querying of which so much of queryTime is left.
func (db *DB) queryingFor(ctx context.Context, left time.Duration) (limited context.Context, end func(error) error, err error) {
	release, err := db.reading()
	if err != nil {
		return nil, nil, err
	}
	limited, cancel := context.WithTimeout(ctx, left)
	return limited, func(err error) error {
		timeout := err != nil && limited.Err() != nil && ctx.Err() == nil
		cancel()
		release()
		if timeout {
			return bearing.Errorf(bearing.Overloaded, "query_timeout", "the query took more than %s: ask for a shorter time", db.cfg.queryTime)
		}
		return ended(ctx, err)
	}, nil
}

// ended is the error of a read: that of ctx once nobody waits for it, of which SQLite says that
// it was interrupted.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Ready returns nil if the last transaction was stored, and its error if not.
// After an error the writer tries the disk every probeInterval, so Ready
// recovers without a window. While the database is not at its place the error is
// Overloaded storage_replaced, after Close Overloaded store_closed.
func (db *DB) Ready() error {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		return errClosed
	}
	if e := db.failed.Load(); e != nil {
		return *e
	}
	if db.inPlace() != nil {
		return errReplaced
	}
	return nil
}

var errClosed = bearing.Errorf(bearing.Overloaded, "store_closed", "the service is shutting down: try again later")
