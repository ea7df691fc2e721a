package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"brinell/internal/bearing"
	"brinell/internal/store"
)

// storeMetrics show the state of the store. They are read when they are asked for.
type storeMetrics struct {
	db     *store.DB
	dir    string
	rawCap int64
	log    *slog.Logger
}

func storeDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("brinell_"+name, help, labels, nil)
}

var (
	storeReady     = storeDesc("store_ready", "1 if the last transaction was stored, 0 while the disk fails.")
	storeCommit    = storeDesc("store_last_commit_timestamp_seconds", "When something was stored last; 0 since the start not yet.")
	storeDiagnoses = storeDesc("store_diagnoses", "Diagnoses that are stored.")
	storeRaw       = storeDesc("store_raw_bytes", "Raw samples that are stored, compressed.")
	storeCap       = storeDesc("store_raw_limit_bytes", "Raw samples that are kept at most.")
	storeFiles     = storeDesc("store_file_bytes", "Size of the files of the database, its log with it.")
	storeFree      = storeDesc("store_free_bytes", "Free space of the file system of the data directory.")
	alarmsOpen     = storeDesc("alarms_open", "Alarms that are open and not shelved, by what they are worth and whether somebody has seen them.", "severity", "state")
)

// Describe implements prometheus.Collector.
func (m storeMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{storeReady, storeCommit, storeDiagnoses, storeRaw, storeCap, storeFiles, storeFree, alarmsOpen} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What cannot be read is left out.
func (m storeMetrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	ready := 0.0
	if m.db.Ready() == nil {
		ready = 1
	}
	gauge(storeReady, ready)
	gauge(storeCap, float64(m.rawCap))
	if s, err := m.db.Stats(ctx); err == nil {
		commit := 0.0
		if !s.LastCommit.IsZero() {
			commit = float64(s.LastCommit.UnixMilli()) / 1e3
		}
		gauge(storeCommit, commit)
		gauge(storeDiagnoses, float64(s.Diagnoses))
		gauge(storeRaw, float64(s.RawBytes))
	} else {
		m.log.Warn("metrics of the store", "err", err)
	}
	files := int64(0)
	for _, name := range []string{"brinell.db", "brinell.db-wal", "brinell.db-shm"} {
		if info, err := os.Stat(filepath.Join(m.dir, name)); err == nil {
			files += info.Size()
		}
	}
	gauge(storeFiles, float64(files))
	var fs syscall.Statfs_t
	if err := syscall.Statfs(m.dir, &fs); err == nil {
		gauge(storeFree, float64(fs.Bavail)*float64(fs.Bsize))
	}
	if open, err := m.db.OpenAlarms(ctx, time.Now()); err == nil {
		for _, severity := range []string{"warning", "alarm"} {
			for _, state := range []string{bearing.AlarmActive, bearing.AlarmAcknowledged, bearing.AlarmReturned} {
				gauge(alarmsOpen, float64(open[[2]string{severity, state}]), severity, state)
			}
		}
	} else {
		m.log.Warn("metrics of alarms", "err", err)
	}
}
