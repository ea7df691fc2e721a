package service

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/spf13/pflag"

	"brinell/api"
	"brinell/bearing"
	"brinell/internal/diagnose"
	"brinell/internal/files"
	"brinell/internal/store"
)

// AddBearings adds the flag that names a file of bearings.
func AddBearings(fs *pflag.FlagSet, file *string) {
	fs.StringVar(file, "bearings", "", "CSV file of bearings to add to the catalogue: designation,elements,element_mm,pitch_mm,contact_deg,bpfo,bpfi,bsf2,ftf,source,licence")
}

// OpenCatalogue returns the program's own bearings and those of a file, if it is named.
func OpenCatalogue(file string) (*bearing.Catalogue, error) {
	cat := bearing.NewCatalogue(bearing.KnownBearings...)
	if file == "" {
		return cat, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	rows, err := bearing.ParseCatalogue(b)
	for _, row := range rows {
		if err == nil {
			_, err = cat.Put(row)
		}
	}
	return cat, files.About(file, err)
}

// durableCatalogue is a catalogue whose new rows are stored.
type durableCatalogue struct {
	*bearing.Catalogue
	store   *store.DB
	sensors *diagnose.Registry              // which may have a row
	file    map[string]bearing.KnownBearing // rows of --bearings, by DesignationKey

	mu sync.Mutex // from the check of a row until it is in the catalogue
}

// load adds the stored rows. They win over those of the file: what was acknowledged
// holds after a restart. A row that the catalogue no longer takes is logged and left
// out, since the service has other work as well.
func (c *durableCatalogue) load(ctx context.Context, log *slog.Logger) error {
	rows, err := c.store.Bearings(ctx)
	if err != nil {
		return err
	}
	c.file = make(map[string]bearing.KnownBearing)
	for _, b := range c.Rows() {
		if !b.BuiltIn {
			c.file[bearing.DesignationKey(b.Designation)] = b
		}
	}
	for _, b := range rows {
		replaced, err := c.Put(b)
		switch {
		case err != nil:
			log.Warn("a stored bearing was left out", "bearing", b.Designation, "err", err)
		case replaced:
			log.Warn("a stored bearing replaces that of the file", "bearing", b.Designation)
		}
	}
	return nil
}

// PutBearing stores a row and then adds it to the catalogue, if what is there in its place
// is as check wants it. It does not end with ctx: half of it would leave the two apart
// until the next start.
func (c *durableCatalogue) PutBearing(ctx context.Context, b bearing.KnownBearing, check api.BearingCheck) (replaced bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if err := c.Check(b); err != nil {
		return false, err
	}
	if err := check(c.Row(b.Designation)); err != nil {
		return false, err
	}
	if err := c.store.PutBearing(context.WithoutCancel(ctx), b); err != nil {
		return false, err
	}
	if replaced, err = c.Put(b); err != nil {
		return false, fmt.Errorf("bearing %q is stored, but not in the catalogue: %w", b.Designation, err)
	}
	return replaced, nil
}

// DeleteBearing removes a stored row, and in its place sets the one of the file that it hid.
// Errors: NotFound bearing_unknown, Conflict bearing_builtin and bearing_in_use, those of
// check and of the store.
func (c *durableCatalogue) DeleteBearing(ctx context.Context, designation string, check api.BearingCheck) error {
	return c.sensors.Without(designation, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if err := ctx.Err(); err != nil {
			return err
		}
		b, there := c.Row(designation)
		switch {
		case !there:
			return bearing.Errorf(bearing.NotFound, "bearing_unknown", "bearing %q is not in the catalogue", bearing.Clip(designation))
		case b.BuiltIn:
			return bearing.Errorf(bearing.Conflict, "bearing_builtin", "bearing %s is built in and stays as it is", b.Designation)
		}
		if err := check(b, there); err != nil {
			return err
		}
		stored, err := c.store.DeleteBearing(context.WithoutCancel(ctx), designation)
		if err != nil {
			return err
		}
		before, inFile := c.file[bearing.DesignationKey(designation)]
		switch {
		case !stored && inFile:
			return bearing.Errorf(bearing.Conflict, "bearing_builtin", "bearing %s stands in the file of --bearings: remove it there", b.Designation)
		case inFile:
			_, err = c.Put(before)
		default:
			c.Delete(designation)
		}
		return err
	})
}
