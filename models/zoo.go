package models

import (
	"slices"
	"strings"

	"brinell/bearing"
	"brinell/features/lines"
	"brinell/models/input"
	"brinell/models/nn"
)

// inputLength is the window of the networks on samples.
var inputLength = input.Default.Length

// Zoo lists the architectures. Their parameters and multiply-accumulates for
// ten classes are asserted in a test.
var Zoo = []nn.Spec{
	{
		Name:      "wdcnn",
		Reference: "W. Zhang et al., Sensors 17(2):425, 2017, table 1: wide first kernel, convolutions with bias",
		Input:     nn.Signal(inputLength, 1),
		Layers: slices.Concat(
			stage(nn.ConvBias(16, 64, 16, nn.Same)),
			stage(nn.ConvBias(32, 3, 1, nn.Same)),
			stage(nn.ConvBias(64, 3, 1, nn.Same)),
			stage(nn.ConvBias(64, 3, 1, nn.Same)),
			stage(nn.ConvBias(64, 3, 1, nn.Valid)),
			head(100),
		),
	},
	wideFirst("wdcnn-s8", 1, 100),
	wideFirst("wdcnn-s8x4", 4, 400),
	{
		Name:      "mlp-spectrum",
		Reference: "sizes after F. Jia et al., MSSP 72-73 (2016) 303-315: spectrum, 600-200-100; batch-norm and ReLU for its sigmoids and pre-training",
		Input:     nn.Signal(inputLength/2, 1),
		Layers:    slices.Concat(hidden(600), hidden(200), head(100)),
	},
	linesNet("lines", 0, 1, 2, 3, 4, 5, 6, 7),
	linesNet("lines-few", 0, 1, 2, 3, 5),
	linesNet("lines-all"),
}

// linesNet is a network on evidence: it reads the given columns of each row (all if
// none is given), passes them through one layer that the rows share, so that what it
// learns of one fault's lines holds for another's, and judges the rows together.
func linesNet(name string, columns ...int) nn.Spec {
	s := nn.Spec{
		Name:      name,
		Reference: "ours: rows of evidence, a layer that all rows share, two dense layers",
		Input:     nn.Signal(lines.Rows, lines.RowLen),
	}
	if len(columns) > 0 {
		s.Layers = append(s.Layers, nn.Select(columns))
	}
	s.Layers = slices.Concat(s.Layers, []nn.Layer{nn.Conv(32, 1, 1, nn.Valid), nn.BatchNorm(), nn.ReLU()}, hidden(48), head(24))
	return s
}

// wideFirst is WDCNN with stride 8 in the first layer, same padding everywhere
// and no bias before batch-norm, width times as many channels and a dense layer
// of fc units.
func wideFirst(name string, width, fc int) nn.Spec {
	return nn.Spec{
		Name:      name,
		Reference: "after W. Zhang et al., Sensors 17(2):425, 2017: stride 8, same padding, bias-free convolutions",
		Input:     nn.Signal(inputLength, 1),
		Layers: slices.Concat(
			stage(nn.Conv(16*width, 64, 8, nn.Same)),
			stage(nn.Conv(32*width, 3, 1, nn.Same)),
			stage(nn.Conv(64*width, 3, 1, nn.Same)),
			stage(nn.Conv(64*width, 3, 1, nn.Same)),
			stage(nn.Conv(64*width, 3, 1, nn.Same)),
			head(fc),
		),
	}
}

func stage(conv nn.Layer) []nn.Layer {
	return []nn.Layer{conv, nn.BatchNorm(), nn.ReLU(), nn.MaxPool(2)}
}

func hidden(units int) []nn.Layer { return []nn.Layer{nn.Dense(units), nn.BatchNorm(), nn.ReLU()} }

func head(units int) []nn.Layer { return append(hidden(units), nn.Logits()) }

// SpecNames returns the names of the architectures.
func SpecNames() (names []string) {
	for _, s := range Zoo {
		names = append(names, s.Name)
	}
	return names
}

// representations are those of the networks that do not read the waveform, by the name of
// the spec.
var representations = map[string]string{"mlp-spectrum": input.Spectrum}

// PreprocessingOf returns the preprocessing that a network of the zoo is made for,
// and input.Default for any other.
func PreprocessingOf(spec nn.Spec) input.Preprocessing {
	if spec.Input == input.OfLines.Shape() {
		return input.OfLines
	}
	p := input.Default
	p.Transform = representations[spec.Name]
	return p
}

// SpecNamed returns the architecture of that name.
func SpecNamed(name string) (nn.Spec, error) {
	for _, s := range Zoo {
		if s.Name == name {
			return s, nil
		}
	}
	return nn.Spec{}, bearing.Errorf(bearing.NotFound, "spec_unknown", "spec %q is not known: use one of %s", bearing.Clip(name), strings.Join(SpecNames(), ", "))
}
