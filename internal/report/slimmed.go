package report

import (
	"fmt"
	"io"
	"text/tabwriter"

	"brinell/models/nn"
	"brinell/models/prune"
)

// PrintSlimmed writes what changed between the two rows of r.
func PrintSlimmed(w io.Writer, before, after *nn.Network, r prune.Report) {
	b, a := r.Rows[0], r.Rows[1]
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "layer\toperation\tchannels\tzero weights\t")
	if len(a.Channels) == len(b.Channels) {
		for i, c := range a.Channels {
			zero := prune.Share(after, func(p *nn.Param) bool { return p.Path == c.Layer })
			fmt.Fprintf(t, "%s\t%s\t%d -> %d\t%.1f %%\t\n", c.Layer, c.Op, b.Channels[i].Out, c.Out, 100*zero)
		}
	}
	t.Flush()
	gone := func(a, b float64) float64 { return 100 * (1 - b/a) }
	fmt.Fprintf(w, "parameters %d -> %d that are not zero (%.2f %% gone), multiply-accumulates %d -> %.0f of nonzero operands (%.2f %% gone), %d -> %d bytes\n",
		b.Nonzero, a.Nonzero, gone(float64(b.Nonzero), float64(a.Nonzero)), b.Count.MACs, a.Operations.Both, gone(float64(b.Count.MACs), a.Operations.Both), b.Bytes, a.Bytes)
	fmt.Fprintf(w, "of those products %.0f left by the shape, %.0f by weights that are not zero, %.0f by ReLU's own zeros; %.2f %% of what layers read is not zero\n",
		a.Operations.MACs, a.Operations.Weights, a.Operations.Natural, 100*a.Operations.OfInputs)
	fmt.Fprintf(w, "test part of split %s, %d windows: accuracy %.4f -> %.4f, %d lost, %d won; with noise at %g dB %.4f -> %.4f\n",
		r.Split, a.Test.Windows, b.Test.Accuracy, a.Test.Accuracy, a.Test.Lost, a.Test.Won, r.Noise, b.Noisy.Accuracy, a.Noisy.Accuracy)
	for i, x := range b.Timings {
		y := a.Timings[i]
		fmt.Fprintf(w, "%-7s one window %.1f -> %.1f us (%.1fx), one of 64 %.1f -> %.1f us (%.1fx)\n", x.Kernel, x.One, y.One, x.One/y.One, x.Batch, y.Batch, x.Batch/y.Batch)
	}
}
