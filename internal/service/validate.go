package service

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"brinell/bearing"
	"brinell/internal/keys"
	"brinell/internal/settings"
	"brinell/models"
)

// prepared is what the settings of a service lead to before it has a data directory and
// listens.
type prepared struct {
	parsed
	workers     int // diagnoses computed at a time
	ring        *access
	model       *models.Model
	bearings    *bearing.Catalogue
	certificate *certificate // nil without TLS
}

// prepare reads every file that the settings name, and says which setting the service would
// not start with. serve and config check take it both, so that one never passes what the other
// refuses. What only a start can tell is left to it: whether another program has the address or
// the data directory, and what is in the database. inherited says that a service manager holds
// the socket, whose address c.listen is.
func (c Config) prepare(log *slog.Logger, inherited bool) (p prepared, err error) {
	if p.parsed, err = c.parse(); err != nil {
		return p, err
	}
	if p.workers, err = c.crew(p.memory); err != nil {
		return p, err
	}
	if err := c.addresses(inherited); err != nil {
		return p, err
	}
	if err := placed(c.DataDir); err != nil {
		return p, about("--data-dir", err)
	}
	if p.ring, err = c.access(log); err != nil {
		return p, err
	}
	if p.model, err = servedModel(c.model); err != nil {
		return p, about("--model", err)
	}
	if p.bearings, err = OpenCatalogue(c.bearings); err != nil {
		return p, about("--bearings", err)
	}
	if c.tlsCert != "" {
		if p.certificate, err = newCertificate(c.tlsCert, c.tlsKey, log); err != nil {
			return p, about("--tls-cert", err)
		}
	}
	return p, c.watched()
}

// about names the flag that an error is about.
func about(flag string, err error) error { return fmt.Errorf("%s: %w", flag, err) }

// crew returns how many diagnoses are computed at a time: those that are stated, or one per
// processor but one, as far as the memory goes.
func (c Config) crew(memory int64) (int, error) {
	most := mostWorkers(memory)
	if c.workers == 0 {
		return min(most, max(2, runtime.GOMAXPROCS(0))-1), nil
	}
	if c.workers > most {
		return 0, settings.Usagef("--workers %d leave no memory for windows: at most %d do with the %d MiB of --memory",
			c.workers, most, memory>>20)
	}
	return c.workers, nil
}

// addresses looks at the addresses to listen on: each must be one of this machine, and none
// the same as another. Whether another program has it is seen at the start.
func (c Config) addresses(inherited bool) error {
	all := [][2]string{{"--listen", c.Listen}, {"--metrics-listen", c.metricsListen}, {"--debug-listen", c.debugListen}}
	resolved := make([]*net.TCPAddr, len(all))
	for i, a := range all {
		flag, addr := a[0], a[1]
		if i > 0 && addr == "" {
			continue
		}
		at, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			return settings.Usagef("%s %q is no address such as 127.0.0.1:8080: %w", flag, addr, err)
		}
		for k, other := range resolved[:i] {
			if other != nil && overlap(other, at) {
				return settings.Usagef("%s %s is taken by %s %s: state another port", flag, addr, all[k][0], all[k][1])
			}
		}
		resolved[i] = at
		if i == 0 && inherited {
			continue
		}
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: at.IP, Zone: at.Zone}) // on any port
		if err != nil {
			return settings.Usagef("%s %s is no address of this machine: %w", flag, addr, err)
		}
		_ = l.Close()
	}
	return nil
}

// overlap says whether not both of two addresses can be listened on. Any port, 0, is free.
func overlap(a, b *net.TCPAddr) bool {
	all := func(ip net.IP) bool { return len(ip) == 0 || ip.IsUnspecified() }
	return a.Port == b.Port && a.Port != 0 && (all(a.IP) || all(b.IP) || a.IP.Equal(b.IP) && a.Zone == b.Zone)
}

// access returns the keys of the service, or why it may not listen without.
func (c Config) access(log *slog.Logger) (*access, error) {
	file := KeyFile(c.keys, c.DataDir)
	ring, err := keys.Open(file, log, time.Now)
	if err != nil {
		return nil, about("--keys", err)
	}
	a := &access{Ring: ring, note: func() {}}
	outside := !loopback(c.Listen) || c.trustedProxies != ""
	if outside && !c.insecure && ring.Keys().Len() == 0 {
		return nil, settings.Usagef("--listen %s is reached by others, and there is no API key in %s: "+
			"make one with brinell keys create, listen on 127.0.0.1 without --trusted-proxies, or say --insecure", c.Listen, file)
	}
	a.always.Store(c.requireKeys || outside && !c.insecure)
	return a, nil
}

// placed says why a data directory cannot be where it is stated. One that is not there is made
// at the start.
func placed(dir string) error {
	at, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	info, err := os.Stat(at)
	for errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at) {
		at = filepath.Dir(at)
		info, err = os.Stat(at)
	}
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return settings.Usagef("%s is no directory", at)
	}
	if err := unix.Access(at, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("this user may not write in %s: %w", at, err)
	}
	return nil
}

// watched says why the directory of --watch cannot be. It is not made: a name that was mistyped
// would be watched for ever, and nobody drop a file there.
func (c Config) watched() error {
	if c.watch == "" {
		return nil
	}
	info, err := os.Stat(c.watch)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return settings.Usagef("--watch %s: there is no such directory; make it with mkdir -p %s, "+
			"for the user that runs the service, or mend the name", c.watch, c.watch)
	case err != nil:
		return about("--watch", err)
	case !info.IsDir():
		return settings.Usagef("--watch %s is no directory", c.watch)
	}
	if data, err := os.Stat(c.DataDir); err == nil && os.SameFile(data, info) {
		return settings.Usagef("--watch %s is the data directory: its files would be moved away; name another directory", c.watch)
	}
	if err := unix.Access(c.watch, unix.R_OK|unix.W_OK|unix.X_OK); err != nil {
		return settings.Usagef("--watch %s: this user may not read and write in it, "+
			"and files are moved to done/ and failed/: %w", c.watch, err)
	}
	return nil
}
