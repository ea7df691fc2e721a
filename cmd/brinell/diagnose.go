package main

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"brinell/api/decode"
	"brinell/bearing"
	"brinell/dataset"
	"brinell/features"
	"brinell/internal/diagnose"
	"brinell/internal/files"
	"brinell/internal/library"
	"brinell/internal/service"
	"brinell/internal/settings"
	"brinell/internal/store"
	"brinell/models/pretrained"
)

// fileFlags say of a recording what its file may not.
type fileFlags struct {
	o         dataset.FileOptions
	delimiter string
}

func (f *fileFlags) add(fs *pflag.FlagSet) {
	settings.HertzVar(fs, &f.o.RateHz, "rate", "sampling rate in Hz, where the file does not state it")
	settings.RPMVar(fs, &f.o.RPM, "shaft speed in revolutions per minute")
	fs.StringVar(&f.o.Unit, "unit", "", "unit of the samples: g, m/s2, or mm/s of a velocity sensor, where the file does not state it")
	fs.StringVar(&f.o.Bearing, "bearing", "", "designation of the bearing, such as 6205-2RS")
	fs.StringVar(&f.o.Channel, "channel", "", "name of the channel, where the file has several")
	fs.Float64Var(&f.o.Scale, "scale", 0, "for PCM: units per full scale")
	fs.StringVar(&f.o.Column, "column", "", "for CSV: name or number (from 1) of the column")
	fs.IntVar(&f.o.Skip, "skip", 0, "for CSV: lines to leave out before the table or its names (default found)")
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
			return bearing.Recording{}, settings.Usagef("--delimiter %q must be one character, or tab", f.delimiter)
		}
		o.Delimiter = f.delimiter[0]
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return bearing.Recording{}, err
	}
	recs, err := dataset.ReadFile(filepath.Base(path), b, o)
	if err != nil {
		return bearing.Recording{}, files.About(path, err)
	}
	return recs[0], nil
}

// fileDiagnosis is the answer to one file.
type fileDiagnosis struct {
	File          string              `json:"file"`
	Fault         bearing.Fault       `json:"fault"` // of the whole recording
	Verdict       bearing.Verdict     `json:"verdict"`
	Probabilities bearing.Values      `json:"probabilities"`
	Amplitude     string              `json:"amplitude"` // "g", "mm/s" of velocity, or "relative" where PCM has no scale: features with unit g are then in it
	Windows       []bearing.Diagnosis `json:"windows"`
}

