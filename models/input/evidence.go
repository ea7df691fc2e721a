package input

import (
	"fmt"

	"brinell/bearing"
	"brinell/features/lines"
	"brinell/models/nn"
)

// linesOfFormat1 is the version of the evidence that model files of format 1 read.
const linesOfFormat1 = "cc38ae7d7f28"

// evidence is that of package lines: four rows, three faults and what is common.
type evidence struct{ analyzer *lines.Analyzer }

func checkLines(p Preprocessing) error {
	if p.Normalise != None {
		return fmt.Errorf("evidence takes no normalisation, not %q", bearing.Clip(p.Normalise))
	}
	return nil
}

func linesShape(Preprocessing) nn.Shape { return nn.Signal(lines.Rows, lines.RowLen) }

func openLines(Preprocessing, float64) (filler, error) { return new(evidence), nil }

func (f *evidence) fill(dst []float32, w Window) error {
	e := w.Evidence
	if e == nil {
		if !w.Machine.Known() {
			return bearing.Errorf(bearing.Invalid, "machine_unknown", "the model reads the lines of a bearing, which need its orders and the shaft speed: state both")
		}
		if need := lines.Need(w.Rate, w.Machine.ShaftSpeed); len(w.Samples) < need {
			return bearing.Errorf(bearing.Invalid, "window_too_short", "the window has %d samples at %g Hz, the lines of a bearing on a shaft of %g Hz need %d", len(w.Samples), w.Rate, w.Machine.ShaftSpeed, need).At("/samples")
		}
		if f.analyzer == nil {
			f.analyzer = lines.NewAnalyzer(nil)
		}
		e = f.analyzer.Analyze(w.Samples, w.Rate, w.Machine)
		defer f.analyzer.Release()
	}
	e.Fill(dst)
	return nil
}

func (f *evidence) bytes() int64 { return 0 }

// linesBytes is 0: the verdict computes the evidence, the model reads it.
func linesBytes(Preprocessing, int, float64) int64 { return 0 }
