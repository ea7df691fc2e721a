package service

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"brinell/internal/clamp"
)

// tallyEvery is how often a line says what came.
const tallyEvery = time.Minute

// tally writes a line a minute of the windows that were taken and refused since the last, and
// none where nothing came. The counters have one label, or none.
type tally struct {
	log      *slog.Logger
	taken    prometheus.Collector // windows stored
	repeated prometheus.Collector // windows that were there already
	refused  prometheus.Collector // windows, by error code
	files    prometheus.Collector // of the watched directory, by result

	last map[string]map[string]int // what each counted when it was looked at last
}

// run writes until ctx ends, and then what has come since the last line.
func (y *tally) run(ctx context.Context) {
	began := time.Now()
	t := time.NewTicker(tallyEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			y.write(time.Since(began))
			began = time.Now()
		case <-ctx.Done():
			y.write(time.Since(began))
			return
		}
	}
}

// write writes what has come since the last time, which was so long ago.
func (y *tally) write(during time.Duration) {
	refused, failed := y.since("refused", y.refused), y.since("files", y.files)["failed"]
	taken, repeated := total(y.since("taken", y.taken)), total(y.since("repeated", y.repeated))
	if taken+repeated+total(refused)+failed == 0 {
		return
	}
	attrs := []slog.Attr{slog.Duration("duration", during.Round(time.Second)), slog.Int("taken", taken),
		slog.Int("repeated", repeated), slog.Int("refused", total(refused))}
	var reasons []any
	for _, code := range slices.Sorted(maps.Keys(refused)) {
		reasons = append(reasons, slog.Int(code, refused[code]))
	}
	attrs = append(attrs, slog.Group("refused_by", reasons...), slog.Int("files_failed", failed))
	y.log.LogAttrs(context.Background(), slog.LevelInfo, "windows", attrs...)
}

// since returns by how much the counters of c have risen since the last call with that name,
// those that have.
func (y *tally) since(name string, c prometheus.Collector) map[string]int {
	now := readCounters(c)
	risen := make(map[string]int)
	for label, n := range now {
		if d := n - y.last[name][label]; d > 0 {
			risen[label] = d
		}
	}
	if y.last == nil {
		y.last = make(map[string]map[string]int)
	}
	y.last[name] = now
	return risen
}

// readCounters returns the values of counters by their label, "" for one that has none.
func readCounters(c prometheus.Collector) map[string]int {
	ch := make(chan prometheus.Metric)
	go func() {
		c.Collect(ch)
		close(ch)
	}()
	values := make(map[string]int)
	for m := range ch {
		var v dto.Metric
		if err := m.Write(&v); err != nil {
			continue // it is shown with an error in /metrics
		}
		label := ""
		for _, l := range v.Label {
			label = l.GetValue()
		}
		values[label] = clamp.Count(v.GetCounter().GetValue())
	}
	return values
}

func total(counts map[string]int) (sum int) {
	for _, n := range counts {
		sum += n
	}
	return sum
}
