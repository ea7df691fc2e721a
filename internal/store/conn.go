package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	_ "embed"
	"fmt"
	"net/url"
	"strings"

	"modernc.org/sqlite"
)

// pragma is a setting that every connection must have.
type pragma struct {
	name, set string
	want      string // as it reads back
}

// pragmas are in the order in which they are set: auto_vacuum counts only
// before the first table is made.
var pragmas = []pragma{
	{"busy_timeout", "5000", "5000"},
	{"auto_vacuum", "INCREMENTAL", "2"},
	{"journal_mode", "WAL", "wal"},
	{"synchronous", synchronous, synchronousReads},
	{"fullfsync", "ON", "1"}, // of macOS, whose fsync leaves data in the drive's cache; else without effect
	{"foreign_keys", "ON", "1"},
	{"temp_store", "MEMORY", "2"},                  // the root file system may be read-only
	{"journal_size_limit", "67108864", "67108864"}, // a long reader makes the log grow: it shrinks again
}

var queryOnly = pragma{"query_only", "ON", "1"}

// connector opens connections with the given pragmas, reads each back, and
// refuses a connection that differs: synchronous is a property of the
// connection, not of the file, and a silent NORMAL would lose acknowledged rows.
type connector struct {
	dsn  string
	want []pragma
}

func newConnector(path string, set, want []pragma) *connector {
	var q []string
	for _, p := range set {
		q = append(q, "_pragma="+url.QueryEscape(p.name+"("+p.set+")"))
	}
	u := url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: strings.Join(append(q, "_txlock=immediate"), "&")}
	return &connector{u.String(), want}
}

func (c *connector) Driver() driver.Driver { return &sqlite.Driver{} }

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	for _, p := range c.want {
		got, err := readPragma(ctx, conn, p.name)
		if err == nil && got != p.want {
			err = fmt.Errorf("pragma %s reads back as %q, want %q", p.name, got, p.want)
		}
		if err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

func readPragma(ctx context.Context, conn driver.Conn, name string) (string, error) {
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, "PRAGMA "+name, nil)
	if err != nil {
		return "", fmt.Errorf("pragma %s: %w", name, err)
	}
	defer rows.Close()
	v := make([]driver.Value, 1)
	if err := rows.Next(v); err != nil {
		return "", fmt.Errorf("pragma %s: %w", name, err)
	}
	if b, ok := v[0].([]byte); ok {
		return string(b), nil
	}
	return fmt.Sprint(v[0]), nil
}

//go:embed schema1.sql
var schema1 string

//go:embed schema2.sql
var schema2 string

//go:embed schema3.sql
var schema3 string

//go:embed schema4.sql
var schema4 string

//go:embed schema5.sql
var schema5 string

//go:embed schema6.sql
var schema6 string

//go:embed schema7.sql
var schema7 string

//go:embed schema8.sql
var schema8 string

// migrations turn schema version i into i+1. A published one never changes.
var migrations = []string{schema1, schema2, schema3, schema4, schema5, schema6, schema7, schema8}

// migrate brings the database to the newest of the given schemas, each step in
// a transaction of its own, so that a step that fails leaves the one before it.
func migrate(ctx context.Context, db *sql.DB, migrations []string) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	for ; version < len(migrations); version++ {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return fmt.Errorf("migrate to schema %d: %w", version+1, err)
		}
		if _, err = tx.ExecContext(ctx, migrations[version]+fmt.Sprintf("\nPRAGMA user_version = %d;", version+1)); err == nil {
			err = tx.Commit()
		}
		if err != nil {
			_ = tx.Rollback()
			return fmt.Errorf("migrate to schema %d: %w", version+1, err)
		}
	}
	return nil
}
