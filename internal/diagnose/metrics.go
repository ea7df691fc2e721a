package diagnose

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"brinell/bearing"
)

// Metrics are the series that the core feeds, made by NewMetrics. Stage is
// shared with the edge, which times decoding.
type Metrics struct {
	Stage     *prometheus.HistogramVec // by stage
	Diagnoses *prometheus.CounterVec   // by fault
	Quality   *prometheus.CounterVec   // by level
	Agreement *prometheus.CounterVec   // by agreement of the witnesses
	Repeated  prometheus.Counter       // windows that were stored already
	Late      prometheus.Counter       // windows without part in their sensor's state
	Behind    prometheus.Gauge         // seconds that the clock is behind at least
	Model     *prometheus.GaugeVec     // by name, version, digest; 1 for the active model
	States    prometheus.Gauge         // of sensor axes, that are in memory
	Resting   prometheus.Gauge         // bytes of those that no window is judged with
	Recalled  prometheus.Counter       // states that were read from the store
	Sensors   *SensorSeries            // nil for none
}

// Stages are the values of the stage label.
var Stages = []string{"decode", "inference", "store"}

// NewMetrics registers the core's series at r.
func NewMetrics(r prometheus.Registerer) (Metrics, error) {
	m := Metrics{
		Stage: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            "brinell_stage_duration_seconds",
			Help:                            "Time that one window spends in a stage of its way.",
			Buckets:                         prometheus.ExponentialBuckets(10e-6, 2.5, 14),
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"stage"}),
		Diagnoses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "brinell_diagnoses_total",
			Help: "Diagnoses stored, by fault; none for unusable windows. Repeated windows do not count.",
		}, []string{"fault"}),
		Quality: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "brinell_window_quality_total",
			Help: "Windows stored, by the quality of their signal.",
		}, []string{"quality"}),
		Agreement: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "brinell_verdicts_total",
			Help: "Verdicts stored, by how the witnesses agree.",
		}, []string{"agreement"}),
		Repeated: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "brinell_windows_repeated_total",
			Help: "Windows that came again and were answered with their first diagnosis.",
		}),
		Late: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "brinell_windows_late_total",
			Help: "Windows stored that began so far behind their sensor's newest one that they have no part in its state and raise no alarms.",
		}),
		Behind: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "brinell_clock_behind_seconds",
			Help: "How far the service's clock is behind at least, as the program was built or a window came at a later time; 0 for right as far as is known.",
		}),
		States: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "brinell_states",
			Help: "Sensor axes whose state is in memory; that of others is recalled from the store with their next window.",
		}),
		Resting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "brinell_states_bytes",
			Help: "Bytes of the states in memory that no window is judged with, counted at the most that they may take: a 20th of --memory at most, and half of what windows leave of their budget.",
		}),
		Recalled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "brinell_states_recalled_total",
			Help: "States of sensor axes that were read from the store, after a start or because others took their place.",
		}),
		Model: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "brinell_model_info",
			Help: "The active model: 1.",
		}, []string{"name", "version", "digest"}),
	}
	for _, c := range []prometheus.Collector{m.Stage, m.Diagnoses, m.Quality, m.Agreement, m.Repeated, m.Late, m.Behind, m.States, m.Resting, m.Recalled, m.Model} {
		if err := r.Register(c); err != nil {
			return Metrics{}, err
		}
	}
	// Series that exist from the start let a rate over the first event work.
	for _, s := range Stages {
		m.Stage.WithLabelValues(s)
	}
	for _, f := range append(bearing.Verdicts[:len(bearing.Verdicts):len(bearing.Verdicts)], "") {
		m.Diagnoses.WithLabelValues(faultLabel(f))
	}
	for _, q := range []bearing.QualityLevel{bearing.Good, bearing.Degraded, bearing.Unusable} {
		m.Quality.WithLabelValues(string(q))
	}
	for _, a := range []bearing.Agreement{bearing.Agree, bearing.Disagree, bearing.Unclear} {
		m.Agreement.WithLabelValues(string(a))
	}
	return m, nil
}

// metrics wraps Metrics so that a core without any costs nothing.
type metrics struct {
	Metrics
	mu sync.Mutex // of the model gauge: reset and set belong together
}

func newMetrics(m Metrics) *metrics { return &metrics{Metrics: m} }

func (m *metrics) observe(stage string, d time.Duration) {
	if m.Stage != nil {
		m.Stage.WithLabelValues(stage).Observe(d.Seconds())
	}
}

func (m *metrics) count(d bearing.Diagnosis) {
	switch {
	case m.Diagnoses == nil:
	case d.Duplicate:
		m.Repeated.Inc()
	default:
		m.Diagnoses.WithLabelValues(faultLabel(d.Fault)).Inc()
		m.Quality.WithLabelValues(string(d.Quality.Level)).Inc()
		m.Agreement.WithLabelValues(string(d.Verdict.Agreement)).Inc()
		if d.Quality.Has(bearing.Late) {
			m.Late.Inc()
		}
	}
}

// held notes how many states are in memory, and what those that rest take.
func (m *metrics) held(n int, bytes int64) {
	if m.States != nil {
		m.States.Set(float64(n))
		m.Resting.Set(float64(bytes))
	}
}

func (m *metrics) recalled() {
	if m.Recalled != nil {
		m.Recalled.Inc()
	}
}

func (m *metrics) setModel(r bearing.ModelRef) {
	if m.Model == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Model.Reset()
	m.Model.WithLabelValues(r.Name, r.Version, r.Digest).Set(1)
}

// faultLabel is the value of the fault label: none for a window without an answer.
func faultLabel(f bearing.Fault) string {
	if f == "" {
		return "none"
	}
	return string(f)
}
