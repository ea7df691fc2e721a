package nn

import "math/rand/v2"

// operation is one row of the table of operations: all that the engine, its bounds and
// pruning know of a kind of layer. A function that is nil stands for what most do: the
// shape stays, no parameters, no multiply-accumulates, no buffers but input and output,
// a step of its own.
type operation struct {
	// shape returns the output shape, or the reason why the layer does not fit.
	shape func(s site) (out Shape, reason string)
	// params declares the parameters in their order.
	params func(s site) []declared
	// macs counts multiply-accumulates of one window. Those of branches are added.
	macs func(s site) int
	// buffers counts elements that a plan holds beside input and output.
	buffers func(s site) int
	// layer makes the layer of a training network on s.params and s.chains.
	layer func(s site) layer
	// join lets the layer and the one before it in a chain share passes in training.
	join func(before, l layer)

	// fuse does the layer in the step before it, and returns false where that cannot be.
	fuse func(s site, before *step) bool
	// step makes the step of a plan; before is the one that writes its input.
	step func(s site, before *step) step

	// reads calls f for each run of n inputs and the rows of the weight that they meet,
	// once for each output step that they count for.
	reads func(s site, f func(row, input, n int))
	// flow is what becomes of the channels that it reads.
	flow Flow

	signals bool // it reads no images
	sparse  bool // Group may be set
	holds   bool // Branches are set
	inPlace bool // its output may take the place of its input
	rereads bool // backward needs the output as it was
}

// operations is the table.
var operations = map[Op]operation{
	OpConv: {
		shape:   convShape,
		params:  convParams,
		macs:    convMACs,
		buffers: convBuffers,
		layer:   newConv,
		step:    convStep,
		reads:   convReads,
		flow:    Mixes,
		sparse:  true,
		signals: true,
	},
	OpBatchNorm: {
		params:  batchNormParams,
		buffers: scaleBuffers,
		layer:   newBatchNorm,
		fuse:    fuseBatchNorm,
		step:    batchNormStep,
		flow:    Shifts,
	},
	OpReLU: {
		layer:   newReLU,
		join:    joinReLU,
		fuse:    fuseReLU,
		step:    reluStep,
		inPlace: true,
	},
	OpMaxPool: {
		shape:   poolShape,
		layer:   newMaxPool,
		join:    joinMaxPool,
		fuse:    fuseMaxPool,
		step:    maxPoolStep,
		signals: true,
	},
	OpAvgPool: {
		shape:   poolShape,
		layer:   newAvgPool,
		step:    avgPoolStep,
		signals: true,
	},
	OpDropout: {
		shape: dropoutShape,
		layer: newDropout,
		fuse:  fuseDropout,
	},
	OpDense: {
		shape:   denseShape,
		params:  denseParams,
		macs:    denseMACs,
		buffers: inputBuffers,
		layer:   newDense,
		step:    denseStep,
		reads:   denseReads,
		flow:    Mixes,
		sparse:  true,
	},
	OpLogits: {
		shape:  logitsShape,
		params: denseParams,
		macs:   denseMACs,
		layer:  newDense,
		step:   denseStep,
		reads:  denseReads,
		flow:   Answers,
		sparse: true,
	},
	OpResidual: {
		shape:   residualShape,
		buffers: branchBuffers,
		layer:   newResidual,
		step:    residualStep,
		flow:    Adds,
		holds:   true,
	},
	OpBranches: {
		shape:   branchesShape,
		buffers: branchBuffers,
		layer:   newBranches,
		step:    branchesStep,
		flow:    Joins,
		holds:   true,
	},
	OpSelect: {
		shape: selectShape,
		layer: newSelection,
		step:  selectStep,
		flow:  Picks,
	},
	OpWinners: {
		shape:   winnersShape,
		buffers: inputBuffers,
		layer:   newWinners,
		step:    winnersStep,
		flow:    Switches,
		rereads: true,
	},
	OpConv2D: {
		shape:   conv2DShape,
		params:  conv2DParams,
		macs:    conv2DMACs,
		buffers: conv2DBuffers,
		layer:   newConv2D,
		step:    conv2DStep,
		reads:   conv2DReads,
		flow:    Mixes,
		sparse:  true,
	},
	OpMaxPool2D: {
		shape:   pool2DShape,
		buffers: pool2DBuffers,
		layer:   newMaxPool2D,
		step:    maxPool2DStep,
	},
	OpAvgPool2D: {
		shape:   pool2DShape,
		buffers: pool2DBuffers,
		layer:   newAvgPool2D,
		step:    avgPool2DStep,
	},
	OpNodes: {
		params:  nodesParams,
		buffers: scaleBuffers,
		layer:   newNodes,
		step:    nodesStep,
		flow:    Switches,
	},
}

// Flow says what a layer does with the channels that it reads, and so how pruning
// passes through it.
type Flow int

const (
	// Each channel by itself, and zero stays zero: what makes the channels may lose
	// them from behind such a layer.
	Each Flow = iota
	// Switches sets elements to zero: they may be missing, but what looks for the layer
	// that makes them ends here.
	Switches
	// Shifts each channel by itself with parameters that do not leave zero zero.
	Shifts
	// Mixes the channels by weights; its own outputs may be fewer.
	Mixes
	// Answers mixes them too, and its outputs are the classes.
	Answers
	// Picks the channels that the layer names.
	Picks
	// Adds what its branch makes of them to them.
	Adds
	// Joins what its branches make of them.
	Joins
)

// Flow returns what the layer does with the channels that it reads.
func (l Layer) Flow() Flow { return operations[l.Op].flow }

// site is a layer where it stands in a network. shape does not have out yet, and has ends
// for the branches; layer has params and chains; fuse and step have plans and layer.
type site struct {
	Layer
	path    Path
	in, out Shape
	classes int
	rng     *rand.Rand // nil where no weights are drawn
	ends    []Shape    // outputs of the branches
	params  []*Param
	chains  []*chain
	plans   []*Plan
	layer   layer
}

// declared is a parameter before it has elements.
type declared struct {
	role  Role
	shape []int
}

// inputBuffers counts the elements of the input once more.
func inputBuffers(s site) int { return s.in.elements() }

// scaleBuffers counts coefficients of channels, repeated to whole vectors.
func scaleBuffers(s site) int { return product(32, s.in.C) }

// perChannel declares parameters with an element a channel of the input.
func perChannel(s site, roles ...Role) (all []declared) {
	for _, r := range roles {
		all = append(all, declared{r, []int{s.in.C}})
	}
	return all
}