func diagnoseCommand() *cobra.Command {
	var (
		f         fileFlags
		modelFile string
		bearings  string
		dataDir   string
		start     string
		plot      string
		asJSON    bool
	)
	cmd := &cobra.Command{
		Use:   "diagnose FILE...",
		Short: "Diagnose recordings in MAT, NPY, NPZ, CSV or WAV files, or windows as JSON",
		Long: `Diagnose recordings in MAT, NPY, NPZ, CSV or WAV files. A recording is cut into
windows of a second, longer ones for slow shafts, which are judged one after the other
as the service judges a file that is dropped into its folder. Which network reads them
does not shorten them.

A JSON file is one window, in the form in which the service takes windows and gives them
out (GET /v1/windows/ID). Those of one sensor are judged one after the other in the order
of the command line, as the service does. With --data-dir the catalogue, what is registered
of sensors and the active model are those of a service, and the answers are the service's.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkPicture("plot", plot); err != nil {
				return err
			}
			m, err := pretrained.Open(modelFile)
			if err != nil {
				return err
			}
			cfg := diagnose.Config{Build: build()}
			var cat *bearing.Catalogue
			if dataDir == "" {
				cat, err = service.OpenCatalogue(bearings)
			} else {
				var db *store.DB
				var registry *diagnose.Registry
				if db, cat, registry, err = openPlant(cmd.Context(), dataDir, bearings); err != nil {
					return err
				}
				defer db.Close()
				var shelf *library.Library
				shelf, m, err = library.Open(cmd.Context(), db, m, modelFile != "", slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)))
				cfg.Sensors, cfg.Models = registry.Sensor, shelf.ForSensor
			}
			if err != nil {
				return err
			}
			cfg.Catalogue = cat.Lookup
			core, err := diagnose.New(m, cfg)
			if err != nil {
				return err
			}
			t0 := time.Unix(0, 0).UTC()
			if start != "" {
				if t0, err = time.Parse(time.RFC3339Nano, start); err != nil {
					return settings.Usagef("--start %q is not a time such as 2026-01-31T12:00:00Z", start)
				}
			}
			if plot != "" && len(args) > 1 {
				return settings.Usagef("--plot draws one file, not %d", len(args))
			}
			var out []fileDiagnosis
			sessions := make(map[[2]string]*diagnose.Session)
			var first bearing.Recording
			p := newProgress(cmd.ErrOrStderr(), "diagnosing", "files")
			for i, path := range args {
				var rec bearing.Recording
				var d fileDiagnosis
				if strings.EqualFold(filepath.Ext(path), ".json") {
					rec, d, err = f.diagnoseWindow(core, sessions, path)
				} else if rec, err = f.read(path); err == nil {
					at := t0
					if start == "" && !rec.Start.IsZero() {
						at = rec.Start
					}
					d, err = diagnoseRecording(core, rec, path, at)
					err = files.About(path, err)
				}
				if err != nil {
					return err
				}
				if i == 0 {
					first = rec
				}
				out = append(out, d)
				p.set(i+1, len(args), path)
			}
			p.finish()
			if plot != "" {
				if err := plotDiagnosis(plot, core, first, out[0]); err != nil {
					return err
				}
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), out)
			}
			printDiagnoses(cmd.OutOrStdout(), out)
			return nil
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&modelFile, "model", "", "model file (default the embedded model)")
	service.AddBearings(cmd.Flags(), &bearings)
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "take catalogue, registrations and active model from this directory of a service")
	cmd.Flags().StringVar(&plot, "plot", "", "draw waveform, spectrum and envelope spectrum with the bearing's lines to this PNG or SVG file")
	cmd.Flags().StringVar(&start, "start", "", "time of the first sample, where the file does not state it (default 1970-01-01T00:00:00Z)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// diagnoseRecording diagnoses a recording window by window, as the service would a
// sensor that sends them one after the other: the verdict on the last one rests on
// all.
func diagnoseRecording(core *diagnose.Core, rec bearing.Recording, path string, start time.Time) (fileDiagnosis, error) {
	d := fileDiagnosis{File: path, Amplitude: string(rec.Unit.Inside())}
	// Samples of a recording are in g already; the stated unit is kept.
	whole, err := bearing.NewWindow(bearing.Window{Sensor: bearing.SensorName(path), Start: start, SampleRate: rec.SampleRate,
		ShaftSpeed: rec.ShaftSpeed, Bearing: rec.Bearing, Unit: rec.Unit.Inside(), Samples: rec.Samples,
	}, bearing.Limits{MaxSamples: max(1, len(rec.Samples))})
	if err != nil {
		return d, err
	}
	windows, err := core.Cut(whole)
	if err != nil {
		return d, err
	}
	session := core.Session()
	for _, w := range windows {
		a, err := session.Diagnose(w)
		if err != nil {
			return d, err
		}
		d.Windows = append(d.Windows, a)
	}
	last := d.Windows[len(d.Windows)-1]
	d.Fault, d.Probabilities, d.Verdict = last.Fault, last.Probabilities, last.Verdict
	return d, nil
}

// diagnoseWindow diagnoses a window as JSON after those of its sensor that went before.
func (f *fileFlags) diagnoseWindow(core *diagnose.Core, sessions map[[2]string]*diagnose.Session, path string) (rec bearing.Recording, d fileDiagnosis, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return rec, d, err
	}
	w, err := decode.WindowJSON(b, bearing.SensorName(path), bearing.DefaultMaxSamples)
	if err != nil {
		return rec, d, files.About(path, err)
	}
	if w.ShaftSpeed == 0 && f.o.RPM != 0 {
		if err := bearing.ShaftSpeeds.Check("speed_out_of_range", "--rpm", f.o.RPM); err != nil {
			return rec, d, err
		}
		w.ShaftSpeed = f.o.RPM / 60
	}
	w.Bearing = cmp.Or(w.Bearing, f.o.Bearing)
	key := [2]string{w.Sensor, w.Axis}
	if sessions[key] == nil {
		sessions[key] = core.Session()
	}
	a, err := sessions[key].Diagnose(w)
	if err != nil {
		return rec, d, files.About(path, err)
	}
	rec = bearing.Recording{SampleRate: w.SampleRate, ShaftSpeed: w.ShaftSpeed, Unit: w.Unit, Bearing: w.Bearing, Samples: w.Samples}
	return rec, fileDiagnosis{File: path, Amplitude: string(w.Unit.Inside()), Fault: a.Fault, Verdict: a.Verdict, Probabilities: a.Probabilities, Windows: []bearing.Diagnosis{a}}, nil
}

// inFlagTerms names flags where the service's sentences name fields of a window.
var inFlagTerms = strings.NewReplacer(
	"state its designation with a window, it holds for the sensor's later ones", "state its designation with --bearing, such as 6205",
	"state shaft_speed_rpm", "state it with --rpm",
	"stated speed and sampling rate: check both, and measure again", "stated speed and sampling rate: check both (brinell bearings match FILE, with the same --bearing and --rpm, tells which speed the lines fit), and measure again",
	"add its geometry or its orders", "state its geometry or its orders in a file with --bearings",
)

func printDiagnoses(w io.Writer, ds []fileDiagnosis) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FILE\tFAULT\tPROBABILITY\tWITNESSES\tWINDOWS\tSECONDS\tRMS\tKURTOSIS")
	for _, d := range ds {
		var rms, kurtosis float64
		for _, a := range d.Windows {
			r, _ := a.Features.Get("rms")
			k, _ := a.Features.Get("kurtosis")
			rms += r * r / float64(len(d.Windows))
			kurtosis += k / float64(len(d.Windows))
		}
		fault := string(d.Fault)
		probability := fmt.Sprintf("%.3f", d.Verdict.Probability)
		if !slices.Contains(bearing.Faults[:], d.Fault) {
			probability = "-" // that of the likeliest is in the sentence below
		}
		if fault == "" {
			fault = "none (unusable)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%.3g\t%.4g %s\t%.3g\n", d.File, fault, probability, d.Verdict.Agreement, len(d.Windows), d.Verdict.Seconds, math.Sqrt(rms), d.Amplitude, kurtosis)
	}
	t.Flush()
	for _, d := range ds {
		last := d.Windows[len(d.Windows)-1]
		fmt.Fprintf(w, "\n%s\n  %s\n", d.File, inFlagTerms.Replace(last.Verdict.Summary))
		for _, f := range last.Quality.Flags {
			fmt.Fprintf(w, "  quality %s: %s %.4g (limit %.4g), %s\n", last.Quality.Level, f.Code, f.Value, f.Limit, f.Note)
		}
		for _, l := range last.Witnesses.Envelope.Lines {
			fmt.Fprintf(w, "  line: %s, harmonic %d, order %.4f, %.2f Hz, %.1f dB over its floor\n", l.Fault, l.Harmonic, l.Order, l.Hz, l.DB)
		}
		for _, r := range []string{last.Witnesses.Network.Reason, last.Witnesses.Envelope.Reason} {
			if r != "" {
				fmt.Fprintf(w, "  withheld: %s\n", inFlagTerms.Replace(r))
				break
			}
		}
		for _, r := range last.Verdict.Why {
			measured := fmt.Sprintf(" %.3g (limit %.3g, %s)", r.Value, r.Limit, map[bool]string{true: "met", false: "not met"}[r.Met])
			if r.Value == 0 && r.Limit == 0 { // nothing was measured
				measured = ""
			}
			fmt.Fprintf(w, "  why: %s%s: %s\n", r.Code, measured, inFlagTerms.Replace(r.Text))
		}
	}
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
			if err := checkPicture("plot", plot); err != nil {
				return err
			}
			rec, err := f.read(args[0])
			if err != nil {
				return err
			}
			x, err := features.New(cfg)
			if err != nil {
				return settings.Usage(err)
			}
			if plot != "" {
				if err := plotSignal(plot, rec); err != nil {
					return err
				}
			}
			v := x.Extract(nil, rec.Samples, rec.SampleRate)
			amplitude := rec.Unit.Inside()
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
				switch {
				case unit == string(features.Acceleration):
					unit = string(amplitude)
				case unit == string(features.Power) && amplitude != bearing.G:
					unit = "(" + string(amplitude) + ")2"
				}
				fmt.Fprintf(t, "%s\t%.6g\t%s\t%s\t%s\n", row.Name, v[i], unit, row.Domain, row.Source)
			}
			return t.Flush()
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&plot, "plot", "", "draw waveform and power spectral density to this PNG or SVG file")
	cmd.Flags().IntVar(&cfg.Bands, "bands", 0, "number of equal bands from 0 to half the rate (default 16)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}
