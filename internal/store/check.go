package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Stats are the sizes of a store.
type Stats struct {
	Diagnoses  int64
	Raw        int64     // windows whose samples are kept
	RawBytes   int64     // their compressed size
	LastCommit time.Time // zero before the first since Open
}

// Stats sums the totals that are kept for each sensor: it costs the same however
// much is stored. After Close the error is Overloaded store_closed.
func (db *DB) Stats(ctx context.Context) (s Stats, err error) {
	release, err := db.reading()
	if err != nil {
		return s, err
	}
	defer release()
	err = db.read.QueryRowContext(ctx, "SELECT coalesce(sum(diagnoses), 0), coalesce(sum(raw), 0), coalesce(sum(bytes), 0) FROM usage").
		Scan(&s.Diagnoses, &s.Raw, &s.RawBytes)
	if err != nil {
		return Stats{}, fmt.Errorf("stats of store: %w", err)
	}
	if ns := db.last.Load(); ns != 0 {
		s.LastCommit = time.Unix(0, ns).UTC()
	}
	return s, nil
}

// checks are questions and the answers that a sound store gives. The totals are
// compared both ways: a sensor may be missing on either side.
var checks = []struct{ what, query, want string }{
	{"integrity", "PRAGMA integrity_check", "ok"},
	{"dangling references", "SELECT count(*) FROM pragma_foreign_key_check", "0"},
	{"sensors whose totals disagree with the rows", `
		WITH counted AS (
			SELECT d.sensor AS sensor, coalesce(sum(length(s.data)), 0) AS bytes, count(*) AS diagnoses, count(s.seq) AS raw
			FROM diagnoses d LEFT JOIN samples s ON s.seq = d.seq AND s.sensor = d.sensor GROUP BY d.sensor)
		SELECT (SELECT count(*) FROM (SELECT * FROM counted EXCEPT SELECT sensor, bytes, diagnoses, raw FROM usage))
			 + (SELECT count(*) FROM (SELECT sensor, bytes, diagnoses, raw FROM usage EXCEPT SELECT * FROM counted))`, "0"},
	{"samples of another sensor than their diagnosis", `
		SELECT count(*) FROM samples s JOIN diagnoses d USING (seq) WHERE s.sensor <> d.sensor`, "0"},
	{"resources that are no JSON", "SELECT count(*) FROM resources WHERE NOT json_valid(CAST(doc AS TEXT))", "0"},
	{"alarms that are no JSON", "SELECT count(*) FROM alarms WHERE NOT json_valid(CAST(doc AS TEXT))", "0"},
	{"counts of resources that disagree with the rows", `
		WITH counted AS (SELECT kind, '' AS part_of, count(*) AS n FROM resources GROUP BY kind
			UNION ALL SELECT kind, part_of, count(*) FROM resources WHERE part_of <> '' GROUP BY kind, part_of)
		SELECT (SELECT count(*) FROM (SELECT * FROM counted EXCEPT SELECT kind, part_of, n FROM resource_counts))
			 + (SELECT count(*) FROM (SELECT kind, part_of, n FROM resource_counts EXCEPT SELECT * FROM counted))`, "0"},
	{"counts of alarms that disagree with the rows", `
		SELECT count(*) FROM alarm_counts c WHERE n <> (SELECT count(*) FROM alarms a WHERE a.class = c.class)`, "0"},
	{"alarms of registered sensors that are not so marked, or the other way round", `
		SELECT count(*) FROM alarms a WHERE class < 6
			AND registered <> EXISTS (SELECT 1 FROM resources WHERE kind = 'sensor' AND key = a.sensor)`, "0"},
	{"bearings that are no JSON", "SELECT count(*) FROM bearings WHERE NOT json_valid(CAST(doc AS TEXT))", "0"},
}

// Check verifies the whole store: the database's own structure,
// references, the totals kept for retention, and the checksum of every blob and of every
// document that is packed. It reads everything and takes time. The error names the first thing found wrong.
func (db *DB) Check(ctx context.Context) error {
	release, err := db.reading()
	if err != nil {
		return err
	}
	defer release()
	if err := db.check(ctx); err != nil {
		return fmt.Errorf("check store: %w", err)
	}
	return nil
}

func (db *DB) check(ctx context.Context) error {
	for _, c := range checks {
		var got string
		if err := db.read.QueryRowContext(ctx, c.query).Scan(&got); err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		if got != c.want {
			return fmt.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
	for _, table := range []string{"diagnoses", "states"} {
		if err := db.checkDocuments(ctx, table); err != nil {
			return err
		}
	}
	rows, err := db.read.QueryContext(ctx, "SELECT seq, count, crc, data FROM samples")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var count int
		var crc uint32
		var blob []byte
		if err := rows.Scan(&seq, &count, &crc, &blob); err != nil {
			return err
		}
		if _, err := db.codec.decode(blob, count, crc); err != nil {
			return fmt.Errorf("row %d: %w", seq, err)
		}
	}
	return rows.Err()
}

// checkDocuments unpacks all documents of a table.
func (db *DB) checkDocuments(ctx context.Context, table string) error {
	rows, err := db.read.QueryContext(ctx, "SELECT rowid, sensor, doc FROM "+table)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var sensor string
		var packed, doc []byte
		if err := rows.Scan(&id, &sensor, &packed); err != nil {
			return err
		}
		if err := db.docs.into(&doc).Scan(packed); err != nil {
			return fmt.Errorf("row %d of %s, sensor %q: %w", id, table, sensor, err)
		}
		if !json.Valid(doc) {
			return fmt.Errorf("row %d of %s, sensor %q: the document is no JSON", id, table, sensor)
		}
	}
	return rows.Err()
}
