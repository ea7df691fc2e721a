package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/dataset/npyfile"
	"brinell/internal/store"
)

func inspectionsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "inspections", Short: "What was found on machines, as data to train on", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(inspectionsExport())
	return cmd
}

// inspections calls each with every inspection, by name.
func inspections(ctx context.Context, db *store.DB, each func(bearing.Inspection) error) error {
	for after := ""; ; {
		rows, err := db.Resources(ctx, bearing.KindInspection, after, bearing.MaxPage)
		if err != nil {
			return err
		}
		for _, row := range rows {
			var i bearing.Inspection
			if err := json.Unmarshal(row.Doc, &i); err != nil {
				return fmt.Errorf("inspection %q: %w", row.Key, err)
			}
			if err := each(i); err != nil {
				return err
			}
			after = row.Key
		}
		if len(rows) < bearing.MaxPage {
			return nil
		}
	}
}

// exported counts what an export came to.
type exported struct {
	Dir         string                `json:"directory"`
	Inspections int                   `json:"inspections"`
	Windows     int                   `json:"windows"`
	Expired     int                   `json:"windows_without_samples"`
	Velocity    int                   `json:"windows_of_velocity"` // from which no fault is learnt
	By          map[bearing.Fault]int `json:"by_fault"`
}

// staged makes a directory inside out in which is written what is moved up when it is
// whole: out may be a volume of a container, beside which nothing can be written. finish
// removes what is left, and out too if it was made here and has nothing in it.
func staged(out string) (dir string, finish func() error, err error) {
	_, err = os.Stat(out)
	made := errors.Is(err, os.ErrNotExist)
	if err := os.MkdirAll(out, 0o755); err != nil {
		return "", nil, err
	}
	if dir, err = os.MkdirTemp(out, ".export-*"); err != nil {
		return "", nil, err
	}
	return dir, func() error {
		err := os.RemoveAll(dir)
		if made {
			_ = os.Remove(out) // which fails if the export is in it
		}
		return err
	}, nil
}

func inspectionsExport() *cobra.Command {
	var dataDir, out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the windows that inspections label as a corpus",
		Long: `Write the windows that inspections label, those of their sensor from "from" until
"until", as a corpus: NumPy files and a manifest.csv that train and evaluate read with
--corpus own. Windows whose raw samples are gone are counted. It works beside a running
service. Two inspections that call one window different things are an error.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx := cmd.Context()
			db, err := store.View(ctx, dataDir)
			if err != nil {
				return err
			}
			defer db.Close()
			if entries, err := os.ReadDir(out); err == nil && len(entries) > 0 {
				return fmt.Errorf("%s is not empty: name a new directory", out)
			}
			stage, finish, err := staged(out)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, finish()) }() // after an error there is nothing left of it
			if err := os.Mkdir(filepath.Join(stage, "windows"), 0o755); err != nil {
				return err
			}
			e := exported{Dir: out, By: map[bearing.Fault]int{}}
			manifest := [][]string{{"file", "channel", "rate", "unit", "rpm", "bearing", "specimen", "fault"}}
			labelled := make(map[string]bearing.Inspection)
			err = inspections(ctx, db, func(i bearing.Inspection) error {
				if i.From.IsZero() {
					return nil
				}
				e.Inspections++
				return db.Each(ctx, i.Sensor, i.From, i.End(), func(d bearing.Diagnosis) error {
					if i.Axis != "" && i.Axis != d.Axis {
						return nil
					}
					if other, ok := labelled[d.ID]; ok {
						if other.Label() != i.Label() {
							return fmt.Errorf("inspections %s and %s call window %s %s and %s: mend their times", other.Name, i.Name, d.ID, other.Label(), i.Label())
						}
						return nil
					}
					labelled[d.ID] = i
					if d.Unit.IsVelocity() {
						e.Velocity++
						return nil
					}
					w, err := db.Window(ctx, d.ID)
					if bearing.CodeOf(err) == "samples_expired" {
						e.Expired++
						return nil
					}
					if err != nil {
						return err
					}
					file := filepath.Join("windows", d.ID+".npy")
					if err := os.WriteFile(filepath.Join(stage, file), npyfile.EncodeFloat32(w.Samples), 0o644); err != nil {
						return err
					}
					number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
					rpm := ""
					if hz := cmp.Or(w.ShaftSpeed, d.Witnesses.Envelope.SpeedHz); hz > 0 {
						rpm = number(hz * 60)
					}
					e.Windows++
					e.By[i.Label()]++
					manifest = append(manifest, []string{file, "", number(w.SampleRate), string(bearing.G), rpm, cmp.Or(w.Bearing, d.Witnesses.Envelope.Bearing), cmp.Or(i.Specimen, i.Sensor), string(i.Label())})
					return nil
				})
			})
			if err != nil {
				return err
			}
			if e.Windows == 0 {
				return errors.New("no inspection labels a window of acceleration whose samples are there: state from and until in /v1/inspections")
			}
			f, err := os.Create(filepath.Join(stage, dataset.ManifestName))
			if err != nil {
				return err
			}
			w := csv.NewWriter(f)
			if err := errors.Join(w.WriteAll(plainCells(manifest)), f.Close()); err != nil {
				return err
			}
			for _, name := range []string{"windows", dataset.ManifestName} { // with the manifest it is a corpus
				if err := os.Rename(filepath.Join(stage, name), filepath.Join(out, name)); err != nil {
					return err
				}
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), e)
			}
			velocity := ""
			if e.Velocity > 0 {
				velocity = fmt.Sprintf(", %d of velocity left out, from which no fault is learnt", e.Velocity)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d windows of %d inspections, %d more without samples%s\n", out, e.Windows, e.Inspections, e.Expired, velocity)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&dataDir, "data-dir", "./brinell-data", "directory of the database")
	f.StringVar(&out, "out", "", "directory to write, which must be new or empty")
	f.BoolVar(&asJSON, "json", false, "print the result as JSON")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}
