package nn

// Tensor is a batch of activations [N, L, C], time-major, channels last:
// element (n, l, c) is Data[(n*L+l)*C+c].
type Tensor struct {
	N, L, C int
	Data    []float32
}

// NewTensor returns a zero tensor [n, l, c].
func NewTensor(n, l, c int) Tensor {
	return Tensor{n, l, c, make([]float32, n*l*c)}
}

// At returns window n as a slice of L*C elements.
func (t Tensor) At(n int) []float32 { return t.Data[n*t.L*t.C : (n+1)*t.L*t.C] }

// windows returns the elements of windows lo to hi-1.
func (t Tensor) windows(lo, hi int) []float32 { return t.Data[lo*t.L*t.C : hi*t.L*t.C] }

// resize returns a tensor [n, l, c] that reuses t's memory where it suffices.
// Its contents are undefined.
func (t Tensor) resize(n, l, c int) Tensor {
	if cap(t.Data) < n*l*c {
		return NewTensor(n, l, c)
	}
	return Tensor{n, l, c, t.Data[:n*l*c]}
}

// Shape is the shape of one window's activation: L steps of C channels.
type Shape struct {
	L int `json:"length"`
	C int `json:"channels"`
}

func (s Shape) size() int { return s.L * s.C }
