package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// maxJump is how far the clock may be from the latest time that was believed. A longer step
// ahead is a clock that was set wrong, or a long time off, one back a clock that is behind now,
// or was believed wrongly: which of them, only an operator can say, and until then nothing is
// removed for its age.
const maxJump = 24 * time.Hour

// clock is the time that retention by age goes by; the writer's. Both its errors keep
// rows longer: the time that is believed never jumps ahead, and the hour in which a row
// is received never lies before one already written.
type clock struct {
	trusted time.Time // the latest that is believed
	hour    int64     // of the newest row of table hours
	written int64     // the same in the transaction under way
	held    bool      // the clock is more than maxJump from trusted
}

// look takes the time now. It reports whether its hour is a new one, to be written.
func (c *clock) look(now time.Time) (hour int64, fresh bool) {
	if c.held = now.Sub(c.trusted).Abs() > maxJump; !c.held && now.After(c.trusted) {
		c.trusted = now
	}
	hour = now.Unix() / 3600
	return hour, hour > c.hour
}

// openClock reads the clock. A store without one believes the present time, and so does
// one that is told to.
func (db *DB) openClock(ctx context.Context) error {
	now := db.cfg.Now().Round(0)
	var ns int64
	err := db.write.QueryRowContext(ctx, "SELECT coalesce((SELECT trusted_ns FROM clock), 0), coalesce((SELECT max(hour) FROM hours), 0)").Scan(&ns, &db.clock.hour)
	if err != nil {
		return err
	}
	if db.clock.trusted = time.Unix(0, ns); ns == 0 || db.cfg.TrustClock {
		db.clock.trusted = now
	}
	return nil
}

// tick writes the hour if it is a new one, before the rows that are received in it.
func (db *DB) tick(ctx context.Context, t statements) error {
	now := db.cfg.Now().Round(0)
	hour, fresh := db.clock.look(now)
	if db.clock.trusted.Equal(now) && db.clock.hour > now.Add(maxJump).Unix()/3600 {
		if err := db.forget(ctx, t, now); err != nil {
			return err
		}
		fresh = hour > db.clock.written
	}
	if db.clock.written = max(hour, db.clock.written); !fresh {
		return nil
	}
	if _, err := t.tx.ExecContext(ctx, "INSERT INTO hours SELECT ?, coalesce(max(seq), 0) + 1 FROM diagnoses WHERE true ON CONFLICT DO NOTHING", hour); err != nil {
		return err
	}
	_, err := t.tx.ExecContext(ctx, "INSERT INTO clock VALUES (1, ?) ON CONFLICT DO UPDATE SET trusted_ns = excluded.trusted_ns", db.clock.trusted.UnixNano())
	return err
}

// forget takes out the hours of a clock that ran ahead and was never believed, now that it is
// right: rows that were received in them, or since, are taken to be received now at the
// earliest. Otherwise all that follow would be of those hours, and kept until they are over.
func (db *DB) forget(ctx context.Context, t statements, now time.Time) error {
	var first, last int64
	limit := now.Add(maxJump).Unix() / 3600
	err := t.tx.QueryRowContext(ctx, "SELECT min(seq), (SELECT coalesce(max(hour), 0) FROM hours WHERE hour <= ?1) FROM hours WHERE hour > ?1", limit).Scan(&first, &last)
	if err == nil {
		err = execute(ctx, t.tx, "DELETE FROM hours WHERE hour > ?", limit)
	}
	if hour := now.Unix() / 3600; err == nil && last < hour {
		last = hour
		err = execute(ctx, t.tx, "INSERT INTO hours VALUES (?, ?)", hour, first)
	}
	db.clock.written = last
	return err
}

