package bench

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"brinell/models/nn"
)

// gonumForward returns the inference of spec as one would write it on gonum's
// blas32: im2col into a copy, matrix product, then bias, ReLU and max-pool. The
// weights are any; only the time counts.
func gonumForward(spec nn.Spec, x []float32) func() {
	shapes, err := spec.Shapes(classCount)
	if err != nil {
		panic(err)
	}
	var steps []func()
	cur, in := x, spec.Input
	for i, l := range spec.Layers {
		out, src := shapes[i], cur
		dst := make([]float32, out.Size())
		switch l.Op {
		case nn.OpConv:
			steps = append(steps, gonumConv(l, in, out, src, dst))
		case nn.OpDense, nn.OpLogits:
			k := in.Size()
			a := blas32.General{Rows: 1, Cols: k, Stride: k, Data: src}
			steps = append(steps, gonumProduct(a, dst, out.C))
		case nn.OpReLU:
			dst = src
			steps = append(steps, func() {
				for i, v := range src {
					src[i] = max(0, v)
				}
			})
		case nn.OpMaxPool:
			c, k := in.C, l.Kernel
			steps = append(steps, func() {
				for o := range dst {
					at := o/c*k*c + o%c
					dst[o] = src[at]
					for j := 1; j < k; j++ {
						dst[o] = max(dst[o], src[at+j*c])
					}
				}
			})
		default: // batch-norm is folded
			dst = src
		}
		cur, in = dst, out
	}
	return func() {
		for _, f := range steps {
			f()
		}
	}
}

func gonumConv(l nn.Layer, in, out nn.Shape, src, dst []float32) func() {
	row := l.Kernel * in.C
	before := 0
	if l.Padding == nn.Same {
		before = max(0, (out.H-1)*l.Stride+l.Kernel-in.H) / 2
	}
	im2col := blas32.General{Rows: out.H, Cols: row, Stride: row, Data: make([]float32, out.H*row)}
	product := gonumProduct(im2col, dst, out.C)
	return func() {
		for t := range out.H {
			from := (t*l.Stride - before) * in.C
			to := im2col.Data[t*row : (t+1)*row]
			if from >= 0 && from+row <= len(src) {
				copy(to, src[from:])
				continue
			}
			for j := range to {
				to[j] = 0
				if p := from + j; p >= 0 && p < len(src) {
					to[j] = src[p]
				}
			}
		}
		product()
	}
}

// gonumProduct multiplies a by random weights into dst and adds a bias.
func gonumProduct(a blas32.General, dst []float32, out int) func() {
	w := blas32.General{Rows: a.Cols, Cols: out, Stride: out, Data: noise32(a.Cols * out)}
	c := blas32.General{Rows: a.Rows, Cols: out, Stride: out, Data: dst}
	bias := noise32(out)
	return func() {
		for i := range a.Rows {
			copy(dst[i*out:(i+1)*out], bias)
		}
		blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, a, w, 1, c)
	}
}
