package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"brinell/internal/diagnose"
	"brinell/internal/watch"
)

// Where a value comes from, the strongest first.
const (
	fromFlag    = "flag"
	fromEnv     = "env"
	fromFile    = "file"
	fromDefault = "default"
)

// origin tells where the value of a flag comes from.
type origin struct {
	layer string
	place string // the variable, or file and line
}

// originNote is the annotation of a flag with its origin.
const originNote = "brinell_origin"

func originOf(f *pflag.Flag) origin {
	if a := f.Annotations[originNote]; len(a) == 2 {
		return origin{a[0], a[1]}
	}
	return origin{layer: fromDefault}
}

// fileFlag names the flag of the file of settings, which is no setting itself.
const fileFlag = "config"

// envName is the variable of a flag: BRINELL_DATA_DIR of data-dir.
func envName(flag string) string {
	return "BRINELL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// configure sets every flag that the command line left alone from the environment, and
// where that is silent and the command has --config, from the file. It returns where
// each value comes from.
func configure(flags *pflag.FlagSet) error {
	origins := make(map[string]origin)
	flags.VisitAll(func(f *pflag.Flag) {
		origins[f.Name] = origin{layer: fromDefault}
		if f.Changed {
			origins[f.Name] = origin{layer: fromFlag, place: "--" + f.Name}
		}
	})
	k := koanf.New("/") // no key has a slash: none is taken apart
	if f := flags.Lookup(fileFlag); f != nil {
		path := f.Value.String()
		if v, ok := os.LookupEnv(envName(fileFlag)); ok && !f.Changed {
			path = v
		}
		if path != "" {
			s, err := readSettings(path, flags)
			if err != nil {
				return err
			}
			if err := k.Load(layer(s.values), nil); err != nil {
				return err
			}
			for name := range s.values {
				if origins[name].layer == fromDefault {
					origins[name] = origin{fromFile, s.place(name)}
				}
			}
		}
	}
	env := make(layer)
	flags.VisitAll(func(f *pflag.Flag) {
		if v, ok := os.LookupEnv(envName(f.Name)); ok {
			env[f.Name] = v
			if origins[f.Name].layer != fromFlag {
				origins[f.Name] = origin{fromEnv, envName(f.Name)}
			}
		}
	})
	if err := k.Load(env, nil); err != nil {
		return err
	}
	for _, name := range k.Keys() {
		o := origins[name]
		if o.layer == fromFlag {
			continue
		}
		if err := flags.Set(name, k.String(name)); err != nil {
			err = valueError(err)
			if o.layer == fromEnv {
				return usagef("environment variable %s: %w", o.place, err)
			}
			return usagef("%s: %w", o.place, err)
		}
	}
	for name, o := range origins {
		if err := flags.SetAnnotation(name, originNote, []string{o.layer, o.place}); err != nil {
			return err
		}
	}
	return nil
}

// layer is one source of settings, a koanf.Provider.
type layer map[string]any

func (l layer) Read() (map[string]any, error) { return l, nil }
func (layer) ReadBytes() ([]byte, error)      { return nil, errors.ErrUnsupported }

// settingsFile is a file of settings: YAML, one key for each flag, by its name.
type settingsFile struct {
	path   string
	values layer
	lines  map[string]int
}

func (s *settingsFile) place(name string) string { return fmt.Sprintf("%s:%d", s.path, s.lines[name]) }

// readSettings reads a file whose keys are names of flags. The error names the lines of
// all that is wrong.
func readSettings(path string, flags *pflag.FlagSet) (*settingsFile, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("--config: %w", err)
	}
	s := &settingsFile{path: path, values: make(layer), lines: make(map[string]int)}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, usagef("%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(doc.Content) == 0 {
		return s, nil // nothing but comments
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, usagef("%s:%d: want lines of key: value", path, top.Line)
	}
	var wrong []error
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		fail := func(format string, args ...any) {
			wrong = append(wrong, fmt.Errorf("%s:%d: "+format, append([]any{path, key.Line}, args...)...))
		}
		name := key.Value
		switch {
		case flags.Lookup(name) == nil || name == fileFlag || name == "help":
			fail("unknown key %q%s", name, nearest(name, flags))
			continue
		case s.lines[name] != 0:
			fail("%s stands in line %d already", name, s.lines[name])
			continue
		case value.Kind != yaml.ScalarNode || value.Tag == "!!null":
			fail("%s wants one value", name)
			continue
		}
		s.lines[name], s.values[name] = key.Line, value.Value
	}
	if len(wrong) > 0 {
		return nil, usageError{errors.Join(wrong...)}
	}
	return s, nil
}

// nearest returns a hint at the known key that is most like name, if one is.
func nearest(name string, flags *pflag.FlagSet) string {
	known := slices.DeleteFunc(flagNames(flags), func(n string) bool { return n == fileFlag || n == "help" })
	if best := closest(name, known); best != "" {
		return fmt.Sprintf(": did you mean %s?", best)
	}
	return ": see brinell serve --help"
}

