package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"brinell/bearing"
	"brinell/internal/alarm"
	"brinell/internal/clamp"
	"brinell/internal/diagnose"
	"brinell/internal/files"
	"brinell/internal/settings"
	"brinell/internal/store"
)

func alarmsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "alarms", Short: "Try alarm rules on what is stored", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(backtestCommand())
	return cmd
}

// backtest is what a rule would have done to one sensor axis.
type backtest struct {
	Sensor   string         `json:"sensor"`
	Axis     string         `json:"axis"`
	Windows  int            `json:"windows"`
	Days     float64        `json:"days"`
	Alarms   int            `json:"alarms"`
	PerMonth float64        `json:"alarms_per_month"`
	By       map[string]int `json:"by_condition"`
	First    *time.Time     `json:"first,omitempty"` // raised
	Leads    []lead         `json:"leads"`

	raised []time.Time
	from   time.Time
	to     time.Time
}

// lead is how long before an event the first alarm since the event before it was raised.
type lead struct {
	Event   time.Time `json:"event"`
	What    string    `json:"what"` // name of the inspection, or event
	Raised  bool      `json:"raised"`
	Seconds float64   `json:"lead_seconds"`
}

// event is a time of a sensor at which a bearing was found damaged.
type event struct {
	at         time.Time
	what, axis string
}

func backtestCommand() *cobra.Command {
	var dataDir, sensor, since, until, at string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "backtest RULE.json",
		Short: "Run an alarm rule over stored diagnoses before it is switched on",
		Long: `Run an alarm rule over stored diagnoses before it is switched on: how many alarms it
would have raised in a month, and how long before a bearing was found damaged. The rule is
a file with what stands under "alarm" of a sensor, or "default". Damage is what inspections
found, or the time that --event states. It works beside a running service. Silence and
clocks are not part of it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rule, err := readRule(args[0])
			if err != nil {
				return err
			}
			var times [3]time.Time
			for i, f := range []struct{ name, value string }{{"since", since}, {"until", until}, {"event", at}} {
				if f.value == "" {
					continue
				}
				if times[i], err = time.Parse(time.RFC3339Nano, f.value); err != nil {
					return settings.Usagef("--%s %q is not a time such as 2026-01-31T12:00:00Z", f.name, f.value)
				}
			}
			if at != "" && sensor == "" {
				return settings.Usagef("--event is of one sensor: name it with --sensor")
			}
			ctx := cmd.Context()
			db, err := store.View(ctx, dataDir)
			if err != nil {
				return err
			}
			defer db.Close()
			names, err := db.Sensors(ctx)
			if err != nil {
				return err
			}
			if sensor != "" {
				if !slices.Contains(names, sensor) {
					return fmt.Errorf("nothing is stored of a sensor %q", sensor)
				}
				names = []string{sensor}
			}
			events := make(map[string][]event)
			err = inspections(ctx, db, func(i bearing.Inspection) error {
				if i.Found == bearing.FoundFault {
					events[i.Sensor] = append(events[i.Sensor], event{i.At, i.Name, i.Axis})
				}
				return nil
			})
			if err != nil {
				return err
			}
			if at != "" {
				events[sensor] = append(events[sensor], event{at: times[2], what: "event"})
			}
			out := []backtest{}
			for _, name := range names {
				axes := make(map[string]*follower)
				err := db.Each(ctx, name, times[0], times[1], func(d bearing.Diagnosis) error {
					f := axes[d.Axis]
					if f == nil {
						f = &follower{backtest: backtest{Sensor: name, Axis: d.Axis, By: map[string]int{}, from: d.Start}}
						axes[d.Axis] = f
					}
					f.step(rule, &d)
					return nil
				})
				if err != nil {
					return err
				}
				for _, f := range axes {
					out = append(out, f.report(events[name]))
				}
			}
			slices.SortFunc(out, func(a, b backtest) int { return cmp.Or(cmp.Compare(a.Sensor, b.Sensor), cmp.Compare(a.Axis, b.Axis)) })
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), out)
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "SENSOR\tAXIS\tWINDOWS\tDAYS\tALARMS\tPER MONTH\tFIRST\tLEAD")
			for _, b := range out {
				first, leads := "-", "-"
				if b.First != nil {
					first = b.First.Format(time.RFC3339)
				}
				for i, l := range b.Leads {
					text := l.What + ": missed"
					if l.Raised {
						text = fmt.Sprintf("%s: %s", l.What, clamp.Seconds(l.Seconds).Round(time.Second))
					}
					if i == 0 {
						leads = text
					} else {
						leads += ", " + text
					}
				}
				fmt.Fprintf(t, "%s\t%s\t%d\t%.3g\t%d\t%.3g\t%s\t%s\n", b.Sensor, cmp.Or(b.Axis, "-"), b.Windows, b.Days, b.Alarms, b.PerMonth, first, leads)
			}
			return t.Flush()
		},
	}
	f := cmd.Flags()
	f.StringVar(&dataDir, "data-dir", "./brinell-data", "directory of the database")
	f.StringVar(&sensor, "sensor", "", "one sensor (default all)")
	f.StringVar(&since, "since", "", "windows that start from here on")
	f.StringVar(&until, "until", "", "windows that start before")
	f.StringVar(&at, "event", "", "when the bearing of --sensor was found damaged, beside what inspections say")
	f.BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// readRule reads a rule as strictly as it matters: no field that is not one.
func readRule(path string) (*bearing.AlarmRule, error) {
	if path == "default" {
		return &bearing.DefaultRule, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var rule bearing.AlarmRule
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&rule); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := rule.Validate(); err != nil {
		return nil, files.About(path, err)
	}
	if err := diagnose.KnownFeatures(&rule, ""); err != nil {
		return nil, files.About(path, err)
	}
	return &rule, nil
}

// follower runs a rule over the diagnoses of one axis.
type follower struct {
	backtest
	machine alarm.Machine
}

func (f *follower) step(rule *bearing.AlarmRule, d *bearing.Diagnosis) {
	f.Windows++
	f.to = d.Start
	if d.Quality.Has(bearing.Late) {
		return // it took no part
	}
	d.State.Epoch = 0 // they come in the order of their starts, whenever a clock was set back
	for _, a := range f.machine.Step(rule, d) {
		if a.Version == 1 && a.Kind != bearing.OnClock { // raised, and not yet anything else
			f.Alarms++
			f.By[a.Condition]++
			f.raised = append(f.raised, a.Raised)
		}
	}
}

// report sums up, with the lead before each event.
func (f *follower) report(events []event) backtest {
	b := f.backtest
	b.Days = f.to.Sub(f.from).Hours() / 24
	if b.Days > 0 {
		b.PerMonth = float64(b.Alarms) / b.Days * 30
	}
	if len(f.raised) > 0 {
		b.First = &f.raised[0]
	}
	b.Leads = []lead{}
	slices.SortFunc(events, func(x, y event) int { return x.at.Compare(y.at) })
	var before time.Time
	for _, e := range events {
		if e.axis != "" && e.axis != b.Axis {
			continue
		}
		l := lead{Event: e.at, What: e.what}
		if i := slices.IndexFunc(f.raised, func(at time.Time) bool { return at.After(before) && !at.After(e.at) }); i >= 0 {
			l.Raised, l.Seconds = true, e.at.Sub(f.raised[i]).Seconds()
		}
		b.Leads = append(b.Leads, l)
		before = e.at
	}
	return b
}
