package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"path"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"brinell/api/web"
	"brinell/bearing"
	"brinell/internal/admit"
)

// Diagnoser takes windows. When Submit returns without error, the diagnosis and
// the window are on disk. A repeated window gives its first diagnosis with
// Duplicate set. However Submit returns, it keeps nothing of w.Samples: their
// memory becomes that of another window.
type Diagnoser interface {
	Submit(ctx context.Context, w *bearing.Window, e admit.Entry) (bearing.Diagnosis, error)
}

// Reader reads stored diagnoses.
type Reader interface {
	Diagnosis(ctx context.Context, id string) (bearing.Diagnosis, error)
	// DiagnosisDocuments returns a page of diagnoses as the JSON in which they are answered, and
	// the cursor of the next page. Reading a hundred of them only to write them again would be
	// nine tenths of the work.
	DiagnosisDocuments(ctx context.Context, q bearing.Query) (docs []json.RawMessage, next string, err error)
}

// Backend is what the API calls.
type Backend struct {
	Core      Diagnoser
	Reader    Reader
	Bearings  Bearings
	Resources Resources
	Alarms    Alarms
	Events    Events
	Signals   Signals
	Baselines Baselines
	Webhooks  Webhooks
	Models    Models
}

// Config are the settings of the edge. Zero fields mean the documented defaults.
type Config struct {
	MaxSamples     int                  // samples of a window, default bearing.DefaultMaxSamples
	MaxBody        int64                // bytes of a body, default DefaultMaxBody
	Memory         *admit.Memory        // the budget of bytes of the service; default one that has room for four of the longest bodies, and 64 MiB
	Version        string               // of the program
	Revision       string               // of the source that it was built from
	Log            *slog.Logger         // default none
	Registry       *prometheus.Registry // default a new one
	ObserveDecode  func(time.Duration)  // told how long each window took to decode
	Ready          func() error         // nil error when windows can be taken; default always
	Keys           Keys                 // of clients; nil to take everybody
	TrustedProxies []netip.Prefix       // whose X-Forwarded-For is believed
	Hosts          Hosts                // that requests may be for while no key is needed
	KeyRate        float64              // windows a second that each key may send, 0 for no bound
	Gate           *admit.Gate          // which windows are taken on; nil for all
	Done           <-chan struct{}      // closed when the service stops: streams end; nil for never
}

// DefaultMaxBody is the default of Config.MaxBody.
const DefaultMaxBody = 32 << 20

func (c Config) withDefaults() Config {
	if c.MaxSamples == 0 {
		c.MaxSamples = bearing.DefaultMaxSamples
	}
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.Memory == nil {
		c.Memory = admit.NewMemory(3 * max(4*c.MaxBody, 64<<20))
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	if c.ObserveDecode == nil {
		c.ObserveDecode = func(time.Duration) {}
	}
	if c.Ready == nil {
		c.Ready = func() error { return nil }
	}
	return c
}

// Validate reports limits that would refuse every window.
func (c Config) Validate() error {
	if c = c.withDefaults(); c.MaxSamples < 1 || c.MaxBody < 1 || c.Memory.Most(admit.Receive) <= c.MaxBody {
		return fmt.Errorf("api: limits %d samples, %d bytes of body, %d bytes of memory for bodies: each must be positive, and the last above the one before", c.MaxSamples, c.MaxBody, c.Memory.Most(admit.Receive))
	}
	return nil
}

type server struct {
	cfg       Config
	core      Diagnoser
	reader    Reader
	bearings  Bearings
	resources Resources
	made      namesMade
	alarms    Alarms
	events    Events
	signals   Signals
	baselines Baselines
	webhooks  Webhooks
	models    Models
	looks     *admit.Turns // of what is shown of stored windows
	lists     *admit.Turns // of pages
	controls  *admit.Turns // of baselines
	intents   intents
	streams   streams
	lines     *admit.Turns // of lines of bulk requests that are judged
	failures  failures
	holders   holders
	quota     quota
	metrics   *metrics
	denial    denial
	budget    budget
	router    chi.Router
	spec      []byte // the OpenAPI document

	sending sending

	lookWait   time.Duration // shorter in tests
	bodyGrace  time.Duration
	shedGrace  time.Duration
	answerTime time.Duration
}

// API is the handler of all addresses.
type API struct{ s *server }

// New returns the whole API.
func New(cfg Config, b Backend) (*API, error) {
	s, err := newServer(cfg, b)
	if err != nil {
		return nil, err
	}
	return &API{s}, nil
}

// Rejected are the counters of windows that were refused, by error code.
func (a *API) Rejected() prometheus.Collector { return a.s.metrics.rejected }

func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	leak()
	a.s.router.ServeHTTP(w, r)
}