// settings are the values of a serveConfig that are more than texts and numbers.
type settings struct {
	level                   slog.Level
	rawCap, maxBody, memory int64
	rawAge, age             time.Duration // 0 for ever
	webhookAllow            []netip.Prefix
	trustedProxies          []netip.Prefix
	allowedHosts            []string
	external                string // address of the service for others, without a slash at its end
	method                  diagnose.Method
	zones                   diagnose.Zones
}

// level reads how much is logged.
func (c serveConfig) level() (l slog.Level, err error) {
	if err := l.UnmarshalText([]byte(c.logLevel)); err != nil {
		return l, usagef("--log-level %q is not one of debug, info, warn, error", c.logLevel)
	}
	return l, nil
}

// parse reads the values, and says which makes no sense. It looks at no file.
func (c serveConfig) parse() (s settings, err error) {
	if s.level, err = c.level(); err != nil {
		return s, err
	}
	if c.logFormat != "text" && c.logFormat != "json" {
		return s, usagef("--log-format %q is neither text nor json", c.logFormat)
	}
	if s.rawCap, err = parseSize(c.rawCap); err != nil {
		return s, usagef("--raw-cap: %w", err)
	}
	if s.maxBody, err = parseSize(c.maxBody); err != nil {
		return s, usagef("--max-body: %w", err)
	}
	if s.memory, err = memoryOf(c.memory); err != nil {
		return s, err
	}
	if s.rawAge, err = parseAge(c.rawAge); err != nil {
		return s, usagef("--raw-age: %w", err)
	}
	if s.age, err = parseAge(c.age); err != nil {
		return s, usagef("--age: %w", err)
	}
	if s.webhookAllow, err = networks("--webhook-allow", c.webhookAllow); err != nil {
		return s, err
	}
	if s.trustedProxies, err = networks("--trusted-proxies", c.trustedProxies); err != nil {
		return s, err
	}
	for _, n := range s.trustedProxies {
		if n.Bits() == 0 {
			return s, usagef("--trusted-proxies %s: then anybody may write where a client is; name the proxies", n)
		}
	}
	if s.allowedHosts, err = hostNames(c.allowedHosts); err != nil {
		return s, err
	}
	if c.maxSamples < 1 || c.workers < 0 {
		return s, usagef("--max-samples must be positive and --workers not negative")
	}
	if c.maxWait <= 0 {
		return s, usagef("--max-wait must be positive")
	}
	if c.watchSettle < watch.Every {
		return s, usagef("--watch-settle must be at least %s: the directory is looked at that often", watch.Every)
	}
	for name, d := range map[string]time.Duration{"--stop-timeout": c.stopTimeout, "--drain-delay": c.drainDelay, "--lock-wait": c.lockWait} {
		if d < 0 {
			return s, usagef("%s must not be negative", name)
		}
	}
	if s.method, err = diagnose.ParseMethod(c.baseline); err != nil {
		return s, usagef("--baseline: %w", err)
	}
	if s.zones, err = diagnose.ParseZones(c.zones); err != nil {
		return s, usagef("--velocity-zones: %w", err)
	}
	for _, l := range [][2]string{{"--listen", c.listen}, {"--metrics-listen", c.metricsListen}} {
		if _, _, err := net.SplitHostPort(l[1]); err != nil && l[1] != "" {
			return s, usagef("%s %q is no address such as 127.0.0.1:8080", l[0], l[1])
		}
	}
	if s.external, err = externalURL(c.externalURL); err != nil {
		return s, err
	}
	if c.debugListen != "" && !loopback(c.debugListen) {
		return s, usagef("--debug-listen %q is no loopback address: profiles are for this machine only", c.debugListen)
	}
	if (c.tlsCert == "") != (c.tlsKey == "") {
		return s, usagef("--tls-cert and --tls-key go together")
	}
	for _, n := range []struct {
		name  string
		value float64
	}{{"--max-sensors", float64(c.maxSensors)}, {"--metrics-sensors", float64(c.metricsSensors)}, {"--metrics-alarms", float64(c.metricsAlarms)}, {"--late-horizon", float64(c.lateHorizon)}, {"--key-rate", c.keyRate}} {
		if !(n.value >= 0) { // nor NaN
			return s, usagef("%s must not be negative", n.name)
		}
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"--max-axes", c.maxAxes}, {"--max-connections", c.connections}, {"--max-connections-per-address", c.perAddress}} {
		if n.value < 1 {
			return s, usagef("%s must be positive", n.name)
		}
	}
	return s, nil
}

