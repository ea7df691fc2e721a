package picture

import (
	"path/filepath"
	"strings"

	"brinell/bearing"
)

// As is how a picture goes to a file: SVG where its name says so, else PNG.
func As(path string) bearing.PictureQuery {
	if strings.EqualFold(filepath.Ext(path), ".svg") {
		return bearing.PictureQuery{Format: bearing.SVG}
	}
	return bearing.PictureQuery{Format: bearing.PNG}
}
