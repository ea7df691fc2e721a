package nn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Tensor is a batch of activations [N, L, C], time-major, channels last:
// element (n, l, c) is Data[(n*L+l)*C+c]. Of images, L counts the pixels row by row.
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

// Shape is the shape of one window's activation, channels last: H steps of a signal, whose
// W is 1, or H rows of W pixels of an image, each with C channels. Element (h, w, c) is
// at (h·W + w)·C + c.
type Shape struct{ H, W, C int }

// Signal is the shape of a signal of that many steps and channels.
func Signal(steps, channels int) Shape { return Shape{steps, 1, channels} }

// Len returns the number of steps, or pixels: the L of a Tensor.
func (s Shape) Len() int { return s.H * s.W }

// Size returns the number of elements.
func (s Shape) Size() int { return s.H * s.W * s.C }

// String returns "2048 x 1" of a signal and "32 x 32 x 3" of an image.
func (s Shape) String() string { return fmt.Sprintf("%s x %d", s.span(), s.C) }

// span is what String says but for the channels.
func (s Shape) span() string {
	if s.W == 1 {
		return strconv.Itoa(s.H)
	}
	return fmt.Sprintf("%d x %d", s.H, s.W)
}

// written is a shape in JSON. A width of 1 is left out: signals are written as they were
// before there were images.
type written struct {
	Length   int  `json:"length"`
	Width    *int `json:"width,omitempty"`
	Channels int  `json:"channels"`
}

// MarshalJSON implements json.Marshaler.
func (s Shape) MarshalJSON() ([]byte, error) {
	w := written{s.H, nil, s.C}
	if s.W != 1 {
		w.Width = &s.W
	}
	return json.Marshal(w)
}

// UnmarshalJSON implements json.Unmarshaler. It refuses fields that are not known.
func (s *Shape) UnmarshalJSON(b []byte) error {
	var w written
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return err
	}
	*s = Signal(w.Length, w.Channels)
	if w.Width != nil {
		s.W = *w.Width
	}
	return nil
}
