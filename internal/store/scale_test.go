package store

import (
	"testing"
	"time"

	"brinell/bearing"
)

// BenchmarkAlarmFilters asks among 50,000 alarms, all open but each tenth, for what hardly any is.
func BenchmarkAlarmFilters(b *testing.B) {
	dir := b.TempDir()
	shut(b, open(b, Config{Dir: dir}))
	raw(b, dir, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
		INSERT INTO alarms (id, sensor, open, raised_ns, version, doc)
		SELECT 'a' || i, 's' || (i % 50), i % 10 > 0, i * 1000000000, 1, CAST(json_object('id', 'a' || i, 'sensor', 's' || (i % 50), 'axis', '',
			'severity', 'alarm', 'state', CASE WHEN i % 10 > 0 THEN 'active' ELSE 'closed' END, 'text', printf('%0400d', i)) AS BLOB) FROM n`)
	db := open(b, Config{Dir: dir})
	none := "zz"
	for name, q := range map[string]bearing.AlarmQuery{
		"severity": {Severity: "warning"}, "state": {State: bearing.AlarmAcknowledged}, "sensor+state": {Sensor: "s7", State: bearing.AlarmAcknowledged},
		"sensor+axis": {Sensor: "s7", Axis: &none}, "axis": {Axis: &none}, "page": {Limit: 1000}, "open": {Open: true},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := db.Alarms(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("metrics", func(b *testing.B) {
		for b.Loop() {
			open, err := db.OpenAlarms(b.Context(), time.Now(), 40)
			if err != nil || open.Count[[2]string{"alarm", bearing.AlarmActive}] != 45_000 || len(open.First) != 40 {
				b.Fatal(open.Count, len(open.First), err)
			}
		}
	})
}
