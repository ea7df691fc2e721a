package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"brinell/internal/keys"
	"brinell/internal/service"
	"brinell/internal/settings"
)

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
	path := func() string { return service.KeyFile(file, dataDir) }
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
