package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"brinell/internal/clamp"
)

// progress shows how far a long piece of work is: a bar on a terminal, a plain
// line every few seconds elsewhere, nothing if the work is short.
type progress struct {
	w     io.Writer
	title string
	unit  string
	bar   *progressbar.ProgressBar
	start time.Time
	last  time.Time
	done  int
}

// plainEvery is the pace of plain progress lines.
const plainEvery = 5 * time.Second

// newProgress begins to show the work called title on w.
func newProgress(w io.Writer, title, unit string) *progress {
	p := &progress{w: w, title: title, unit: unit, start: time.Now(), last: time.Now()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions(-1,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription(title),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish())
	}
	return p
}

// set reports that done of total are finished; note is shown with it.
func (p *progress) set(done, total int, note string) {
	p.done = done
	if p.bar != nil {
		if p.bar.GetMax() != total {
			p.bar.ChangeMax(total)
		}
		p.bar.Describe(p.title + " " + note)
		_ = p.bar.Set(done)
		return
	}
	if now := time.Now(); now.Sub(p.last) >= plainEvery {
		p.last = now
		left := ""
		if done > 0 {
			left = ", " + duration(clamp.Nanoseconds(float64(now.Sub(p.start))*float64(total-done)/float64(done))) + " left"
		}
		fmt.Fprintf(p.w, "%s: %d of %d %s%s %s\n", p.title, done, total, p.unit, left, note)
	}
}

// duration is a time for people.
func duration(d time.Duration) string { return d.Round(time.Second).String() }

// finish removes the bar.
func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
