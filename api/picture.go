package api

import (
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"brinell/api/decode"
	"brinell/bearing"
)

// pictureMedia are the types of pictures by format.
var pictureMedia = map[string]string{bearing.PNG: "image/png", bearing.SVG: "image/svg+xml"}

// styledOnly is the policy for an SVG that a browser shows by itself: it loads nothing, runs
// nothing, and has the styles that stand in its elements. Under ownOnly it would be black.
const styledOnly = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

// getPicture sends the picture of a window and its diagnosis.
func (s *server) getPicture(format string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		q, err := pictureQuery(r.URL.RawQuery, format)
		if err != nil {
			return err
		}
		var b []byte
		var id string
		err = s.look(r, func() error {
			bytes := func(d bearing.Diagnosis) int64 { return s.signals.PictureBytes(d, q) }
			return s.windowOf(r, bytes, func(win *bearing.Window, d bearing.Diagnosis) (err error) {
				if id = d.ID; !headOnly(r) {
					b, err = s.signals.Picture("", win, d, q)
				}
				return err
			})
		})
		if err != nil {
			return err
		}
		w.Header().Set("Content-Disposition", `inline; filename="`+id+`.`+format+`"`)
		if format == bearing.SVG {
			w.Header().Set("Content-Security-Policy", styledOnly)
		}
		return s.sendLong(w, r, pictureMedia[format], b)
	}
}

// pictureQuery reads the size of a picture.
func pictureQuery(raw, format string) (q bearing.PictureQuery, err error) {
	v, err := decode.Query(raw, "width", "height")
	if err != nil {
		return q, err
	}
	q.Format = format
	for _, side := range []struct {
		name   string
		pixels *int
	}{{"width", &q.Width}, {"height", &q.Height}} {
		n, ok := v[side.name]
		if !ok {
			continue
		}
		if *side.pixels, err = strconv.Atoi(n); err != nil || *side.pixels < 1 {
			return q, bearing.Errorf(bearing.Invalid, "parameter_invalid", "%s %q is no positive number of pixels",
				side.name, bearing.Clip(n)).At(side.name)
		}
	}
	return q.WithDefaults()
}

// describePictures adds them to the description.
func describePictures(get func(path, name, tag, summary string, answer map[string]*huma.MediaType,
	params ...*huma.Param), id *huma.Param) {
	side := func(name string, usual int) *huma.Param {
		return query(name, "pixels, "+strconv.Itoa(usual)+" if not stated; width times height is "+strconv.Itoa(bearing.MostPixels)+" at most", &huma.Schema{Type: "integer",
			Minimum: ptr(float64(bearing.LeastPicture)), Maximum: ptr(float64(bearing.MostPicture))})
	}
	width, height := side("width", bearing.PictureWidth), side("height", bearing.PictureHeight)
	for _, f := range []struct {
		format string
		schema *huma.Schema
	}{{bearing.PNG, text("binary")}, {bearing.SVG, text("")}} {
		get("/v1/windows/{id}/plot."+f.format, "get-plot-"+f.format, "windows",
			"Picture of a diagnosis: waveform, spectrum, and envelope spectrum with the lines of the bearing, while the samples are kept",
			map[string]*huma.MediaType{pictureMedia[f.format]: {Schema: f.schema}}, id, width, height)
	}
}
