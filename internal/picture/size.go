package picture

import (
	"bytes"
	"image/color"
	"image/png"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"brinell/bearing"
	"brinell/features/lines"
	"brinell/internal/clamp"
)

// A picture of baseWidth by baseHeight pixels is laid out with baseDPI of them to an inch.
// A smaller or larger one has smaller or larger text, so that no size has room for less.
const baseDPI = 96

// dpi returns how many pixels an inch of the layout has.
func dpi(q bearing.PictureQuery) int {
	share := min(float64(q.Width)/bearing.PictureWidth, float64(q.Height)/bearing.PictureHeight)
	return clamp.Int(baseDPI*share, 1, math.MaxInt)
}

// inches returns the size of the layout.
func inches(q bearing.PictureQuery) (width, height vg.Length) {
	d := vg.Length(dpi(q))
	return vg.Length(q.Width) / d * vg.Inch, vg.Length(q.Height) / d * vg.Inch
}

// encode returns what f draws, as PNG or SVG.
func encode(q bearing.PictureQuery, f func(draw.Canvas)) ([]byte, error) {
	var out bytes.Buffer
	width, height := inches(q)
	if q.Format == bearing.SVG {
		c := vgsvg.New(width, height)
		whole := draw.New(c)
		whole.SetColor(color.White) // as an image is from the beginning
		whole.Fill(whole.Rectangle.Path())
		f(whole)
		_, err := c.WriteTo(&out)
		return forBrowsers(out.Bytes(), q), err
	}
	c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi(q)))
	f(draw.New(c))
	// The usual compression is a tenth smaller, and takes more time than drawing.
	err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, c.Image())
	return out.Bytes(), err
}

// What drawing takes, in bytes: whatever the size, and for each pixel of a PNG (the image, which
// is made twice, the encoder's rows and its answer).
const (
	fixedBytes = 14 << 20
	pixelBytes = 12
)

// Bytes is not less than what Draw takes at a time beside the samples of a window of n at
// rate (Hz), of a shaft of that speed (Hz, 0 where it is not known), and its answer.
func Bytes(n int, rate, speed float64, q bearing.PictureQuery) int64 {
	b := int64(fixedBytes)
	if q.Format == bearing.PNG {
		b += pixelBytes * int64(q.Width) * int64(q.Height)
	}
	if speed > 0 {
		b += lines.Bytes(n, rate, speed)
	}
	return b
}
