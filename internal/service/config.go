package service

import (
	"strings"
	"time"

	"github.com/spf13/pflag"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/diagnose"
	"brinell/internal/settings"
	"brinell/internal/watch"
)

// Config is what an operator sets.
type Config struct {
	Listen, DataDir, model, LogLevel, baseline, zones string
	bearings, rawCap, rawAge, age                     string
	trustClock                                        bool
	webhookAllow, watch                               string
	watchSettle                                       time.Duration
	maxSamples                                        int
	maxBody, memory                                   string
	workers                                           int
	MaxWait                                           time.Duration
	Demo                                              bool
	stopTimeout, drainDelay, lockWait                 time.Duration

	keys, tlsCert, tlsKey, metricsListen, debugListen  string
	trustedProxies, allowedHosts                       string
	requireKeys, insecure                              bool
	keyRate                                            float64
	logFormat                                          string
	maxSensors, maxAxes, metricsSensors, metricsAlarms int
	externalURL                                        string
	lateHorizon                                        time.Duration
	connections, perAddress                            int
}

// Flags declares what an operator sets, and the file that it may stand in.
func (c *Config) Flags(f *pflag.FlagSet) {
	f.String(settings.FileFlag, "", "file of settings (YAML), each under the name of its flag: see brinell config --help")
	c.Settings(f)
}

// Settings declares what an operator sets but for the file, with the defaults.
func (c *Config) Settings(f *pflag.FlagSet) {
	f.StringVar(&c.Listen, "listen", "127.0.0.1:8080", "address to listen on")
	f.StringVar(&c.DataDir, "data-dir", "./brinell-data", "directory of the database")
	f.StringVar(&c.model, "model", "", "model file (default the embedded model)")
	AddBearings(f, &c.bearings)
	f.StringVar(&c.rawCap, "raw-cap", "10GiB", "raw samples kept, compressed; the oldest go first, diagnoses stay")
	f.StringVar(&c.rawAge, "raw-age", "forever", "how long raw samples are kept after they were received, such as 90d")
	f.StringVar(&c.age, "age", "forever", "how long diagnoses are kept, and their samples; alarms stay")
	f.BoolVar(&c.trustClock, "trust-clock", false, "take the clock as right though it is more than a day ahead of the last start: retention by age goes by it")
	f.IntVar(&c.maxSamples, "max-samples", bearing.DefaultMaxSamples, "samples of a window at most")
	f.StringVar(&c.maxBody, "max-body", "32MiB", "size of a request at most")
	f.StringVar(&c.memory, "memory", autoMemory, "what the service may take: bounds all that windows need while they are received, judged, stored and shown (default the limit of its control group, else half of the machine's memory, 1GiB at most)")
	f.StringVar(&c.baseline, "baseline", string(diagnose.Mahalanobis), "how a sensor's windows are compared with its healthy ones: mahalanobis or autoencoder")
	f.StringVar(&c.zones, "velocity-zones", diagnose.KnownZones[0].Class, "limits of vibration velocity: "+ZoneNames()+", or three of your own in mm/s such as 1.4,2.8,4.5")
	f.IntVar(&c.workers, "workers", 0, "diagnoses computed at a time (default one per processor but one)")
	f.DurationVar(&c.MaxWait, "max-wait", admit.DefaultMaxWait, "time that a window may wait for its turn; those that would wait longer are refused with 503 before they are read")
	f.StringVar(&c.LogLevel, "log-level", "info", "debug, info, warn or error")
	f.DurationVar(&c.stopTimeout, "stop-timeout", 20*time.Second, "time that requests in flight get when the service stops")
	f.DurationVar(&c.drainDelay, "drain-delay", 100*time.Millisecond, "how long requests are still taken, with answers that end their connection and readyz at 503, before the service stops; behind a load balancer as long as it takes to notice")
	f.DurationVar(&c.lockWait, "lock-wait", 10*time.Second, "how long to wait for another brinell to let go of the data directory")
	f.StringVar(&c.keys, "keys", "", "file of API keys (default keys.json in the data directory)")
	f.BoolVar(&c.requireKeys, "require-keys", false, "demand keys on a loopback address too, even before there is one")
	f.BoolVar(&c.insecure, "insecure", false, "demand no keys where they would be: on other than a loopback address, behind trusted proxies, and where there were some that are gone; everybody who reaches the service may do everything")
	f.StringVar(&c.trustedProxies, "trusted-proxies", "", "networks of proxies whose X-Forwarded-For tells where a client is, such as 127.0.0.1,10.1.0.0/16; a service behind one is reached by others, and demands keys")
	f.StringVar(&c.allowedHosts, "allowed-hosts", "", "names beside localhost under which a service that needs no key is asked for, with commas between; without them one on a loopback address answers to localhost, and any other to all names")
	f.Float64Var(&c.keyRate, "key-rate", 0, "windows a second that each key may send that was not made with a --rate of its own (default no bound)")
	f.StringVar(&c.tlsCert, "tls-cert", "", "file of the TLS certificate and its chain, PEM; read again when it changes")
	f.StringVar(&c.tlsKey, "tls-key", "", "file of its private key, PEM")
	f.StringVar(&c.metricsListen, "metrics-listen", "", "another address for /metrics, without keys")
	f.StringVar(&c.debugListen, "debug-listen", "", "loopback address for profiles (pprof)")
	f.IntVar(&c.connections, "max-connections", 1024, "connections open at a time")
	f.IntVar(&c.perAddress, "max-connections-per-address", 256, "the same from one address")
	f.IntVar(&c.maxSensors, "max-sensors", 10_000, "sensors that windows may bring in; registered ones are not counted; 0 for no bound")
	f.IntVar(&c.maxAxes, "max-axes", diagnose.DefaultMaxAxes, "axes of a sensor at most")
	f.IntVar(&c.metricsSensors, "metrics-sensors", diagnose.DefaultSeriesSensors, "sensors with series of their own in /metrics, seven each, registered ones first; the others are counted")
	f.IntVar(&c.metricsAlarms, "metrics-alarms", defaultAlarmSeries, "open alarms with a series of their own in /metrics, those of registered sensors first; the others are counted")
	f.StringVar(&c.externalURL, "external-url", "", "address under which people reach the service, such as https://brinell.example: links in alerts begin with it (default the address that a browser of this machine opens)")
	f.DurationVar(&c.lateHorizon, "late-horizon", diagnose.DefaultLateHorizon, "how far behind its sensor's newest window one may be to take part in its state; beyond, it is stored and flagged late")
	f.StringVar(&c.webhookAllow, "webhook-allow", "", "networks that webhooks may lead to though they are not public, such as 10.1.0.0/16,127.0.0.1/32")
	f.StringVar(&c.watch, "watch", "", "directory into which files are dropped: windows as JSON, or recordings named SENSOR_20260131T120000Z.wav of registered sensors; they are moved to done/ or failed/ in it")
	f.DurationVar(&c.watchSettle, "watch-settle", watch.Settle, "how long a file in that directory must not have changed, unless its form shows its end and its writer has closed it; longer than writers pause")
	f.StringVar(&c.logFormat, "log-format", "text", "text or json")
	f.BoolVar(&c.Demo, "demo", false, "replay embedded excerpts of real recordings as a few sensors")
}

// ZoneNames lists the known velocity zones.
func ZoneNames() string {
	var names []string
	for _, z := range diagnose.KnownZones {
		names = append(names, z.Class)
	}
	return strings.Join(names, ", ")
}
