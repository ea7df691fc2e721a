package service

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"brinell/bearing"
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
	storeFailing   = storeDesc("store_failing", "1 for the error code with which windows are refused because of the disk.", "code")
)

// storeCodes are the values of the code label: what the store answers that is not ready.
var storeCodes = []string{"storage_failed", "storage_full", "storage_readonly", "storage_replaced"}

// Describe implements prometheus.Collector.
func (m storeMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{storeReady, storeCommit, storeDiagnoses, storeRaw, storeCap, storeFiles, storeFree, storeFailing} {
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
	why := bearing.CodeOf(m.db.Ready())
	gauge(storeReady, oneIf(why == ""))
	for _, code := range storeCodes {
		gauge(storeFailing, oneIf(code == why), code)
	}
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
	if free, err := m.db.Free(); err == nil {
		gauge(storeFree, float64(free))
	}
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
