package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"brinell/dataset"
	"brinell/features"
	"brinell/internal/bearing"
	"brinell/internal/diagnose"
	"brinell/models"
	"brinell/models/pretrained"
)

// fileFlags say of a recording what its file may not.
type fileFlags struct {
	o         dataset.FileOptions
	delimiter string
}

func (f *fileFlags) add(fs *pflag.FlagSet) {
	fs.Float64Var(&f.o.RateHz, "rate", 0, "sampling rate in Hz, where the file does not state it")
	fs.Float64Var(&f.o.RPM, "rpm", 0, "shaft speed in revolutions per minute")
	fs.StringVar(&f.o.Unit, "unit", "", "unit of the samples: g or m/s2, where the file does not state it")
	fs.StringVar(&f.o.Bearing, "bearing", "", "designation of the bearing, such as 6205-2RS")
	fs.StringVar(&f.o.Channel, "channel", "", "name of the channel, where the file has several")
	fs.Float64Var(&f.o.Scale, "scale", 0, "for PCM: units per full scale")
	fs.StringVar(&f.o.Column, "column", "", "for CSV: name or number (from 1) of the column")
	fs.StringVar(&f.delimiter, "delimiter", "", "for CSV: the character between the cells (default guessed)")
}

// read reads one recording file.
func (f *fileFlags) read(path string) (bearing.Recording, error) {
	o := f.o
	switch f.delimiter {
	case "":
	case `\t`, "tab":
		o.Delimiter = '\t'
	default:
		if len(f.delimiter) != 1 {
			return bearing.Recording{}, usagef("--delimiter %q must be one character, or tab", f.delimiter)
		}
		o.Delimiter = f.delimiter[0]
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return bearing.Recording{}, err
	}
	recs, err := dataset.ReadFile(filepath.Base(path), b, o)
	if err != nil {
		return bearing.Recording{}, withPath(path, err)
	}
	return recs[0], nil
}

// fileDiagnosis is the answer to one file.
type fileDiagnosis struct {
	File          string              `json:"file"`
	Fault         bearing.Fault       `json:"fault"` // of the whole recording
	Probabilities bearing.Values      `json:"probabilities"`
	Amplitude     string              `json:"amplitude"` // "g", or "relative" where PCM has no scale: features with unit g are then relative
	Windows       []bearing.Diagnosis `json:"windows"`
}

