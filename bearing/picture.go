package bearing

// Formats of pictures.
const (
	PNG = "png"
	SVG = "svg"
)

// Sizes of a picture in pixels: where none is stated, and the bounds of each side and of both
// together, for what drawing takes grows with these.
const (
	PictureWidth  = 1200
	PictureHeight = 1000
	LeastPicture  = 480
	MostPicture   = 2400
	MostPixels    = 2400 * 1200
)

// PictureQuery says how a window is to be drawn. A size of 0 is the default.
type PictureQuery struct {
	Format        string // PNG or SVG
	Width, Height int    // pixels
}

// WithDefaults returns the query with a size where none is stated, or an error that names
// the bounds: Invalid parameter_invalid.
func (q PictureQuery) WithDefaults() (PictureQuery, error) {
	for _, side := range []struct {
		name   string
		pixels *int
		usual  int
	}{{"width", &q.Width, PictureWidth}, {"height", &q.Height, PictureHeight}} {
		if *side.pixels == 0 {
			*side.pixels = side.usual
		}
		if *side.pixels < LeastPicture || *side.pixels > MostPicture {
			return q, Errorf(Invalid, "parameter_invalid", "%s %d is outside %d..%d pixels",
				side.name, *side.pixels, LeastPicture, MostPicture).At(side.name)
		}
	}
	if q.Width*q.Height > MostPixels {
		return q, Errorf(Invalid, "parameter_invalid", "width %d times height %d is more than %d pixels: make one of them smaller",
			q.Width, q.Height, MostPixels).At("width")
	}
	return q, nil
}
