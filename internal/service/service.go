// Package service is the running service: it wires the core, the store, the API, the watched
// folder and the webhooks together, listens, tells the service manager, and ends without losing
// a request. What each of them does is in its own package.
package service

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"brinell/api"
	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/diagnose"
	"brinell/internal/files"
	"brinell/internal/library"
	"brinell/internal/logs"
	"brinell/internal/store"
	"brinell/internal/watch"
	"brinell/internal/webhook"
	"brinell/models"
	"brinell/models/pretrained"
)

// Service is a running brinell: everything that must be closed, and the address.
type Service struct {
	cfg      Config
	log      *slog.Logger
	store    *store.DB
	core     *diagnose.Core
	hooks    *webhook.Sender
	memory   *admit.Memory
	watch    *watch.Folder // nil for none
	listener net.Listener
	alarms   *alarmLog
	tally    *tally
	base     string // of addresses to open in a browser of this machine
	drainer  *drainer
	notify   *notifier
	http     *http.Server
	sides    []*http.Server
}

// Program says which program the service is.
type Program struct {
	Version   string    // of the release
	Revision  string    // the commit
	Committed time.Time // of the commit; zero if it is not known
}

// New returns a service that listens; who runs it has it closed at the end. Its log is
// written to stderr.
func New(ctx context.Context, c Config, p Program, stderr io.Writer) (_ *Service, err error) {
	level, err := c.level()
	if err != nil {
		return nil, err
	}
	log, err := newLog(stderr, c.logFormat, level)
	if err != nil {
		return nil, err
	}
	s := &Service{log: log}
	socket, err := inherited()
	if err != nil {
		return nil, err
	}
	var warmUp time.Duration
	if socket != nil { // what is reached through it counts, not what --listen says
		c.Listen = socket.Addr().String()
		warmUp = 30 * time.Second // clients wait in it, while hundreds of sensors are recalled
	}
	v, err := c.prepare(s.log, socket != nil)
	if err != nil {
		return nil, err
	}
	s.cfg, s.drainer = c, newDrainer(socket)
	if s.notify, err = newNotifier(log); err != nil {
		return nil, err
	}
	ring, m, cat := v.ring, v.model, v.bearings
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	metrics, err := diagnose.NewMetrics(reg)
	if err != nil {
		return nil, err
	}
	if metrics.Sensors, err = diagnose.NewSensorSeries(reg, c.metricsSensors); err != nil {
		return nil, err
	}
	var feed atomic.Pointer[diagnose.Feed] // there once the store tells where it begins
	s.alarms = newAlarmLog(s.log)
	tell := func(events []bearing.Event) {
		s.alarms.changed(events)
		if f := feed.Load(); f != nil {
			f.Publish(events)
		}
	}
	if s.store, err = store.Open(ctx, store.Config{Dir: c.DataDir, RawCap: v.rawCap, RawAge: v.rawAge, Age: v.age, TrustClock: c.trustClock, LockWait: c.lockWait, Log: s.log, Committed: tell}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.store.Close())
		}
	}()
	if err = reg.Register(storeMetrics{s.store, c.DataDir, v.rawCap, s.log}); err != nil {
		return nil, err
	}
	if err = ring.remember(ctx, s.store, KeyFile(c.keys, c.DataDir), c.insecure, s.log); err != nil {
		return nil, err
	}
	bearings := &durableCatalogue{Catalogue: cat, store: s.store}
	if err = bearings.load(ctx, s.log); err != nil {
		return nil, err
	}
	at, err := s.store.Position(ctx)
	if err != nil {
		return nil, err
	}
	feed.Store(diagnose.NewFeed(at))
	registry, err := diagnose.NewRegistry(ctx, s.store, cat.Lookup)
	if err != nil {
		return nil, err
	}
	bearings.sensors = registry
	s.alarms.machine = func(name string) string { sensor, _ := registry.Sensor(name); return sensor.Machine }
	shelf, m, err := library.Open(ctx, s.store, m, c.model != "", s.log)
	if err != nil {
		return nil, err
	}
	library.WarnUncalibrated(s.log, m)
	if err := batch(); err != nil {
		s.log.Debug("threads that compute may be interrupted", "err", err)
	}
	reserve(v.workers)
	plan := planMemory(v.memory, v.workers)
	plan.limitHeap()
	registry.Most = plan.registry
	s.memory = admit.NewMemory(plan.budget)
	if most := s.memory.Most(admit.Receive); v.maxBody >= most {
		s.log.Warn("the longest body does not fit into the memory: shorter ones are refused", "max_body", v.maxBody, "now", most-1, "memory", v.memory)
		v.maxBody = most - 1
	}
	gate := admit.New(admit.Config{Workers: v.workers, MaxWait: c.MaxWait, WarmUp: warmUp})
	if s.core, err = diagnose.New(m, diagnose.Config{Memory: s.memory, Shelf: plan.shelf, States: plan.states, Store: s.store, Catalogue: cat.Lookup, Sensors: registry.Sensor, Models: shelf.ForSensor, Metrics: metrics, Gate: gate, Build: p.Version + " " + p.Revision, Built: p.Committed, Baseline: v.method, Zones: v.zones, MaxSamples: c.maxSamples, MaxSensors: c.maxSensors, MaxAxes: c.maxAxes, LateHorizon: c.lateHorizon}); err != nil {
		return nil, err
	}
	if s.hooks, err = webhook.New(s.store, v.webhookAllow, s.log, reg); err != nil {
		return nil, err
	}
	counts, err := watch.NewMetrics(reg)
	if err != nil {
		return nil, err
	}
	if c.watch != "" {
		if s.watch, err = watch.New(watch.Config{Dir: c.watch, Sensor: registry.Sensor, MaxSamples: c.maxSamples, MaxSize: v.maxBody, Settle: c.watchSettle, Log: s.log, Metrics: counts, Memory: s.memory}); err != nil {
			return nil, err
		}
	}
	registry.Retire, registry.Forgets, registry.Models = s.core.Retire, s.core.Forget, shelf.Has
	kept := judged{s.core, s.store}
	shelf.Serve(s.core)
	handler, err := api.New(api.Config{
		MaxSamples: c.maxSamples, MaxBody: v.maxBody, Version: p.Version, Revision: p.Revision, Log: s.log, Registry: reg, Ready: s.drainer.ready(s.store.Ready), Done: ctx.Done(), Keys: ring, KeyRate: c.keyRate, TrustedProxies: v.trustedProxies, Hosts: v.hosts(c.Listen), Gate: gate, Memory: s.memory,
		ObserveDecode: func(d time.Duration) { metrics.Stage.WithLabelValues("decode").Observe(d.Seconds()) },
	}, api.Backend{Core: s.core, Reader: s.store, Bearings: bearings, Resources: registry, Alarms: kept, Events: events{feed.Load(), s.store}, Signals: kept, Baselines: s.core, Webhooks: s.hooks, Models: shelf})
	if err != nil {
		return nil, err
	}
	s.tally = &tally{log: s.log, taken: metrics.Quality, repeated: metrics.Repeated, refused: handler.Rejected(), files: counts.Files()}
	s.http = api.NewServer(s.drainer.handler(handler))
	s.http.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
	scheme, err := s.listenOn(c, v, handler, reg, ring.Required)
	if err != nil {
		return nil, err
	}
	s.base = browsed(scheme, s.listener.Addr().String())
	if err = reg.Register(alarmMetrics{s.store, c.metricsAlarms, cmp.Or(v.external, s.base), s.log}); err != nil {
		return nil, errors.Join(err, s.listener.Close())
	}
	s.log.Info("ready", "address", scheme+"://"+s.listener.Addr().String(), "data_dir", c.DataDir, "model", m.Name, "digest", m.Digest[:12],
		"max_samples", c.maxSamples, "max_body", v.maxBody, "raw_cap", v.rawCap, "keys_required", ring.Required(), "version", p.Version)
	s.log.Info("open in a browser", "address", s.base+"/docs")
	return s, nil
}