func diagnoseCommand() *cobra.Command {
	var (
		f         fileFlags
		modelFile string
		start     string
		asJSON    bool
	)
	cmd := &cobra.Command{
		Use:   "diagnose FILE...",
		Short: "Diagnose recordings in MAT, NPY, NPZ, CSV or WAV files",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := openModel(modelFile)
			if err != nil {
				return err
			}
			core, err := diagnose.New(m, diagnose.Config{})
			if err != nil {
				return err
			}
			t0 := time.Unix(0, 0).UTC()
			if start != "" {
				if t0, err = time.Parse(time.RFC3339Nano, start); err != nil {
					return usagef("--start %q is not a time such as 2026-01-31T12:00:00Z", start)
				}
			}
			var out []fileDiagnosis
			p := newProgress(cmd.ErrOrStderr(), "diagnosing", "files")
			for i, path := range args {
				rec, err := f.read(path)
				if err != nil {
					return err
				}
				d, err := diagnoseRecording(core, rec, path, t0)
				if err != nil {
					return withPath(path, err)
				}
				out = append(out, d)
				p.set(i+1, len(args), path)
			}
			p.finish()
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), out)
			}
			printDiagnoses(cmd.OutOrStdout(), out)
			return nil
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&modelFile, "model", "", "model file (default the embedded model)")
	cmd.Flags().StringVar(&start, "start", "", "time of the first sample (default 1970-01-01T00:00:00Z)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// openModel reads a model file, or the embedded default.
func openModel(path string) (*models.Model, error) {
	if path == "" {
		return pretrained.Default()
	}
	m, err := models.Open(path)
	return m, withPath(path, err)
}

// diagnoseRecording diagnoses a recording window by window, each as long as one
// network input, and the whole by the mean of the windows' probabilities.
func diagnoseRecording(core *diagnose.Core, rec bearing.Recording, path string, start time.Time) (fileDiagnosis, error) {
	m := core.Model()
	d := fileDiagnosis{File: path, Amplitude: string(bearing.G)}
	if rec.Unit == bearing.RelativeToFull {
		d.Amplitude = string(rec.Unit)
	}
	if err := m.Preprocessing.CheckRate(rec.SampleRate); err != nil {
		return d, err
	}
	n := m.Preprocessing.NativeLength(rec.SampleRate)
	windows := dataset.Segments(dataset.Part{Rec: &rec, To: len(rec.Samples)}, n, n)
	if len(windows) == 0 {
		return d, bearing.Errorf(bearing.Invalid, "window_too_short", "%d samples at %g Hz, the model needs at least %d", len(rec.Samples), rec.SampleRate, n)
	}
	p := make([]float64, len(m.Labels))
	for i, x := range windows {
		// Samples of a recording are in g already; the stated unit is kept.
		w, err := bearing.NewWindow(bearing.Window{
			Sensor:     sensorName(path),
			Start:      start.Add(time.Duration(float64(i*n) / rec.SampleRate * float64(time.Second))),
			SampleRate: rec.SampleRate, ShaftSpeed: rec.ShaftSpeed, Bearing: rec.Bearing,
			Unit: unitInside(rec.Unit), Samples: x,
		}, bearing.Limits{})
		if err != nil {
			return d, err
		}
		a, err := core.Diagnose(w)
		if err != nil {
			return d, err
		}
		for j, v := range a.Probabilities {
			p[j] += v.Value / float64(len(windows))
		}
		d.Windows = append(d.Windows, a)
	}
	for j, l := range m.Labels {
		d.Probabilities = append(d.Probabilities, bearing.Value{Name: l.Name, Value: p[j]})
	}
	d.Fault = models.FaultOf(m.Labels, p)
	return d, nil
}

// unitInside is the unit of a recording's samples: g, or none.
func unitInside(u bearing.Unit) bearing.Unit {
	if u == bearing.RelativeToFull {
		return u
	}
	return bearing.G
}

// sensorName makes a sensor name of a file name.
func sensorName(path string) string {
	base := filepath.Base(path)
	base = strings.TrimSuffix(base, filepath.Ext(base))
	b := []byte(base[:min(len(base), 64)])
	for i, c := range b {
		if !bearing.IsName("a" + string(rune(c))) {
			b[i] = '-'
		}
	}
	name := strings.TrimLeft(string(b), "._-")
	if !bearing.IsName(name) {
		return "file"
	}
	return name
}

func printDiagnoses(w io.Writer, ds []fileDiagnosis) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FILE\tFAULT\tPROBABILITY\tWINDOWS\tAGREE\tRMS\tKURTOSIS")
	for _, d := range ds {
		top, agree := 0.0, 0
		for _, v := range d.Probabilities {
			top = max(top, v.Value)
		}
		var rms, kurtosis float64
		for _, a := range d.Windows {
			if a.Fault == d.Fault {
				agree++
			}
			r, _ := a.Features.Get("rms")
			k, _ := a.Features.Get("kurtosis")
			rms += r * r / float64(len(d.Windows))
			kurtosis += k / float64(len(d.Windows))
		}
		fmt.Fprintf(t, "%s\t%s\t%.3f\t%d\t%d\t%.4g %s\t%.3g\n", d.File, d.Fault, top, len(d.Windows), agree, math.Sqrt(rms), d.Amplitude, kurtosis)
	}
	t.Flush()
}

func featuresCommand() *cobra.Command {
	var (
		f      fileFlags
		cfg    features.Config
		plot   string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "features FILE",
		Short: "Compute the condition indicators of a recording",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rec, err := f.read(args[0])
			if err != nil {
				return err
			}
			x, err := features.New(cfg)
			if err != nil {
				return usageError{err}
			}
			if plot != "" {
				if err := plotSignal(plot, rec); err != nil {
					return err
				}
			}
			v := x.Extract(nil, rec.Samples, rec.SampleRate)
			amplitude := unitInside(rec.Unit)
			if asJSON {
				values := make(bearing.Values, len(v))
				for i, name := range x.Names() {
					values[i] = bearing.Value{Name: name, Value: v[i]}
				}
				return writeJSON(cmd.OutOrStdout(), struct {
					File       string         `json:"file"`
					SampleRate float64        `json:"sample_rate_hz"`
					Samples    int            `json:"sample_count"`
					Amplitude  bearing.Unit   `json:"amplitude"`
					Catalogue  string         `json:"catalogue"` // hash of the feature list
					Features   bearing.Values `json:"features"`
				}{args[0], rec.SampleRate, len(rec.Samples), amplitude, x.Hash(), values})
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "FEATURE\tVALUE\tUNIT\tDOMAIN\tSOURCE")
			for i, row := range x.Rows() {
				unit := string(row.Unit)
				if amplitude == bearing.RelativeToFull {
					unit = strings.Replace(unit, "g", "relative", 1)
				}
				fmt.Fprintf(t, "%s\t%.6g\t%s\t%s\t%s\n", row.Name, v[i], unit, row.Domain, row.Source)
			}
			return t.Flush()
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&plot, "plot", "", "draw waveform and power spectral density to this PNG file")
	cmd.Flags().IntVar(&cfg.Bands, "bands", 0, "number of equal bands from 0 to half the rate (default 16)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}
