package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"brinell/bearing"
	"brinell/internal/diagnose"
	"brinell/internal/library"
	"brinell/internal/service"
	"brinell/internal/settings"
	"brinell/internal/store"
	"brinell/models"
	"brinell/models/pretrained"
)

// difference is a place in which two diagnoses differ; absent is null.
type difference struct {
	Path   string `json:"path"`
	Stored any    `json:"stored"`
	Now    any    `json:"now"`
}

func replayCommand() *cobra.Command {
	var dataDir, modelFile, bearings, baseline, zones string
	var horizon time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "replay ID",
		Short: "Judge a stored window again and compare with the stored diagnosis",
		Long: `Judge a stored window again, after the same windows of its sensor as when it was
received, and compare with the stored diagnosis. It works beside a running service, while
the raw samples are kept. What differs is listed, and the command ends with 1; a line of
model or provenance among it says why.

The model is that of the diagnosis, the embedded one or a stored one; if it is nowhere to
be had, the embedded one, which is said. --model judges by another. Settings are those of
the flags, what is registered of the sensor is as it is now. Time of receipt and alarms are
not compared.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			method, err := diagnose.ParseMethod(baseline)
			if err != nil {
				return settings.Usagef("--baseline: %w", err)
			}
			limits, err := diagnose.ParseZones(zones)
			if err != nil {
				return settings.Usagef("--velocity-zones: %w", err)
			}
			ctx := cmd.Context()
			db, cat, registry, err := openPlant(ctx, dataDir, bearings)
			if err != nil {
				return err
			}
			defer db.Close()
			was, err := db.Diagnosis(ctx, args[0])
			if err != nil {
				return err
			}
			w, err := db.Window(ctx, was.ID)
			if err != nil {
				return err
			}
			m, source, err := modelOf(ctx, db, was.Model, modelFile)
			if err != nil {
				return err
			}
			if m.Digest != was.Model.Digest {
				fmt.Fprintf(cmd.ErrOrStderr(), "the diagnosis is by %s (digest %.12s)%s\n", was.Model.Name, was.Model.Digest, map[bool]string{
					true:  ", which is neither embedded nor stored here: name its file with --model",
					false: "; --model is another"}[modelFile == ""])
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "judged by %s (digest %.12s), %s\n", m.Name, m.Digest, source)
			core, err := diagnose.New(m, diagnose.Config{Catalogue: cat.Lookup, Sensors: registry.Sensor, Baseline: method, Zones: limits, Build: build(), LateHorizon: horizon,
				Now: func() time.Time { return was.ReceivedAt }})
			if err != nil {
				return err
			}
			now, err := core.Replay(ctx, db, w, was)
			if err != nil {
				return err
			}
			diff, err := compare(was, now)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			switch {
			case asJSON:
				err = writeJSON(out, struct {
					ID          string            `json:"id"`
					Model       string            `json:"model_source"` // embedded, stored or file
					Differences []difference      `json:"differences"`
					Now         bearing.Diagnosis `json:"now"`
				}{was.ID, source, diff, now})
			case len(diff) == 0:
				_, err = fmt.Fprintf(out, "%s: the same diagnosis, %s at %.3f\n", was.ID, was.Fault, was.Verdict.Probability)
			default:
				t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
				fmt.Fprintln(t, "PATH\tSTORED\tNOW")
				for _, d := range diff {
					fmt.Fprintf(t, "%s\t%v\t%v\n", d.Path, d.Stored, d.Now)
				}
				err = t.Flush()
			}
			if err == nil && len(diff) > 0 {
				err = fmt.Errorf("%s: %d places differ", was.ID, len(diff))
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&dataDir, "data-dir", "./brinell-data", "directory of the database")
	f.StringVar(&modelFile, "model", "", "model file (default the model of the diagnosis, embedded or stored)")
	service.AddBearings(f, &bearings)
	f.StringVar(&baseline, "baseline", string(diagnose.Mahalanobis), "as in serve")
	f.StringVar(&zones, "velocity-zones", diagnose.KnownZones[0].Class, "as in serve")
	f.DurationVar(&horizon, "late-horizon", diagnose.DefaultLateHorizon, "as in serve")
	f.BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// openPlant opens a data directory for reading, beside a running service, with its catalogue
// and what is registered. The caller closes the store.
func openPlant(ctx context.Context, dataDir, bearings string) (db *store.DB, cat *bearing.Catalogue, registry *diagnose.Registry, err error) {
	if cat, err = service.OpenCatalogue(bearings); err != nil {
		return nil, nil, nil, err
	}
	if db, err = store.View(ctx, dataDir); err != nil {
		return nil, nil, nil, err
	}
	rows, err := db.Bearings(ctx)
	for _, b := range rows {
		if err == nil {
			_, err = cat.Put(b)
		}
	}
	if err == nil {
		registry, err = diagnose.NewRegistry(ctx, db, cat.Lookup)
	}
	if err != nil {
		return nil, nil, nil, errors.Join(err, db.Close())
	}
	return db, cat, registry, nil
}

// modelOf returns the model to replay a diagnosis with, and where it is from: the file if
// one is stated, else the one that the diagnosis names, embedded or stored, else the
// embedded one.
func modelOf(ctx context.Context, db *store.DB, ref bearing.ModelRef, file string) (m *models.Model, source string, err error) {
	if file != "" {
		m, err = pretrained.Open(file)
		return m, bearing.ModelFile, err
	}
	if m, err = pretrained.Open(""); err != nil || m.Digest == ref.Digest {
		return m, bearing.ModelEmbedded, err
	}
	b, err := library.Read(ctx, db, ref.Digest)
	if bearing.CodeOf(err) == "model_not_found" {
		return m, bearing.ModelEmbedded, nil
	}
	if err != nil {
		return nil, "", err
	}
	m, err = models.Decode(b)
	return m, bearing.ModelStored, err
}

// compare lists where two diagnoses differ, by the names of their JSON, except in when
// they were received.
func compare(was, now bearing.Diagnosis) ([]difference, error) {
	var docs [2]any
	for i, d := range []bearing.Diagnosis{was, now} {
		d.ReceivedAt, d.Duplicate = time.Time{}, false
		b, err := d.Encode()
		if err == nil {
			err = json.Unmarshal(b, &docs[i])
		}
		if err != nil {
			return nil, errors.Join(errors.New("compare diagnoses"), err)
		}
	}
	return differences([]difference{}, "", docs[0], docs[1]), nil
}

func differences(list []difference, path string, a, b any) []difference {
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			keys := make(map[string]struct{})
			for k := range x {
				keys[k] = struct{}{}
			}
			for k := range y {
				keys[k] = struct{}{}
			}
			for _, k := range slices.Sorted(maps.Keys(keys)) {
				list = differences(list, path+"/"+k, x[k], y[k])
			}
			return list
		}
	case []any:
		if y, ok := b.([]any); ok && len(x) == len(y) {
			for i := range x {
				list = differences(list, fmt.Sprintf("%s/%d", path, i), x[i], y[i])
			}
			return list
		}
	default:
		if a == b {
			return list
		}
	}
	return append(list, difference{path, a, b})
}