// externalURL reads the address of the service for others. It stands in metrics and alerts:
// one with a password is refused.
func externalURL(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", usagef("--external-url is no address such as https://brinell.example or https://plant.example/brinell")
	case u.User != nil:
		return "", usagef("--external-url has a user: leave it out, the address stands in metrics and alerts")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// hostNames reads a list of names or addresses, whose ports do not matter.
func hostNames(list string) (all []string, err error) {
	for entry := range strings.SplitSeq(list, ",") {
		name := strings.TrimSpace(entry)
		if name == "" {
			continue
		}
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
		name = strings.TrimSuffix(strings.Trim(name, "[]"), ".")
		if name == "" || strings.ContainsAny(entry, "/*@") || strings.ContainsAny(name, " []") {
			return nil, usagef("--allowed-hosts: %q is no name such as plant-pc or brinell.example", entry)
		}
		all = append(all, name)
	}
	return all, nil
}

// networks reads a list of networks, of which a single address is one.
func networks(flag, list string) (all []netip.Prefix, err error) {
	for p := range strings.SplitSeq(list, ",") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		n, err := netip.ParsePrefix(p)
		if ip, ierr := netip.ParseAddr(p); err != nil && ierr == nil {
			n, err = netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()), nil
		}
		if err != nil {
			return nil, usagef("%s: %q is no network such as 10.1.0.0/16", flag, p)
		}
		all = append(all, n.Masked())
	}
	return all, nil
}

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show and check the settings of the service",
		Long: `Show and check the settings of serve. A value is taken from the first of these that
has it: a flag, the environment (BRINELL_DATA_DIR for --data-dir), the file that --config
or BRINELL_CONFIG names, the default. The file is YAML with the names of flags as keys:

  listen: 0.0.0.0:8080
  data-dir: /var/lib/brinell
  raw-age: 90d

No setting is a secret: keys and certificates are in files of their own.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(configShow(), configCheck())
	return cmd
}

// setting is one row of config show.
type setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
	Place  string `json:"place,omitempty"`
}

func configShow() *cobra.Command {
	var c serveConfig
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Print every setting as serve would take it, and where it comes from",
		Long:    "Print every setting as serve would take it, and where it comes from. It takes the flags of serve.",
		Example: "  brinell config show --config /etc/brinell/brinell.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings := new(pflag.FlagSet)
			new(serveConfig).flags(settings)
			var rows []setting
			settings.VisitAll(func(f *pflag.Flag) {
				if f.Name != fileFlag {
					f := cmd.Flags().Lookup(f.Name)
					o := originOf(f)
					rows = append(rows, setting{f.Name, f.Value.String(), o.layer, o.place})
				}
			})
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), rows)
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "KEY\tVALUE\tORIGIN\t")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.Key, r.Value, r.Origin, r.Place)
			}
			return t.Flush()
		},
	}
	c.flags(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// flagInError finds the flag that an error of parse is about.
var flagInError = regexp.MustCompile(`--([a-z][a-z-]*)`)

func configCheck() *cobra.Command {
	var c serveConfig
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Say what is wrong with a file of settings; exit 0 if nothing is",
		Long: `Say what is wrong with a file of settings: everything for which serve --config FILE
would not start. Files that it names are read, as the user who runs the check; the
environment and the flags of serve count as they would for it. Whether the addresses and
the data directory are free is not looked at: a service may be running.`,
		Example: "  brinell config check /etc/brinell/brinell.yaml --keys /etc/brinell/keys.json --data-dir /var/lib/brinell",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := c.check(args[0], cmd.Flags())
			if err == nil {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: nothing is wrong\n", args[0])
				return err
			}
			return errors.New(err.Error()) // no usageError: the command line made sense
		},
	}
	c.settings(cmd.Flags())
	return cmd
}

// check takes a file, under the flags of c that stand on the command line or in the environment.
func (c *serveConfig) check(path string, flags *pflag.FlagSet) error {
	all := new(pflag.FlagSet)
	new(serveConfig).flags(all)
	s, err := readSettings(path, all)
	if err != nil {
		return err
	}
	var wrong []error
	names := make([]string, 0, len(s.lines))
	for name := range s.lines {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return s.lines[a] - s.lines[b] })
	for _, name := range names {
		err := all.Set(name, s.values[name].(string))
		if f := flags.Lookup(name); err == nil && originOf(f).layer == fromDefault {
			err = flags.Set(name, s.values[name].(string))
		}
		if err != nil {
			err = valueError(err)
			wrong = append(wrong, fmt.Errorf("%s: %w", s.place(name), err))
		}
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	if _, err = c.prepare(slog.New(slog.DiscardHandler), false); err == nil {
		return nil
	}
	for _, m := range flagInError.FindAllStringSubmatch(err.Error(), -1) {
		if s.lines[m[1]] != 0 {
			return fmt.Errorf("%s: %w", s.place(m[1]), err)
		}
	}
	return fmt.Errorf("%s: %w", path, err)
}
