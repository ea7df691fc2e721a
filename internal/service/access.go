package service

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"sync/atomic"
	"time"

	"brinell/bearing"
	"brinell/internal/keys"
	"brinell/internal/store"
)

// access is the keys of a service. A service that has once had keys, or was told to
// have them, never opens because its file is empty or gone: that is noted in its store, and
// holds over starts, backups and restores.
type access struct {
	*keys.Ring
	always atomic.Bool
	note   func() // notes it; called once
}

func (a *access) Required() bool {
	if !a.always.Load() && a.Keys().Len() > 0 && a.always.CompareAndSwap(false, true) {
		a.note()
	}
	return a.always.Load()
}

// keysDemanded is the key of the setting that keys are demanded.
const keysDemanded = "keys_demanded"

// remember has the store note that keys are demanded, and demands them if it has before.
// insecure, which the operator says, overrules that for once.
func (a *access) remember(ctx context.Context, db *store.DB, file string, insecure bool, log *slog.Logger) error {
	a.note = func() {
		insist(ctx, noteAgain, log, func() error {
			_, _, err := db.PutResource(context.WithoutCancel(ctx), bearing.KindSetting, keysDemanded, []byte("{}"), bearing.AnyVersion)
			return err
		})
	}
	_, err := db.Resource(ctx, bearing.KindSetting, keysDemanded)
	noted := err == nil
	switch {
	case err != nil && bearing.CodeOf(err) != "resource_not_found":
		return err
	case a.always.Load() && !noted:
		a.note()
	case a.Required(): // which notes it
	case noted && insecure:
		log.Warn("this service has demanded keys before, and takes everybody now, as --insecure says")
	case noted:
		a.always.Store(true)
	}
	if a.always.Load() && a.Keys().Len() == 0 {
		log.Error("keys are demanded, and there are none: nobody gets in. Make one with brinell keys create, put the file back, or say --insecure to take everybody", "file", file)
	}
	return nil
}

// noteAgain is how long after a failure it is tried again to note that keys are demanded.
const noteAgain = 10 * time.Second

// insist notes that keys are demanded, and tries again until that worked or ctx ends.
func insist(ctx context.Context, again time.Duration, log *slog.Logger, note func() error) {
	err := note()
	if err == nil || ctx.Err() != nil {
		return
	}
	log.Error("that keys are demanded is not noted yet: without its file of keys the next start would not know", "err", err, "again_in", again)
	time.AfterFunc(again, func() {
		if ctx.Err() == nil {
			insist(ctx, again, log, note)
		}
	})
}

// KeyFile is where the keys of a data directory are.
func KeyFile(file, dataDir string) string {
	if file != "" {
		return file
	}
	return filepath.Join(dataDir, "keys.json")
}

// loopback says whether only this machine reaches an address to listen on.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
