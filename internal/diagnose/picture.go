package diagnose

import (
	"brinell/bearing"
	"brinell/internal/picture"
)

// Picture draws a window and its diagnosis as PNG or SVG. name is that of what was measured,
// "" for the sensor's.
//
// Errors: Invalid parameter_invalid.
func (c *Core) Picture(name string, w *bearing.Window, was bearing.Diagnosis, q bearing.PictureQuery) ([]byte, error) {
	return picture.Draw(picture.Of(name, w, was, c.catalogue), q)
}

// PictureBytes is not less than what Picture takes at a time for the window of a diagnosis,
// beside it, and its answer.
func (c *Core) PictureBytes(was bearing.Diagnosis, q bearing.PictureQuery) int64 {
	return picture.Bytes(was.SampleCount, was.SampleRate, picture.SpeedOf(was), q)
}
