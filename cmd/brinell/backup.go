package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"brinell/internal/keys"
	"brinell/internal/service"
	"brinell/internal/store"
)

// keysBeside is where a backup keeps the keys of its data directory.
func keysBeside(file string) string { return file + ".keys.json" }

// keysOf is where the keys are that belong to a backup: beside it, and for a copy that was made
// before an upgrade, the data directory's, as they are now: a key that was revoked stays so.
func keysOf(file string) string {
	if store.IsUpgradeCopy(file) {
		return service.KeyFile("", filepath.Dir(file))
	}
	return keysBeside(file)
}

// holdings is what backup, restore and check tell of a store.
type holdings struct {
	Path      string  `json:"path"`
	Diagnoses int64   `json:"diagnoses,omitempty"`
	Raw       int64   `json:"windows_with_samples,omitempty"`
	RawBytes  int64   `json:"sample_bytes,omitempty"`
	FileBytes int64   `json:"file_bytes,omitempty"`
	Keys      bool    `json:"keys"`
	Seconds   float64 `json:"seconds"`
}

func (h holdings) print(w io.Writer, asJSON bool, did string) error {
	if asJSON {
		return writeJSON(w, h)
	}
	what := fmt.Sprintf("%d diagnoses, %d with samples (%d bytes)", h.Diagnoses, h.Raw, h.RawBytes)
	if h.FileBytes > 0 {
		what = fmt.Sprintf("%d bytes", h.FileBytes)
	}
	if h.Keys {
		what += ", and its API keys"
	}
	_, err := fmt.Fprintf(w, "%s %s in %.1f s: %s\n", did, h.Path, h.Seconds, what)
	return err
}

func backupCommand() *cobra.Command {
	var dataDir, out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Copy the database to a file, while the service runs",
		Long: `Copy the database to a file, while the service runs. Every window acknowledged before
the command began is in the file, which is whole and on disk when the command ends
with 0, and not there otherwise. keys.json of the data directory, which holds hashes of
the API keys, goes to FILE.keys.json. An existing file is never overwritten.

Without --out the file is brinell-TIME.db in the present directory, and if --out is a
directory, it is in that; TIME is now in UTC, such as 20260131T120000Z.`,
		Example: "  brinell backup --data-dir /var/lib/brinell --out /backup/",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			begin := time.Now()
			out := backupFile(out, begin)
			if err := store.Backup(cmd.Context(), dataDir, out); err != nil {
				return err
			}
			copied, err := copyKeys(service.KeyFile("", dataDir), keysBeside(out))
			if err != nil {
				return err
			}
			info, err := os.Stat(out)
			if err != nil {
				return err
			}
			h := holdings{Path: out, FileBytes: info.Size(), Keys: copied, Seconds: time.Since(begin).Seconds()}
			return h.print(cmd.OutOrStdout(), asJSON, "wrote")
		},
	}
	f := cmd.Flags()
	f.StringVar(&dataDir, "data-dir", "./brinell-data", "directory of the database")
	f.StringVar(&out, "out", "", "file to write, or a directory for it (default brinell-TIME.db)")
	f.BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// backupFile returns the file that a backup goes to: out, or one named after the time, in
// the directory out, or in the present one if out is empty.
func backupFile(out string, now time.Time) string {
	name := "brinell-" + now.UTC().Format("20060102T150405Z") + ".db"
	if out == "" {
		return name
	}
	if info, err := os.Stat(out); err == nil && info.IsDir() {
		return filepath.Join(out, name)
	}
	return out
}

func restoreCommand() *cobra.Command {
	var dataDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a data directory from a backup, and verify it",
		Long: `Make a data directory from a backup: copy it, bring it to the present schema, and
verify all of it. The directory must not exist, or be empty. The API keys are those in
FILE.keys.json; of a copy that an upgrade left in its data directory (docs/upgrade.md),
those in the keys.json there.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			begin := time.Now()
			beside := keysOf(args[0])
			if _, err := os.Stat(beside); err == nil { // before anything is made
				if _, err := keys.Load(beside); err != nil {
					return err
				}
			}
			s, err := store.Restore(cmd.Context(), args[0], dataDir)
			if err != nil {
				return err
			}
			copied, err := copyKeys(beside, service.KeyFile("", dataDir))
			if err != nil {
				return err
			}
			h := holdings{Path: dataDir, Diagnoses: s.Diagnoses, Raw: s.Raw, RawBytes: s.RawBytes, Keys: copied, Seconds: time.Since(begin).Seconds()}
			return h.print(cmd.OutOrStdout(), asJSON, "restored and verified")
		},
	}
	f := cmd.Flags()
	f.StringVar(&dataDir, "data-dir", "./brinell-data", "directory to make")
	f.BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func checkCommand() *cobra.Command {
	var dataDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Verify a data directory: structure, references, totals, every checksum",
		Long: `Verify a data directory: structure of the database, references, totals, and the
checksum of every stored window. The service must not be running on it; of a running one
take a backup, restore that, and it is verified.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			begin := time.Now()
			if _, err := os.Stat(filepath.Join(dataDir, "brinell.db")); err != nil {
				return fmt.Errorf("there is no database in %s: %w", dataDir, err)
			}
			db, err := store.Open(cmd.Context(), store.Config{Dir: dataDir, RawCap: math.MaxInt64})
			if err != nil {
				return err
			}
			defer db.Close()
			if err := db.Check(cmd.Context()); err != nil {
				return err
			}
			s, err := db.Stats(cmd.Context())
			if err != nil {
				return err
			}
			h := holdings{Path: dataDir, Diagnoses: s.Diagnoses, Raw: s.Raw, RawBytes: s.RawBytes, Seconds: time.Since(begin).Seconds()}
			return h.print(cmd.OutOrStdout(), asJSON, "sound:")
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", "./brinell-data", "directory of the database")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// copyKeys copies a file of keys to a new one, and reports whether there was one.
func copyKeys(from, to string) (bool, error) {
	b, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("keys: %w", err)
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false, fmt.Errorf("keys: %w", err)
	}
	_, err = f.Write(b)
	return true, errors.Join(err, f.Sync(), f.Close())
}
