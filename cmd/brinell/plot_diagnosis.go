package main

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"brinell/bearing"
	"brinell/internal/diagnose"
	"brinell/internal/picture"
	"brinell/internal/settings"
)

// checkPicture refuses a name of a picture, stated by a flag, that is of no form that is drawn.
func checkPicture(flag, path string) error {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".svg", ".png":
		return nil
	}
	if path == "" {
		return nil
	}
	return settings.Usagef("--%s %q must end in .svg or .png", flag, path)
}

// plotDiagnosis draws what a diagnosis rests on to a file, as the service does for a stored
// window. Of a recording in several windows it is all of it, with what the last one came to.
func plotDiagnosis(path string, core *diagnose.Core, r bearing.Recording, d fileDiagnosis) error {
	head, last := d.Windows[0], d.Windows[len(d.Windows)-1]
	last.Fault, last.Verdict = d.Fault, d.Verdict
	w := &bearing.Window{Sensor: head.Sensor, Axis: head.Axis, Start: head.Start.In(time.UTC),
		SampleRate: r.SampleRate, ShaftSpeed: r.ShaftSpeed,
		Bearing: r.Bearing, Unit: r.Unit.Inside(), Samples: r.Samples}
	b, err := core.Picture(r.Name, w, last, picture.As(path))
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

// plotSignal draws the beginning of a recording and its power spectral density to a file.
func plotSignal(path string, r bearing.Recording) error {
	b, err := picture.Signal(r, picture.As(path))
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}
