package files

import (
	"errors"
	"fmt"

	"brinell/bearing"
)

// About adds the file to an error about its content.
func About(path string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*bearing.Error](err); ok {
		return fmt.Errorf("%s: %w", path, e)
	}
	return fmt.Errorf("%s: %w", path, err)
}
