package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"brinell/api/web"
	"brinell/internal/bearing"
)

// Diagnoser takes windows. When Submit returns without error, the diagnosis and
// the window are on disk. A repeated window gives its first diagnosis with
// Duplicate set.
type Diagnoser interface {
	Submit(ctx context.Context, w *bearing.Window) (bearing.Diagnosis, error)
}

// Reader reads stored diagnoses.
type Reader interface {
	Diagnosis(ctx context.Context, id string) (bearing.Diagnosis, error)
	Diagnoses(ctx context.Context, q bearing.Query) (bearing.Page, error)
}

// Config are the settings of the edge. Zero fields mean the documented defaults.
type Config struct {
	MaxSamples    int                  // samples of a window, default bearing.DefaultMaxSamples
	MaxBody       int64                // bytes of a body, default DefaultMaxBody
	Version       string               // of the program
	Log           *slog.Logger         // default none
	Registry      *prometheus.Registry // default a new one
	ObserveDecode func(time.Duration)  // told how long each window took to decode
	Ready         func() error         // nil error when windows can be taken; default always
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

type server struct {
	cfg     Config
	core    Diagnoser
	reader  Reader
	metrics *metrics
	router  chi.Router
	spec    []byte // the OpenAPI document
}

// New returns the handler of the whole API.
func New(cfg Config, core Diagnoser, reader Reader) (http.Handler, error) {
	s, err := newServer(cfg, core, reader)
	if err != nil {
		return nil, err
	}
	return s.router, nil
}

func newServer(cfg Config, core Diagnoser, reader Reader) (*server, error) {
	s := &server{cfg: cfg.withDefaults(), core: core, reader: reader, router: chi.NewRouter()}
	var err error
	if s.metrics, err = newMetrics(s.cfg.Registry, s.cfg.Version); err != nil {
		return nil, err
	}
	s.router.Use(s.requestID, s.observe, s.recover, headers, middleware.GetHead)
	s.router.NotFound(s.handle(func(http.ResponseWriter, *http.Request) error {
		return bearing.Errorf(bearing.NotFound, "route_not_found", "there is nothing at this address: see /docs")
	}))
	s.router.MethodNotAllowed(s.methodNotAllowed)
	return s, s.routes()
}

// routes is the table of contents of the API.
func (s *server) routes() error {
	s.router.Method("POST", "/v1/sensors/{sensor}/windows", s.handle(s.postWindow))
	doc := s.describe() // GET /v1/diagnoses and /v1/diagnoses/{id}, by huma
	s.router.Method("GET", "/healthz", s.handle(s.healthz))
	s.router.Method("GET", "/readyz", s.handle(s.readyz))
	s.router.Method("GET", "/metrics", promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{}))
	s.router.Method("GET", "/openapi.json", s.handle(s.openAPI))
	s.router.Method("GET", "/docs", s.handle(s.docs))
	s.router.Method("GET", "/docs/*", http.StripPrefix("/docs/", http.FileServerFS(web.Files)))
	var err error
	s.spec, err = doc.MarshalJSON()
	return err
}

func (s *server) healthz(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, status{"ok"})
}

func (s *server) readyz(w http.ResponseWriter, _ *http.Request) error {
	if err := s.cfg.Ready(); err != nil {
		if e, ok := errors.AsType[*bearing.Error](err); ok {
			return e
		}
		s.cfg.Log.Warn("not ready", "err", err)
		return bearing.Errorf(bearing.Overloaded, "not_ready", "the service cannot take windows now: see its log")
	}
	return writeJSON(w, http.StatusOK, status{"ready"})
}

type status struct {
	Status string `json:"status"`
}

func (s *server) openAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/openapi+json")
	_, err := w.Write(s.spec)
	return err
}

func (s *server) docs(w http.ResponseWriter, r *http.Request) error {
	http.ServeFileFS(w, r, web.Files, "docs.html")
	return nil
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

// NewServer returns an HTTP server for h with time limits that keep slow clients
// from holding connections. The time for a body is set where bodies are read.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 60 * time.Second, MaxHeaderBytes: 16 << 10}
}