// aged does one step of removing what is older than it is kept, and reports whether there
// may be more.
func (db *DB) aged() (more bool) {
	if db.cfg.RawAge == 0 && db.cfg.Age == 0 {
		return false
	}
	was := db.clock.held
	hour, fresh := db.clock.look(db.cfg.Now().Round(0))
	if db.clock.held != was {
		if db.clock.held {
			db.cfg.Log.Error("the clock is far from what was believed last: nothing is removed for its age until it is set right, or the service is started with --trust-clock",
				"believed", db.clock.trusted.UTC(), "clock", db.cfg.Now().UTC())
		} else {
			db.cfg.Log.Info("the clock agrees again: retention by age goes on")
		}
	}
	if db.clock.held || !fresh && db.agedIn == hour {
		return false
	}
	removed := 0
	err := db.transact(func(ctx context.Context, t statements) (raw int64, err error) {
		if err := db.tick(ctx, t); err != nil {
			return 0, err
		}
		removed, raw, err = t.removeAged(ctx, db.clock.trusted, db.cfg.RawAge, db.cfg.Age, db.rawBytes)
		return raw, err
	})
	db.report(err)
	if err != nil {
		return false
	}
	if removed == 0 {
		db.agedIn = hour
	}
	return removed > 0
}

// removeAged removes up to retentionStep rows: samples received more than rawAge before
// now, diagnoses more than age; 0 is for ever. raw is the sum of samples' bytes, which it
// returns as it is then.
func (t statements) removeAged(ctx context.Context, now time.Time, rawAge, age time.Duration, raw int64) (n int, _ int64, err error) {
	each := func(age time.Duration, table string, remove func(seq int64, sensor string, size int64) error) error {
		if age == 0 || n > 0 {
			return nil
		}
		rows, err := t.tx.QueryContext(ctx, `
			SELECT d.seq, d.sensor, coalesce(length(s.data), -1)
			FROM `+table+` LEFT JOIN samples s ON s.seq = d.seq
			WHERE d.seq < min((SELECT max(seq) FROM diagnoses), coalesce((SELECT seq FROM hours WHERE hour >= ? ORDER BY hour LIMIT 1), 9223372036854775807))
			ORDER BY d.seq LIMIT ?`, now.Add(-age).Unix()/3600, retentionStep)
		if err != nil {
			return err
		}
		type row struct {
			seq, size int64
			sensor    string
		}
		var found []row
		for rows.Next() {
			var r row
			if err := rows.Scan(&r.seq, &r.sensor, &r.size); err != nil {
				return errors.Join(err, rows.Close())
			}
			found = append(found, r)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for _, r := range found {
			if err := remove(r.seq, r.sensor, r.size); err != nil {
				return err
			}
		}
		n += len(found)
		return nil
	}
	samples := func(seq int64, sensor string, size int64) error {
		if size < 0 {
			return nil
		}
		raw -= size
		_, err := t.remove.ExecContext(ctx, seq)
		if err == nil {
			_, err = t.subtract.ExecContext(ctx, size, sensor)
		}
		return err
	}
	err = each(rawAge, "samples d", samples)
	if err == nil {
		err = each(age, "diagnoses d", func(seq int64, sensor string, size int64) error {
			if err := samples(seq, sensor, size); err != nil {
				return err
			}
			return errors.Join(execute(ctx, t.tx, "DELETE FROM diagnoses WHERE seq = ?", seq),
				execute(ctx, t.tx, "UPDATE usage SET diagnoses = diagnoses - 1 WHERE sensor = ?", sensor),
				execute(ctx, t.tx, "DELETE FROM recent WHERE sensor = ? AND seq = ?", sensor, seq),
				t.forget(ctx, sensor))
		})
	}
	return n, raw, err
}

// forget removes what is kept of a sensor whose last diagnosis is gone.
func (t statements) forget(ctx context.Context, sensor string) error {
	return errors.Join(
		execute(ctx, t.tx, "DELETE FROM usage WHERE sensor = ? AND diagnoses = 0", sensor),
		execute(ctx, t.tx, "DELETE FROM states WHERE sensor = ?1 AND NOT EXISTS (SELECT 1 FROM usage WHERE sensor = ?1)", sensor),
		execute(ctx, t.tx, "DELETE FROM alarm_machines WHERE sensor = ?1 AND NOT EXISTS (SELECT 1 FROM usage WHERE sensor = ?1)", sensor),
		execute(ctx, t.tx, "DELETE FROM unfolded WHERE sensor = ?1 AND NOT EXISTS (SELECT 1 FROM usage WHERE sensor = ?1)", sensor))
}

func execute(ctx context.Context, tx *sql.Tx, text string, args ...any) error {
	_, err := tx.ExecContext(ctx, text, args...)
	return err
}
