package service

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"brinell/internal/diagnose"
	"brinell/internal/watch"
)

// jsonLog is a log as JSON without times, whose lines are the result of each call of the
// second one.
func jsonLog() (*slog.Logger, func() []string) {
	var b lockedBuffer
	log := slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}}))
	return log, func() (lines []string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		for line := range strings.Lines(b.String()) {
			lines = append(lines, strings.TrimSpace(line))
		}
		b.Reset()
		return lines
	}
}

// lockedBuffer is a buffer that is written while it is read.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// TestTally: a line a minute says what came since the last, nothing while nothing comes, and
// the last line comes at the end.
func TestTally(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metrics, err := diagnose.NewMetrics(prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		watched, err := watch.NewMetrics(prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		refused := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "refused"}, []string{"code"})
		log, lines := jsonLog()
		y := tally{log: log, taken: metrics.Quality, repeated: metrics.Repeated, refused: refused, files: watched.Files()}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			y.run(ctx)
		}()
		wait := func(d time.Duration, want ...string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := lines(); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("written: %s, want %s", got, want)
			}
		}
		wait(5 * time.Minute)
		metrics.Quality.WithLabelValues("good").Add(2e6)
		metrics.Quality.WithLabelValues("unusable").Inc()
		metrics.Repeated.Add(3)
		refused.WithLabelValues("overloaded").Add(5)
		refused.WithLabelValues("body_invalid").Add(2)
		wait(59 * time.Second)
		const first = `{"msg":"windows","duration":60000000000,"taken":2000001,"repeated":3,"refused":7,"refused_by":{"body_invalid":2,"overloaded":5},"files_failed":0}`
		wait(time.Second, first)
		wait(3 * time.Minute)
		refused.WithLabelValues("overloaded").Inc() // the others have not risen since
		wait(time.Minute, `{"msg":"windows","duration":60000000000,"taken":0,"repeated":0,"refused":1,"refused_by":{"overloaded":1},"files_failed":0}`)
		watched.Files().WithLabelValues("taken").Inc() // its windows are counted by themselves
		wait(time.Minute)
		watched.Files().WithLabelValues("failed").Inc()
		wait(time.Minute, `{"msg":"windows","duration":60000000000,"taken":0,"repeated":0,"refused":0,"files_failed":1}`)
		metrics.Repeated.Inc()
		wait(20 * time.Second)
		cancel()
		<-ended
		wait(5*time.Minute, `{"msg":"windows","duration":20000000000,"taken":0,"repeated":1,"refused":0,"files_failed":0}`)
	})
}
