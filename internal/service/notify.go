package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// notifier tells systemd how the service is doing, by its protocol sd_notify: one
// datagram with lines of KEY=VALUE to the socket that NOTIFY_SOCKET names. Without that
// variable it does nothing. Reference: sd_notify(3).
type notifier struct {
	conn     *net.UnixConn // nil without a manager
	watchdog time.Duration // how often it wants to hear of us, 0 for never
	log      *slog.Logger
}

// newNotifier reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them out of
// the environment: they are for this process, not for those that it may start.
func newNotifier(log *slog.Logger) (*notifier, error) {
	n := &notifier{log: log}
	name, usec, pid := os.Getenv("NOTIFY_SOCKET"), os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID")
	for _, v := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		_ = os.Unsetenv(v)
	}
	if name == "" {
		return n, nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"}) // a leading @ is the abstract namespace
	if err != nil {
		return nil, fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	n.conn = conn
	if usec != "" && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		us, err := strconv.ParseInt(usec, 10, 64)
		if err != nil || us < 1000 {
			return nil, errors.Join(fmt.Errorf("WATCHDOG_USEC %q is no number of microseconds", usec), conn.Close())
		}
		n.watchdog = time.Duration(us) * time.Microsecond
	}
	return n, nil
}

// say sends a state. That a manager does not listen is no reason to stop.
func (n *notifier) say(state string) {
	if n.conn == nil {
		return
	}
	if _, err := n.conn.Write([]byte(state)); err != nil {
		n.log.Warn("the service manager was not told", "err", err)
	}
}

func (n *notifier) close() {
	if n.conn != nil {
		_ = n.conn.Close()
	}
}

// watch tells the watchdog, twice as often as it asks for, that h still answers
// /healthz. It returns when ctx ends. A full disk does not fail it: a restart would not
// mend that.
func (n *notifier) watch(ctx context.Context, h http.Handler) {
	if n.watchdog == 0 {
		return
	}
	tick := time.NewTicker(n.watchdog / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if alive(ctx, h) {
				n.say("WATCHDOG=1")
			}
		}
	}
}

// alive asks h for /healthz without a connection.
func alive(ctx context.Context, h http.Handler) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/healthz", nil)
	if err != nil {
		return false
	}
	r.RemoteAddr = "127.0.0.1:0"
	w := answer{header: make(http.Header)}
	h.ServeHTTP(&w, r)
	return w.status == http.StatusOK || w.status == 0
}

// answer is a ResponseWriter that keeps the status only.
type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) Write(b []byte) (int, error) { return len(b), nil }
func (a *answer) WriteHeader(status int)      { a.status = status }
