package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"brinell/bearing"
	"brinell/internal/keys"
	"brinell/internal/settings"
	"brinell/internal/store"
)

// access is the keys of a service. A service that has once had keys, or was told to
// have them, never opens because its file is empty or gone: that is noted in its store, and
// holds over starts, backups and restores.
type access struct {
	*keys.Ring
	always atomic.Bool
	note   func() // notes it; called once
}

func (a *access) Required() bool {
	if !a.always.Load() && a.Keys().Len() > 0 && a.always.CompareAndSwap(false, true) {
		a.note()
	}
	return a.always.Load()
}

// keysDemanded is the key of the setting that keys are demanded.
const keysDemanded = "keys_demanded"

// remember has the store note that keys are demanded, and demands them if it has before.
// insecure, which the operator says, overrules that for once.
func (a *access) remember(ctx context.Context, db *store.DB, file string, insecure bool, log *slog.Logger) error {
	a.note = func() {
		insist(ctx, noteAgain, log, func() error {
			_, _, err := db.PutResource(context.WithoutCancel(ctx), bearing.KindSetting, keysDemanded, []byte("{}"), bearing.AnyVersion)
			return err
		})
	}
	_, err := db.Resource(ctx, bearing.KindSetting, keysDemanded)
	noted := err == nil
	switch {
	case err != nil && bearing.CodeOf(err) != "resource_not_found":
		return err
	case a.always.Load() && !noted:
		a.note()
	case a.Required(): // which notes it
	case noted && insecure:
		log.Warn("this service has demanded keys before, and takes everybody now, as --insecure says")
	case noted:
		a.always.Store(true)
	}
	if a.always.Load() && a.Keys().Len() == 0 {
		log.Error("keys are demanded, and there are none: nobody gets in. Make one with brinell keys create, put the file back, or say --insecure to take everybody", "file", file)
	}
	return nil
}

// noteAgain is how long after a failure it is tried again to note that keys are demanded.
const noteAgain = 10 * time.Second

// insist notes that keys are demanded, and tries again until that worked or ctx ends.
func insist(ctx context.Context, again time.Duration, log *slog.Logger, note func() error) {
	err := note()
	if err == nil || ctx.Err() != nil {
		return
	}
	log.Error("that keys are demanded is not noted yet: without its file of keys the next start would not know", "err", err, "again_in", again)
	time.AfterFunc(again, func() {
		if ctx.Err() == nil {
			insist(ctx, again, log, note)
		}
	})
}

// keyFile is where the keys of a data directory are.
func keyFile(file, dataDir string) string {
	if file != "" {
		return file
	}
	return filepath.Join(dataDir, "keys.json")
}

// loopback says whether only this machine reaches an address to listen on.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, list and revoke API keys",
		Long: `Make, list and revoke API keys. They are in keys.json in the data directory, or in
the file that --keys names. A running service takes changes within a second. A key that
--sensors limits is refused what concerns all sensors: metrics, machines, webhooks, and
writes of bearings and models.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var file, dataDir string
	cmd.PersistentFlags().StringVar(&file, "keys", "", "file of keys (default keys.json in the data directory)")
	cmd.PersistentFlags().StringVar(&dataDir, "data-dir", "./brinell-data", "directory of the database")
	path := func() string { return keyFile(file, dataDir) }
	cmd.AddCommand(keysCreate(path), keysList(path), keysRevoke(path))
	return cmd
}

func keysCreate(path func() string) *cobra.Command {
	var name, scopes, sensors, expires string
	var rate float64
	var newSensors int
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a key and print it, once",
		Long: `Make a key and print it, once. Scopes are ingest (send windows), read (everything),
and admin (all, and registering machines and sensors, acknowledging alarms).`,
		Example: "  brinell keys create --name press-gateway --scopes ingest --sensors 'press-*'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			k := keys.Key{Name: name, Rate: rate}
			if cmd.Flags().Changed("new-sensors") {
				k.NewSensors = &newSensors
			}
			for s := range strings.SplitSeq(scopes, ",") {
				k.Scopes = append(k.Scopes, keys.Scope(strings.TrimSpace(s)))
			}
			if sensors != "" {
				for p := range strings.SplitSeq(sensors, ",") {
					k.Sensors = append(k.Sensors, strings.TrimSpace(p))
				}
			}
			now := time.Now()
			if expires != "" {
				life, err := parseLife(expires)
				if err != nil {
					return settings.Usagef("--expires: %w", err)
				}
				k.Expires = now.Add(life).UTC().Truncate(time.Second)
			}
			k, token, err := keys.Create(path(), k, now)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "key %s of %s, kept in %s; it is not shown again:\n", k.ID, k.Name, path())
			fmt.Fprintln(cmd.OutOrStdout(), token)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "who has it")
	f.StringVar(&scopes, "scopes", "ingest", "what it may do: ingest, read, admin, with commas between")
	f.StringVar(&sensors, "sensors", "", "sensors that it may have to do with, such as 'pump-*,fan-1' (default all)")
	f.StringVar(&expires, "expires", "", "how long it holds, such as 90d or 12h (default for ever)")
	f.Float64Var(&rate, "rate", 0, "windows a second that it may send (default that of serve --key-rate)")
	f.IntVar(&newSensors, "new-sensors", keys.DefaultNewSensors, "sensors that are not registered and that its windows may bring in a day")
	_ = cmd.MarkFlagRequired("name")
	return cmd
}

// parseLife reads a duration that may be in days.
func parseLife(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > 36500 {
			return 0, fmt.Errorf("%q is no number of days such as 90d", s)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is no time such as 90d or 12h", s)
	}
	return d, nil
}

func keysList(path func() string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the keys, without their secrets", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := keys.Load(path())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), s.All())
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "ID\tNAME\tSCOPES\tSENSORS\tCREATED\tEXPIRES")
			for _, k := range s.All() {
				var scopes []string
				for _, s := range k.Scopes {
					scopes = append(scopes, string(s))
				}
				expires, sensors := "never", "all"
				if !k.Expires.IsZero() {
					expires = k.Expires.Format(time.RFC3339)
				}
				if len(k.Sensors) > 0 {
					sensors = strings.Join(k.Sensors, ",")
				}
				fmt.Fprintf(t, "%s\t%q\t%s\t%s\t%s\t%s\n", k.ID, k.Name, strings.Join(scopes, ","), sensors, k.Created.Format(time.RFC3339), expires)
			}
			return t.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func keysRevoke(path func() string) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "Make a key invalid", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return keys.Revoke(path(), args[0]) },
	}
}
