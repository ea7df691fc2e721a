package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"brinell/bearing"
)

// State returns the last state of a sensor axis that PutStates kept, nil for none and empty
// for one that is damaged, and the diagnoses of the axis that it does not cover, in the order in
// which they were stored. A
// sensor that is not folded has rows from before there were states: History has them.
// What it reads does not grow with what is stored.
func (db *DB) State(ctx context.Context, sensor, axis string) (s bearing.StoredState, err error) {
	release, err := db.reading()
	if err != nil {
		return s, err
	}
	defer release()
	defer func() { err = ended(ctx, err) }()
	defer func() {
		if err != nil {
			err = fmt.Errorf("state of %q: %w", sensor, err)
		}
	}()
	tx, err := db.own.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // the parts are of one moment
	if err != nil {
		return s, err
	}
	defer func() { _ = tx.Rollback() }()
	err = tx.QueryRowContext(ctx, "SELECT NOT EXISTS (SELECT 1 FROM unfolded WHERE sensor = ?)", sensor).Scan(&s.Folded)
	if err != nil {
		return s, err
	}
	var packed []byte
	err = tx.QueryRowContext(ctx, "SELECT doc FROM states WHERE sensor = ? AND axis = ?", sensor, axis).Scan(&packed)
	switch {
	case err == nil:
		if db.docs.into(&s.Doc).Scan(packed) != nil {
			s.Doc = []byte{}
		}
	case !errors.Is(err, sql.ErrNoRows):
		return s, err
	}
	rows, err := tx.QueryContext(ctx, "SELECT d.doc FROM recent r CROSS JOIN diagnoses d ON d.seq = r.seq WHERE r.sensor = ? AND r.axis = ? ORDER BY r.seq", sensor, axis)
	if err != nil {
		return s, err
	}
	return s, db.diagnoses(rows, func(d bearing.Diagnosis) error {
		s.Since = append(s.Since, d)
		return nil
	})
}

// diagnoses calls each with the diagnoses of rows, and closes them. Those that are damaged are
// left out: the rest of their sensor goes on without them, and Check names them.
func (db *DB) diagnoses(rows *sql.Rows, each func(bearing.Diagnosis) error) error {
	defer rows.Close()
	for rows.Next() {
		var doc []byte
		var d bearing.Diagnosis
		if rows.Scan(db.docs.into(&doc)) != nil || json.Unmarshal(doc, &d) != nil {
			continue
		}
		if err := each(d); err != nil {
			return err
		}
	}
	return rows.Err()
}

// PutStates keeps states of a sensor's axes, each of which covers the diagnoses that it
// names beside those that the one before covered. folded says that the sensor has no rows
// any more that no state covers but those of recent.
func (db *DB) PutStates(ctx context.Context, sensor string, folded bool, states ...bearing.AxisState) error {
	release, err := db.reading() // the encoder, too, lives until Close
	if err != nil {
		return err
	}
	packed := make([][]byte, len(states))
	for i := range states {
		packed[i] = db.docs.pack(states[i].Doc)
	}
	release()
	return db.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for i, s := range states {
			if err := putState(ctx, tx, sensor, &s, packed[i]); err != nil {
				return err
			}
		}
		if !folded {
			return nil
		}
		return execute(ctx, tx, "DELETE FROM unfolded WHERE sensor = ?", sensor)
	})
}

// putState keeps a state, whose document is packed.
func putState(ctx context.Context, tx *sql.Tx, sensor string, s *bearing.AxisState, packed []byte) error {
	ids, err := json.Marshal(s.Covers)
	if err != nil {
		return err
	}
	return errors.Join(
		execute(ctx, tx, "INSERT INTO states (sensor, axis, doc) VALUES (?, ?, ?) ON CONFLICT (sensor, axis) DO UPDATE SET doc = excluded.doc", sensor, s.Axis, packed),
		execute(ctx, tx, `DELETE FROM recent WHERE sensor = ? AND axis = ?
			AND seq IN (SELECT d.seq FROM json_each(?) j CROSS JOIN diagnoses d ON d.id = j.value)`, sensor, s.Axis, string(ids)))
}

// Unfolded returns the sensors that have rows which no state covers, and that are not of
// recent.
func (db *DB) Unfolded(ctx context.Context) (names []string, err error) {
	return db.texts(ctx, db.own, "SELECT sensor FROM unfolded ORDER BY sensor")
}

// Axes returns the axes of a sensor of which something is stored, as far as it is folded.
func (db *DB) Axes(ctx context.Context, sensor string) (axes []string, err error) {
	return db.texts(ctx, db.own, "SELECT axis FROM states WHERE sensor = ?1 UNION SELECT axis FROM recent WHERE sensor = ?1 ORDER BY axis", sensor)
}

// texts returns the one column of a query.
func (db *DB) texts(ctx context.Context, from *sql.DB, query string, args ...any) (out []string, err error) {
	release, err := db.reading()
	if err != nil {
		return nil, err
	}
	defer release()
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// forgetStep is how many windows of a sensor are removed in one transaction.
const forgetStep = 500

// ForgetSensor removes all that is stored of a sensor but what is registered and its alarms,
// some hundred windows at a time. NotFound sensor_not_found says that nothing is stored of it.
func (db *DB) ForgetSensor(ctx context.Context, sensor string) error {
	for found := false; ; {
		n := int64(0)
		r := &request{answer: make(chan result, 1)}
		r.apply = func(ctx context.Context, tx *sql.Tx) (err error) {
			n, r.freed, err = statements{tx: tx}.forgetSome(ctx, sensor)
			return err
		}
		if err := db.enqueue(ctx, r); err != nil {
			return err
		}
		if a := <-r.answer; a.err != nil {
			return a.err
		}
		switch found = found || n > 0; {
		case !found:
			return bearing.Errorf(bearing.NotFound, "sensor_not_found", "nothing has come from a sensor %q", bearing.Clip(sensor))
		case n < forgetStep:
			return nil
		}
	}
}

// forgetSome removes up to forgetStep windows of a sensor, and with the last one what else is
// kept of it. It returns how many, and the bytes of their samples.
func (t statements) forgetSome(ctx context.Context, sensor string) (n, freed int64, err error) {
	const some = "(SELECT seq FROM diagnoses INDEXED BY diagnoses_sensor WHERE sensor = ?1 ORDER BY start_ns, seq LIMIT ?2)"
	var raw int64
	err = t.tx.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM "+some+"), count(*), coalesce(sum(length(data)), 0) FROM samples WHERE seq IN "+some, sensor, forgetStep).Scan(&n, &raw, &freed)
	if err != nil || n == 0 {
		return n, freed, err
	}
	for _, table := range []string{"samples", "recent", "diagnoses"} {
		if err := execute(ctx, t.tx, "DELETE FROM "+table+" WHERE sensor = ?1 AND seq IN "+some, sensor, forgetStep); err != nil {
			return n, freed, err
		}
	}
	err = execute(ctx, t.tx, "UPDATE usage SET diagnoses = diagnoses - ?, raw = raw - ?, bytes = bytes - ? WHERE sensor = ?", n, raw, freed, sensor)
	if err != nil {
		return n, freed, err
	}
	return n, freed, t.forget(ctx, sensor)
}
