package service

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"brinell/bearing"
	"brinell/internal/store"
)

// defaultAlarmSeries is how many open alarms have a series of their own if nothing else is
// said: with the sensors of diagnose.DefaultSeriesSensors fewer than 500 series that requests
// can bring about.
const defaultAlarmSeries = 40

// alarmMetrics show the alarms that are open and not shelved: how many there are, and a
// bounded number of them one by one. They are read when they are asked for.
type alarmMetrics struct {
	db interface {
		OpenAlarms(ctx context.Context, now time.Time, most int) (store.OpenAlarms, error)
	}
	most int
	base string // of the service's address, for links
	log  *slog.Logger
}

var (
	alarmsOpen = prometheus.NewDesc("brinell_alarms_open",
		"Alarms that are open and not shelved, by what they are worth and whether somebody has seen them.",
		[]string{"severity", "state"}, nil)
	alarmsUnlisted = prometheus.NewDesc("brinell_alarms_unlisted",
		"Of these, alarms that have no series of their own, for others have all: see --metrics-alarms.",
		[]string{"severity", "state"}, nil)
	alarmInfo = prometheus.NewDesc("brinell_alarm_info",
		"An alarm that is open and not shelved, with the address under which it is found: 1.",
		[]string{"machine", "sensor", "axis", "condition", "fault", "severity", "state", "alarm", "url"}, nil)
)

// Describe implements prometheus.Collector.
func (m alarmMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{alarmsOpen, alarmsUnlisted, alarmInfo} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What cannot be read is left out.
func (m alarmMetrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	open, err := m.db.OpenAlarms(ctx, time.Now(), m.most)
	if err != nil {
		m.log.Warn("metrics of alarms", "err", err)
		return
	}
	gauge := func(d *prometheus.Desc, v int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	listed := make(map[[2]string]int)
	for _, a := range open.First {
		listed[[2]string{a.Severity, a.State}]++
		gauge(alarmInfo, 1, a.Machine, a.Sensor, a.Axis, a.Condition, string(a.Fault), a.Severity, a.State, a.ID, m.base+"/v1/alarms/"+a.ID)
	}
	for _, severity := range []string{"warning", "alarm"} {
		for _, state := range []string{bearing.AlarmActive, bearing.AlarmAcknowledged, bearing.AlarmReturned} {
			key := [2]string{severity, state}
			gauge(alarmsOpen, open.Count[key], severity, state)
			gauge(alarmsUnlisted, open.Count[key]-listed[key], severity, state)
		}
	}
}
