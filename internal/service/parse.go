package service

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"brinell/internal/diagnose"
	"brinell/internal/settings"
	"brinell/internal/watch"
)

// parsed are the values of a serveConfig that are more than texts and numbers.
type parsed struct {
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
func (c Config) level() (l slog.Level, err error) {
	if err := l.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return l, settings.Usagef("--log-level %q is not one of debug, info, warn, error", c.LogLevel)
	}
	return l, nil
}

// parse reads the values, and says which makes no sense. It looks at no file.
func (c Config) parse() (s parsed, err error) {
	if s.level, err = c.level(); err != nil {
		return s, err
	}
	if c.logFormat != "text" && c.logFormat != "json" {
		return s, settings.Usagef("--log-format %q is neither text nor json", c.logFormat)
	}
	if s.rawCap, err = settings.ParseSize(c.rawCap); err != nil {
		return s, settings.Usagef("--raw-cap: %w", err)
	}
	if s.maxBody, err = settings.ParseSize(c.maxBody); err != nil {
		return s, settings.Usagef("--max-body: %w", err)
	}
	if s.memory, err = memoryOf(c.memory); err != nil {
		return s, err
	}
	if s.rawAge, err = settings.ParseAge(c.rawAge); err != nil {
		return s, settings.Usagef("--raw-age: %w", err)
	}
	if s.age, err = settings.ParseAge(c.age); err != nil {
		return s, settings.Usagef("--age: %w", err)
	}
	if s.webhookAllow, err = networks("--webhook-allow", c.webhookAllow); err != nil {
		return s, err
	}
	if s.trustedProxies, err = networks("--trusted-proxies", c.trustedProxies); err != nil {
		return s, err
	}
	for _, n := range s.trustedProxies {
		if n.Bits() == 0 {
			return s, settings.Usagef("--trusted-proxies %s: then anybody may write where a client is; name the proxies", n)
		}
	}
	if s.allowedHosts, err = hostNames(c.allowedHosts); err != nil {
		return s, err
	}
	if c.maxSamples < 1 || c.workers < 0 {
		return s, settings.Usagef("--max-samples must be positive and --workers not negative")
	}
	if c.MaxWait <= 0 {
		return s, settings.Usagef("--max-wait must be positive")
	}
	if c.watchSettle < watch.Every {
		return s, settings.Usagef("--watch-settle must be at least %s: the directory is looked at that often", watch.Every)
	}
	for name, d := range map[string]time.Duration{"--stop-timeout": c.stopTimeout, "--drain-delay": c.drainDelay, "--lock-wait": c.lockWait} {
		if d < 0 {
			return s, settings.Usagef("%s must not be negative", name)
		}
	}
	if s.method, err = diagnose.ParseMethod(c.baseline); err != nil {
		return s, settings.Usagef("--baseline: %w", err)
	}
	if s.zones, err = diagnose.ParseZones(c.zones); err != nil {
		return s, settings.Usagef("--velocity-zones: %w", err)
	}
	for _, l := range [][2]string{{"--listen", c.Listen}, {"--metrics-listen", c.metricsListen}} {
		if _, _, err := net.SplitHostPort(l[1]); err != nil && l[1] != "" {
			return s, settings.Usagef("%s %q is no address such as 127.0.0.1:8080", l[0], l[1])
		}
	}
	if s.external, err = externalURL(c.externalURL); err != nil {
		return s, err
	}
	if c.debugListen != "" && !loopback(c.debugListen) {
		return s, settings.Usagef("--debug-listen %q is no loopback address: profiles are for this machine only", c.debugListen)
	}
	if (c.tlsCert == "") != (c.tlsKey == "") {
		return s, settings.Usagef("--tls-cert and --tls-key go together")
	}
	for _, n := range []struct {
		name  string
		value float64
	}{{"--max-sensors", float64(c.maxSensors)}, {"--metrics-sensors", float64(c.metricsSensors)}, {"--metrics-alarms", float64(c.metricsAlarms)}, {"--late-horizon", float64(c.lateHorizon)}, {"--key-rate", c.keyRate}} {
		if !(n.value >= 0) { // nor NaN
			return s, settings.Usagef("%s must not be negative", n.name)
		}
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"--max-axes", c.maxAxes}, {"--max-connections", c.connections}, {"--max-connections-per-address", c.perAddress}} {
		if n.value < 1 {
			return s, settings.Usagef("%s must be positive", n.name)
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
		return "", settings.Usagef("--external-url is no address such as https://brinell.example or https://plant.example/brinell")
	case u.User != nil:
		return "", settings.Usagef("--external-url has a user: leave it out, the address stands in metrics and alerts")
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
			return nil, settings.Usagef("--allowed-hosts: %q is no name such as plant-pc or brinell.example", entry)
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
			return nil, settings.Usagef("%s: %q is no network such as 10.1.0.0/16", flag, p)
		}
		all = append(all, n.Masked())
	}
	return all, nil
}

// flagInError finds the flag that an error of parse is about.
var flagInError = regexp.MustCompile(`--([a-z][a-z-]*)`)

// Check takes a file, under the flags of c that stand on the command line or in the environment.
func (c *Config) Check(path string, flags *pflag.FlagSet) error {
	all := new(pflag.FlagSet)
	new(Config).Flags(all)
	s, err := settings.Read(path, all)
	if err != nil {
		return err
	}
	var wrong []error
	names := make([]string, 0, len(s.Lines))
	for name := range s.Lines {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return s.Lines[a] - s.Lines[b] })
	for _, name := range names {
		err := all.Set(name, s.Values[name].(string))
		if f := flags.Lookup(name); err == nil && settings.OriginOf(f).Layer == settings.FromDefault {
			err = flags.Set(name, s.Values[name].(string))
		}
		if err != nil {
			err = settings.ValueError(err)
			wrong = append(wrong, fmt.Errorf("%s: %w", s.Place(name), err))
		}
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	if _, err = c.prepare(slog.New(slog.DiscardHandler), false); err == nil {
		return nil
	}
	for _, m := range flagInError.FindAllStringSubmatch(err.Error(), -1) {
		if s.Lines[m[1]] != 0 {
			return fmt.Errorf("%s: %w", s.Place(m[1]), err)
		}
	}
	return fmt.Errorf("%s: %w", path, err)
}