// reserve sees to it that the scheduler has one more place than workers fill: the network is
// not looked at while all of them compute.
func reserve(workers int) {
	procs := max(2, runtime.GOMAXPROCS(0), workers+1)
	if procs != runtime.GOMAXPROCS(0) { // setting it, even alike, ends following the container's quota
		runtime.GOMAXPROCS(procs)
	}
}

// hosts are the names under which what listens on an address may be asked without a key. On
// one that others reach, names of this machine are not known, and any will do unless some are
// given.
func (s parsed) hosts(addr string) api.Hosts {
	return api.Hosts{Check: loopback(addr) || len(s.allowedHosts) > 0, Also: s.allowedHosts}
}

// judged is what the core changes or computes and the store has: alarms, and what is seen
// in stored windows.
type judged struct {
	*diagnose.Core
	*store.DB
}

// events are kept by the feed, and read from the store where that is too short.
type events struct {
	*diagnose.Feed
	*store.DB
}

// Address is where the service listens.
func (s *Service) Address() net.Addr { return s.listener.Addr() }

// Stored is the store of the service.
func (s *Service) Stored() *store.DB { return s.store }

// Handler answers what comes over HTTP.
func (s *Service) Handler() http.Handler { return s.http.Handler }

// Close closes a service that was not run.
func (s *Service) Close() error {
	if s.watch != nil {
		_ = s.watch.Close()
	}
	for _, side := range s.sides {
		_ = side.Close()
	}
	return errors.Join(s.listener.Close(), s.store.Close())
}

