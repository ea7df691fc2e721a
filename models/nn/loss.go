package nn

import "math"

// Softmax fills dst with exp(z_i)/Σ_j exp(z_j) and returns it. dst may alias z.
// The result sums to 1; the largest logit is subtracted first, so no finite
// logit overflows.
func Softmax(dst, z []float32) []float32 {
	top := z[0]
	for _, v := range z[1:] {
		top = max(top, v)
	}
	sum := 0.0
	for i, v := range z {
		e := math.Exp(float64(v - top))
		dst[i] = float32(e)
		sum += e
	}
	for i := range dst[:len(z)] {
		dst[i] = float32(float64(dst[i]) / sum)
	}
	return dst
}

// CrossEntropy returns the mean over the batch of -ln softmax(z)_label and
// fills dz with its gradient, (softmax(z) - onehot)/N. Shapes: logits and dz
// [N, 1, classes], labels N. It panics if a label is out of range.
func CrossEntropy(logits Tensor, labels []int, dz Tensor) float64 {
	if len(labels) != logits.N || len(dz.Data) != len(logits.Data) {
		panic("nn: labels, logits and gradient do not match")
	}
	loss, scale := 0.0, 1/float32(logits.N)
	for n, y := range labels {
		p := Softmax(dz.At(n), logits.At(n))
		loss -= math.Log(max(float64(p[y]), math.SmallestNonzeroFloat32))
		p[y]--
		for i := range p {
			p[i] *= scale
		}
	}
	return loss / float64(logits.N)
}

// Argmax returns the index of the largest element, the first of equals.
func Argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// MeanSquare returns half the mean over the batch and its elements of (y - want)² and
// fills dy with its gradient, (y - want)/(N L C). It panics if the shapes differ.
func MeanSquare(y, want, dy Tensor) float64 {
	if len(y.Data) != len(want.Data) || len(dy.Data) != len(want.Data) {
		panic("nn: output, target and gradient do not match")
	}
	loss, scale := 0.0, 1/float32(len(y.Data))
	for i, v := range y.Data {
		d := v - want.Data[i]
		loss += float64(d) * float64(d)
		dy.Data[i] = d * scale
	}
	return loss / 2 / float64(len(y.Data))
}
