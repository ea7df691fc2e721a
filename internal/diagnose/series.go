package diagnose

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"brinell/bearing"
)

// DefaultSeriesSensors is how many sensor axes have series of their own if nothing else is
// said: with the series of sensorSeries, those of open alarms, and all others that requests can
// bring about, fewer than 500.
const DefaultSeriesSensors = 60

// seriesAge is for how long a sensor from which nothing comes keeps its series while
// others want them.
const seriesAge = 24 * time.Hour

// SensorSeries are the series of single sensors, a bounded number of them whatever names
// arrive. Registered sensors go before those that windows brought in.
type SensorSeries struct {
	most    int
	dropped prometheus.Counter

	mu      sync.Mutex
	sensors map[[2]string]*sensorState
}

// sensorState is what is shown of a sensor axis.
type sensorState struct {
	registered bool
	received   time.Time
	windows    int64
	severity   int
	alarms     int
	distance   float64 // of the limit of the baseline; 0 while that says nothing
	rms        float64 // g
	behind     int     // windows in a row that began before the newest one
}

// sensorSeries is the table of what is shown.
var sensorSeries = []struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*sensorState) float64
}{
	{sensorDesc("last_received_timestamp_seconds", "When the newest window of the sensor was stored."), prometheus.GaugeValue, func(s *sensorState) float64 { return float64(s.received.UnixMilli()) / 1e3 }},
	{sensorDesc("windows_total", "Windows of the sensor stored since the start of the service."), prometheus.CounterValue, func(s *sensorState) float64 { return float64(s.windows) }},
	{sensorDesc("severity_stage", "Stage of wear of the last verdict: 0 for none, 1 to 4."), prometheus.GaugeValue, func(s *sensorState) float64 { return float64(s.severity) }},
	{sensorDesc("alarms_open", "Alarms of the sensor that are open after its last window."), prometheus.GaugeValue, func(s *sensorState) float64 { return float64(s.alarms) }},
	{sensorDesc("baseline_ratio", "Distance of the last window from the sensor's healthy ones, of the limit: above 1 it has changed; 0 while the baseline says nothing."), prometheus.GaugeValue, func(s *sensorState) float64 { return s.distance }},
	{sensorDesc("acceleration_rms_g", "RMS of the last window, in g."), prometheus.GaugeValue, func(s *sensorState) float64 { return s.rms }},
	{sensorDesc("windows_behind", "The last windows in a row that began before the sensor's newest one and so raise no alarms: a clock was set back, or an old buffer is sent."), prometheus.GaugeValue, func(s *sensorState) float64 { return float64(s.behind) }},
}

func sensorDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("brinell_sensor_"+name, help, []string{"sensor", "axis"}, nil)
}

// NewSensorSeries registers series of at most so many sensor axes at r.
func NewSensorSeries(r prometheus.Registerer, most int) (*SensorSeries, error) {
	s := &SensorSeries{most: capped(most), sensors: make(map[[2]string]*sensorState), dropped: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "brinell_sensor_series_dropped_total",
		Help: "Windows stored of sensors that have no series of their own, for others have all: raise --metrics-sensors or register those that matter.",
	})}
	if err := r.Register(s.dropped); err != nil {
		return nil, err
	}
	return s, r.Register(s)
}

// Describe implements prometheus.Collector.
func (s *SensorSeries) Describe(ch chan<- *prometheus.Desc) {
	for _, row := range sensorSeries {
		ch <- row.desc
	}
}

// Collect implements prometheus.Collector.
func (s *SensorSeries) Collect(ch chan<- prometheus.Metric) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, state := range s.sensors {
		// By the clock as it is now, if it was set meanwhile; time itself has gone on evenly.
		state.received = now.Add(-now.Sub(state.received))
		for _, row := range sensorSeries {
			ch <- prometheus.MustNewConstMetric(row.desc, row.kind, row.value(state), key[0], key[1])
		}
	}
}

// observe takes in a stored diagnosis, the last of so many in a row that are of windows which
// began before the sensor's newest one.
func (s *SensorSeries) observe(d *bearing.Diagnosis, registered bool, now time.Time, behind int) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := [2]string{d.Sensor, d.Axis}
	state := s.sensors[key]
	if state == nil {
		if !s.makeRoom(registered, now) {
			s.dropped.Inc()
			return
		}
		state = new(sensorState)
		s.sensors[key] = state
	}
	state.registered, state.received = registered, now
	state.windows++
	state.behind = behind
	state.severity, state.alarms = d.Verdict.Severity.Stage, len(d.Alarms)
	state.distance = 0
	if b := d.Witnesses.Baseline; b.Limit > 0 {
		state.distance = b.Distance / b.Limit
	}
	state.rms, _ = d.Features.Get("rms")
}

// makeRoom reports whether there is room for another sensor, after it took that of one
// that is long silent, or for a registered sensor that of one that is not.
func (s *SensorSeries) makeRoom(registered bool, now time.Time) bool {
	if len(s.sensors) < s.most {
		return true
	}
	var least [2]string
	var found *sensorState
	for key, state := range s.sensors {
		if (now.Sub(state.received) > seriesAge || registered && !state.registered) && (found == nil || state.received.Before(found.received)) {
			least, found = key, state
		}
	}
	if found == nil {
		return false
	}
	delete(s.sensors, least)
	return true
}

// forget ends the series of a sensor.
func (s *SensorSeries) forget(sensor string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.sensors {
		if key[0] == sensor {
			delete(s.sensors, key)
		}
	}
}
