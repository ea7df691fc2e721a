// Package kernel holds the loops in which the program spends its time: products,
// convolutions and element-wise passes of networks in float32, the passes of the
// Fourier transform, and the sums behind the features in float64.
//
// The plain Go code here is the definition of each kernel. On amd64 assembly
// takes its place where the processor has AVX-512 or AVX2 with FMA; it is written
// by the program in _gen and held against the plain loops by one shared test. The
// tag purego leaves it out.
//
// Every sum runs in index order from its initial value, one fused multiply-add
// after the other in the assembly, so that a result depends on neither tiling nor
// batch nor vector width. Plain Go rounds products too and differs in the last
// digits.
//
// The package knows slices and strides only: no layers, no tensors. Callers split
// work between goroutines; a kernel runs on one.
package kernel

//go:generate go run -C _gen . -out ../asm_amd64.s -go ../asm_amd64.go

import "slices"

// An implementation of the kernels, in rising order of speed.
const (
	levelGo = iota
	levelAVX2
	levelAVX512
)

var levelNames = []string{"go", "avx2", "avx512"}

// level is the implementation in use.
var level = bestLevel()

// Implementations returns the names of those that run here, the fastest first;
// the last one is "go".
func Implementations() []string {
	names := slices.Clone(levelNames[:bestLevel()+1])
	slices.Reverse(names)
	return names
}

// Active returns the name of the implementation in use: the fastest that runs
// here, unless Use chose another one.
func Active() string { return levelNames[level] }

// Use makes the implementation of that name the one in use until restore is
// called. It is for tests and benchmarks: no kernel may run meanwhile, and what
// was compiled for another one stays right but may be slow. It panics if the
// implementation does not run here.
func Use(name string) (restore func()) {
	i := slices.Index(levelNames, name)
	if i < 0 || i > bestLevel() {
		panic("kernel: implementation " + name + " does not run here")
	}
	before := level
	level = i
	return func() { level = before }
}

// Lanes returns how many float32 a vector of the implementation in use holds, 1
// in plain Go.
func Lanes() int {
	switch level {
	case levelAVX512:
		return 16
	case levelAVX2:
		return 8
	}
	return 1
}
