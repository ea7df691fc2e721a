package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/dataset/download"
	"brinell/dataset/npyfile"
	"brinell/dataset/wavfile"
	"brinell/features/dsp"
	"brinell/internal/files"
	"brinell/internal/settings"
)

func datasetCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "dataset", Short: "List, verify, export and fetch corpora of recordings", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(datasetListCommand(), datasetVerifyCommand(), datasetExportCommand(), datasetFetchCommand())
	return cmd
}

// corpusOf returns the corpus of that name; own data have no table of their own.
func corpusOf(dir, name string) (dataset.Corpus, error) {
	if name == "own" || name == "" && dir != "" {
		src, err := dataset.OpenDir(dir, name)
		if err != nil {
			return dataset.Corpus{}, err
		}
		return src.Corpus(), nil
	}
	return dataset.Named(name)
}

func datasetListCommand() *cobra.Command {
	var corpus, dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the corpora, or with --corpus the files of one",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := cmd.OutOrStdout()
			t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
			if corpus == "" && dir == "" {
				if asJSON {
					return writeJSON(w, dataset.Corpora())
				}
				fmt.Fprintln(t, "CORPUS\tFILES\tTITLE\tADDRESS\tLICENCE")
				for _, c := range dataset.Corpora() {
					fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\n", c.Name, len(c.Entries), c.Title, c.Address, c.Licence)
				}
				return t.Flush()
			}
			c, err := corpusOf(dir, corpus)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(w, c)
			}
			fmt.Fprintln(t, "FILE\tFAULT\tMIL\tCLOCK\tLOAD\tRATE\tRPM\tBEARING\tSPECIMEN\tUSED\tDEFECT")
			for _, e := range c.Entries {
				used := "yes"
				if e.Exclude {
					used = "no"
				}
				fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%g\t%g\t%s\t%s\t%s\t%s\n", e.File, e.Fault, e.SizeMil, e.Position, e.Load, e.SampleRate, e.ShaftRPM, e.Bearing, e.Specimen, used, e.Defect)
			}
			return t.Flush()
		},
	}
	cmd.Flags().StringVar(&corpus, "corpus", "", "corpus: cwru, mfpt or own")
	cmd.Flags().StringVar(&dir, "data", "", "directory of own data (with --corpus own)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func datasetVerifyCommand() *cobra.Command {
	var corpus, dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify --data DIR",
		Short: "Compare the files of a corpus with the checksums and defects of the table",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return settings.Usagef("--data is missing: name the directory that holds the files or zips")
			}
			src, err := dataset.OpenDir(dir, corpus)
			if err != nil {
				return err
			}
			p := newProgress(cmd.ErrOrStderr(), "verifying", "files")
			states := src.Verify(func(done, total int, e dataset.Entry, _ string) { p.set(done, total, e.File) })
			p.finish()
			count := make(map[string]int)
			for _, s := range states {
				count[s.State]++
			}
			w := cmd.OutOrStdout()
			if asJSON {
				type row struct {
					File   string   `json:"file"`
					State  string   `json:"state"`
					SHA256 string   `json:"sha256"`
					Notes  []string `json:"notes"`
				}
				rows := make([]row, len(states))
				for i, s := range states {
					rows[i] = row{s.Entry.File, s.State, s.SHA256, s.Notes}
				}
				if err := writeJSON(w, rows); err != nil {
					return err
				}
			} else {
				t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				for _, s := range states {
					fmt.Fprintf(t, "%s\t%s\t%s\n", s.State, s.Entry.File, strings.Join(s.Notes, "; "))
				}
				t.Flush()
				fmt.Fprintf(w, "%d ok, %d unverified, %d missing, %d mismatches\n", count[dataset.StatusOK], count[dataset.StatusUnverified], count[dataset.StatusMissing], count[dataset.StatusMismatch])
			}
			if n := count[dataset.StatusMismatch]; n > 0 {
				return fmt.Errorf("%d files are not what the publisher's were: fetch them again", n)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&corpus, "corpus", "cwru", "corpus: cwru, mfpt or own")
	cmd.Flags().StringVar(&dir, "data", "", "directory of the files or zips (BRINELL_DATA)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func datasetExportCommand() *cobra.Command {
	var (
		corpus, dir, out, format string
		rate, band               float64
		all                      bool
		asJSON                   bool
	)
	cmd := &cobra.Command{
		Use:   "export --data DIR --out DIR",
		Short: "Write a corpus as own data: one file per recording and a manifest.csv",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" || out == "" {
				return settings.Usagef("--data and --out are needed: where the corpus is, and where to write")
			}
			encode, ok := exportFormats[format]
			if !ok {
				return settings.Usagef("--format %q is not one of npy, wav, csv", format)
			}
			src, err := dataset.OpenDir(dir, corpus)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return err
			}
			rows := [][]string{{"file", "channel", "rate", "unit", "rpm", "bearing", "specimen", "fault", "size_mil", "position", "load"}}
			p := newProgress(cmd.ErrOrStderr(), "exporting", "files")
			entries := src.Entries()
			for i, e := range entries {
				if err := cmd.Context().Err(); err != nil {
					return err
				}
				p.set(i+1, len(entries), e.File)
				if e.Exclude && !all {
					continue
				}
				rec, err := src.Read(e)
				if err != nil {
					return files.About(e.File, err)
				}
				if rate > 0 {
					if rec.Samples, err = dsp.Resample(rec.Samples, rec.SampleRate, rate, band); err != nil {
						return files.About(e.File, err)
					}
					rec.SampleRate = rate
				}
				name := strings.ReplaceAll(rec.Name, "/", "_") + "." + format
				if err := os.WriteFile(filepath.Join(out, name), encode(rec), 0o644); err != nil {
					return err
				}
				rows = append(rows, manifestRow(name, rec))
			}
			p.finish()
			f, err := os.Create(filepath.Join(out, dataset.ManifestName))
			if err != nil {
				return err
			}
			err = csv.NewWriter(f).WriteAll(plainCells(rows))
			if cerr := f.Close(); err == nil {
				err = cerr
			}
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), struct {
					Directory  string `json:"directory"`
					Recordings int    `json:"recordings"`
				}{out, len(rows) - 1})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "wrote %d recordings and %s to %s\n", len(rows)-1, dataset.ManifestName, out)
			return nil
		},
	}
	cmd.Flags().StringVar(&corpus, "corpus", "cwru", "corpus: cwru, mfpt or own")
	cmd.Flags().StringVar(&dir, "data", "", "directory of the files or zips (BRINELL_DATA)")
	cmd.Flags().StringVar(&out, "out", "", "directory to write")
	cmd.Flags().StringVar(&format, "format", "npy", "npy, wav or csv")
	settings.HertzVar(cmd.Flags(), &rate, "rate", "resample to this rate in Hz, with an anti-alias filter (default as recorded)")
	cmd.Flags().Float64Var(&band, "band", 0, "with --rate: limit the band to this frequency in Hz (default 0.45 of the lower rate)")
	cmd.Flags().BoolVar(&all, "all", false, "export recordings that are not fit for training, too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

var exportFormats = map[string]func(bearing.Recording) []byte{
	"npy": func(r bearing.Recording) []byte { return npyfile.EncodeFloat32(r.Samples) },
	"wav": func(r bearing.Recording) []byte { return wavfile.EncodeFloat32(r.Samples, r.SampleRate) },
	"csv": func(r bearing.Recording) []byte {
		var b []byte
		for _, v := range r.Samples {
			b = append(strconv.AppendFloat(b, float64(v), 'g', -1, 32), '\n')
		}
		return b
	},
}

func manifestRow(name string, r bearing.Recording) []string {
	number := func(v float64) string {
		if v == 0 {
			return ""
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return []string{name, "", number(r.SampleRate), string(bearing.G), number(r.ShaftSpeed * 60), r.Bearing, r.Truth.Specimen, string(r.Truth.Fault),
		number(float64(r.Truth.SizeMil)), r.Truth.Position, r.Truth.Load}
}

func datasetFetchCommand() *cobra.Command {
	var out, base string
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:   "fetch CORPUS --out DIR",
		Short: "Download a corpus from its publisher, resuming what was interrupted",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return settings.Usagef("--out is missing: name the directory to download to")
			}
			c, err := dataset.Named(args[0])
			if err != nil {
				return err
			}
			p := newProgress(cmd.ErrOrStderr(), "fetching "+c.Name, "files")
			files := 0
			opts := download.Options{Base: base, Progress: func(f download.Progress) {
				if f.Done {
					files++
				}
				note := fmt.Sprintf("%s %.1f MB", f.File, float64(f.Bytes)/1e6)
				if f.Size > 0 {
					note += fmt.Sprintf(" of %.1f", float64(f.Size)/1e6)
				}
				p.set(f.Index, f.Files, note)
			}}
			if all {
				opts.Keep = func(dataset.Entry) bool { return true }
			}
			err = download.Corpus(cmd.Context(), nil, c, out, opts)
			p.finish()
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), struct {
					Directory string `json:"directory"`
					Files     int    `json:"files"`
				}{out, files})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d files of %s are in %s\n%s\n", files, c.Title, out, c.Acknowledgement)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "directory to download to")
	cmd.Flags().StringVar(&base, "base", "", "take the files from this address instead of the publisher's")
	cmd.Flags().BoolVar(&all, "all", false, "download files that are not fit for training, too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}