// Run serves until ctx ends, then finishes what is in flight and closes.
func (s *Service) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	signal.Ignore(syscall.SIGPIPE) // who reads the log may go away: lines are lost, not windows
	defer signal.Reset(syscall.SIGPIPE)

	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }()
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.core.Watch(ctx, time.Second); err != nil && ctx.Err() == nil {
			s.log.Error("silent sensors are no longer noticed", "err", err)
		}
	})
	running.Go(func() { s.hooks.Run(ctx, time.Second) })
	if s.watch != nil {
		running.Go(func() { s.watch.Run(ctx, s.core) })
	}
	if s.cfg.Demo {
		running.Go(func() { s.replay(ctx) })
	}
	running.Go(func() { returnMemory(ctx, s.memory, debug.FreeOSMemory) })
	running.Go(func() { s.notify.watch(ctx, s.http.Handler) })
	unfollow := s.follow()
	s.notify.say("READY=1")
	var err error
loop:
	for {
		select {
		case <-hup:
			s.reload()
		case err = <-served: // it ended by itself
			break loop
		case <-ctx.Done():
			break loop
		}
	}
	s.log.Info("stopping", "timeout", s.cfg.stopTimeout)
	s.notify.say("STOPPING=1")
	defer s.notify.close()
	s.drainer.draining.Store(true)
	cancel()
	running.Wait()
	time.Sleep(s.cfg.drainDelay)
	stop, done := context.WithTimeout(context.Background(), s.cfg.stopTimeout)
	defer done()
	_ = s.drainer.Listener.Close() // this process's own; connections wait in that of others
	if err == nil {
		if err = <-served; errors.Is(err, net.ErrClosed) {
			err = nil
		}
	}
	s.drainer.drain(stop)
	if serr := s.http.Shutdown(stop); serr != nil {
		s.log.Warn("requests were cut off", "err", serr)
		_ = s.http.Close()
	}
	for _, side := range s.sides {
		_ = side.Close()
	}
	err = errors.Join(err, s.store.Close())
	unfollow()               // it has all that was stored
	s.drainer.closing.Wait() // others have the data directory by now
	return err
}

// servedModel reads a model that is to judge machines: one without a card is refused,
// whichever way it comes.
func servedModel(path string) (*models.Model, error) {
	m, err := pretrained.Open(path)
	if err == nil {
		err = files.About(path, m.CheckCard())
	}
	return m, err
}

// reload swaps in the model file as it is now. What is wrong with it is logged,
// and the model that runs goes on.
func (s *Service) reload() {
	asked := logs.Asked(context.Background())
	if s.cfg.model == "" {
		s.log.WarnContext(asked, "SIGHUP: the embedded model runs, there is no file to read")
		return
	}
	m, err := servedModel(s.cfg.model)
	if err == nil {
		err = s.core.Swap(m)
	}
	if err != nil {
		s.log.ErrorContext(asked, "the model was not swapped", "file", s.cfg.model, "err", err)
		return
	}
	s.log.Info("model swapped", "model", m.Name, "digest", m.Digest[:12])
	library.WarnUncalibrated(s.log, m)
}

// What the store is to each that uses it. Another one that passes storetest.Run and these lines
// can take its place.
var (
	_ diagnose.Store = (*store.DB)(nil)
	_ library.Store  = (*store.DB)(nil)
	_ webhook.Store  = (*store.DB)(nil)
	_ api.Reader     = (*store.DB)(nil)
	_ api.Alarms     = judged{}
	_ api.Signals    = judged{}
	_ api.Events     = events{}
)
