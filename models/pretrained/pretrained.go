// Package pretrained embeds the default model and its card.
//
// default.md says how the model was made, by commands that anyone can run
// again, and what its numbers do and do not show.
package pretrained

import (
	_ "embed"
	"fmt"

	"brinell/internal/files"
	"brinell/models"
)

//go:embed default.safetensors
var file []byte

// Card is the model card of the default model, in Markdown.
//
//go:embed default.md
var Card string

// Open reads a model file, or the default model if path is empty. An error names the file.
func Open(path string) (*models.Model, error) {
	if path == "" {
		return Default()
	}
	m, err := models.Open(path)
	return m, files.About(path, err)
}

// Default returns the default model.
func Default() (*models.Model, error) {
	m, err := models.Decode(file)
	if err != nil {
		return nil, fmt.Errorf("embedded model: %w", err)
	}
	return m, nil
}