func newServer(cfg Config, b Backend) (*server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &server{cfg: cfg.withDefaults(), core: b.Core, reader: b.Reader, bearings: b.Bearings, resources: b.Resources, alarms: b.Alarms, events: b.Events, signals: b.Signals, baselines: b.Baselines, webhooks: b.Webhooks, models: b.Models, looks: admit.NewTurns(mostLooks), lists: admit.NewTurns(mostLists), controls: admit.NewTurns(mostControlling), lines: admit.NewTurns(inFlight), router: chi.NewRouter(), lookWait: lookWait, bodyGrace: bodyGrace, shedGrace: shedGrace, answerTime: answerTime}
	s.budget.memory, s.quota.rate = s.cfg.Memory, s.cfg.KeyRate
	var err error
	if s.metrics, err = newMetrics(s.cfg.Registry, s.cfg.Version, s.cfg.Revision); err != nil {
		return nil, err
	}
	s.denial = newDenial(s.metrics)
	if err := admissionMetrics(s.cfg.Registry, s.cfg.Gate, s.cfg.Memory); err != nil {
		return nil, err
	}
	s.router.Use(s.shed, s.requestID, s.observe, s.recover, s.pace, headers, s.forwarded, s.fromHere)
	if s.cfg.Keys != nil {
		s.holders.check = s.holds
		s.router.Use(s.authorize)
	}
	s.router.Use(middleware.GetHead, s.asked)
	s.router.NotFound(s.handle(func(http.ResponseWriter, *http.Request) error { return routeNotFound() }))
	s.router.MethodNotAllowed(s.methodNotAllowed)
	return s, s.routes()
}

// routes is the table of contents of the API.
func (s *server) routes() error {
	s.router.Method("POST", "/v1/sensors/{sensor}/windows", s.handle(s.postWindow))
	s.router.Method("POST", "/v1/windows", s.handle(s.postWindows))
	doc := s.describe() // GET /v1/diagnoses and what is below it, by huma
	if err := annotate(doc); err != nil {
		return err
	}
	s.bearingRoutes()
	s.resourceRoutes()
	s.alarmRoutes()
	s.signalRoutes()
	s.baselineRoutes()
	s.webhookRoutes()
	s.modelRoutes()
	s.router.Method("GET", "/v1/stream", s.handle(s.stream))
	s.router.Method("GET", "/healthz", s.handle(s.healthz))
	s.router.Method("GET", "/readyz", s.handle(s.readyz))
	s.router.Method("GET", "/metrics", promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelError),
	}))
	s.router.Method("GET", "/openapi.json", s.handle(s.openAPI))
	s.router.Method("GET", "/docs", s.handle(s.docs))
	s.router.Method("GET", "/docs/*", s.handle(s.docs)) // its style and script
	if err := s.checkScopes(); err != nil {
		return err
	}
	var err error
	s.spec, err = doc.MarshalJSON()
	return err
}

func (s *server) healthz(w http.ResponseWriter, _ *http.Request) error {
	return sendJSON(w, http.StatusOK, status{"ok"})
}

func (s *server) readyz(w http.ResponseWriter, _ *http.Request) error {
	err := s.cfg.Ready()
	if err == nil {
		return sendJSON(w, http.StatusOK, status{"ready"})
	}
	if e, ok := errors.AsType[*bearing.Error](err); ok && e.Kind == bearing.Overloaded {
		return e
	}
	s.cfg.Log.Warn("not ready", "err", err)
	return bearing.Errorf(bearing.Overloaded, "not_ready", "the service cannot take windows now: see its log")
}

type status struct {
	Status string `json:"status"`
}

func (s *server) openAPI(w http.ResponseWriter, _ *http.Request) error {
	send(w, http.StatusOK, "application/openapi+json", s.spec)
	return nil
}

// docs sends a file of the page that shows the description.
func (s *server) docs(w http.ResponseWriter, r *http.Request) error {
	name := chi.URLParam(r, "*")
	if r.URL.Path == "/docs" {
		name = "docs.html"
	}
	b, err := fs.ReadFile(web.Files, name)
	if err != nil { // not there, a directory, or no path
		return routeNotFound()
	}
	send(w, http.StatusOK, mime.TypeByExtension(path.Ext(name)), b)
	return nil
}

func routeNotFound() error {
	return bearing.Errorf(bearing.NotFound, "route_not_found", "there is nothing at this address: see /docs")
}

// methodNotAllowed answers 405 with the methods that the address has.
func (s *server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	for _, m := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		if s.router.Match(chi.NewRouteContext(), m, r.URL.Path) {
			w.Header().Add("Allow", m)
		}
	}
	s.fail(w, r, bearing.Errorf(bearing.NotFound, "method_not_allowed", "this address does not take %s: see the Allow header", bearing.Clip(r.Method)))
}

// answerTime is what a client has to take an answer, from its first byte on.
const answerTime = 2 * time.Minute

// NewServer returns an HTTP server for h with time limits that keep slow clients
// from holding connections. The handler of New sets those of body and answer
// itself, by their size and beginning.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 60 * time.Second, MaxHeaderBytes: 16 << 10,
		// Makes the server set the deadline anew for each request of a connection.
		WriteTimeout: answerTime,
	}
}
