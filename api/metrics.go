package api

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the series of the edge. No label takes a value that a client
// chooses.
type metrics struct {
	received prometheus.Counter
	rejected *prometheus.CounterVec // by code
	requests *prometheus.HistogramVec
	inFlight prometheus.Gauge
	streams  prometheus.Gauge
	dropped  prometheus.Counter
}

func newMetrics(r prometheus.Registerer, version, revision string) (*metrics, error) {
	m := &metrics{
		received: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "brinell_windows_received_total",
			Help: "Windows that arrived, accepted or not.",
		}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "brinell_windows_rejected_total",
			Help: "Windows that were refused, by error code.",
		}, []string{"code"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            "brinell_http_request_duration_seconds",
			Help:                            "Time from the header to the end of the answer.",
			Buckets:                         prometheus.ExponentialBuckets(100e-6, 2.5, 14),
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"route", "method", "code"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "brinell_http_requests_in_flight",
			Help: "Requests being answered.",
		}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "brinell_streams_open",
			Help: "Clients that follow the live stream.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "brinell_streams_dropped_total",
			Help: "Streams that ended because their client was too slow.",
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "brinell_build_info",
		Help:        "The program that runs: 1.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": runtime.Version()},
	})
	build.Set(1)
	for _, c := range []prometheus.Collector{m.received, m.rejected, m.requests, m.inFlight, m.streams, m.dropped, build} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// reject counts a refused window under its code.
func (m *metrics) reject(code string) {
	if !knownCode[code] {
		code = "other"
	}
	m.rejected.WithLabelValues(code).Inc()
}
