package storetest_test

import (
	"testing"

	"brinell/internal/diagnose"
	"brinell/internal/library"
	"brinell/internal/storetest"
	"brinell/internal/webhook"
)

// What passes the suite is a store for all that declare what they need of one.
var (
	_ diagnose.Store  = storetest.Store(nil)
	_ library.Store   = storetest.Store(nil)
	_ webhook.Store   = storetest.Store(nil)
	_ storetest.Store = (*storetest.Memory)(nil)
)

// TestMemory: the store in memory is a store as any must be.
func TestMemory(t *testing.T) {
	disks := make(map[string]*storetest.Memory)
	storetest.Run(t, func(_ *testing.T, cfg storetest.Config) storetest.Store {
		m := disks[cfg.Dir]
		if m == nil {
			m = storetest.NewMemory(cfg)
		} else {
			m = m.Reopen(cfg)
		}
		disks[cfg.Dir] = m
		return m
	})
}
