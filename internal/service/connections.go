package service

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"brinell/api"
)

// limited is a listener with at most so many connections open, in all and from one network
// (an IPv4 address, 64 bits of an IPv6 one). Where there is one too many, another is closed
// for it: the one that has been idle longest, of those from networks that have more than the
// newcomer's, or from its own. So a crowd does not push out who comes alone.
//
// While keys are demanded, a connection is a stranger until a request on it had one. Strangers
// may be half of all, and half of those of a network: the rest is for who is known. The oldest
// stranger, of the network that has most of them, is closed for a new one, whatever it is doing:
// who has a key shows it with its first request.
type limited struct {
	net.Listener
	all, each int
	demanded  func() bool            // whether keys are
	closed    *prometheus.CounterVec // connections by why they were; nil for no count

	mu        sync.Mutex
	open      int
	by        map[string]int
	idle      list.List // of *counted without a request, longest first
	strangers int
	came      int64                 // strangers since the start
	strange   map[string]*list.List // of *counted by network, oldest first
}

func limit(l net.Listener, all, each int, demanded func() bool) *limited {
	return &limited{Listener: l, all: all, each: each, demanded: reserved(demanded), by: make(map[string]int), strange: make(map[string]*list.List)}
}

// Why a connection is closed for another one, or at once.
const (
	closedIdle     = "idle"
	closedStranger = "stranger"
	closedFull     = "full"
)

// count registers how many connections are closed, by why.
func (l *limited) count(r prometheus.Registerer) error {
	l.closed = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "brinell_connections_closed_total",
		Help: "Connections closed to make room for others: idle ones, strangers that have shown no key, and full for new ones for which there was none.",
	}, []string{"reason"})
	for _, why := range []string{closedIdle, closedStranger, closedFull} {
		l.closed.WithLabelValues(why)
	}
	return r.Register(l.closed)
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		n := &counted{Conn: c, of: l}
		host, _, err := net.SplitHostPort(c.RemoteAddr().String())
		if err != nil {
			host = c.RemoteAddr().String()
		}
		n.host = api.NetworkOf(host)
		if l.enter(n) {
			return n, nil
		}
		_ = c.Close()
	}
}

func (l *limited) enter(c *counted) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	full := func() bool { return l.open >= l.all || l.by[c.host] >= l.each }
	for e := l.idle.Front(); full() && e != nil; {
		old := e.Value.(*counted)
		e = e.Next()
		if old.host == c.host || l.open >= l.all && l.by[old.host] > l.by[c.host] {
			l.shut(old, closedIdle)
		}
	}
	demanded := l.demanded()
	if demanded {
		if own := l.strange[c.host]; own != nil && (own.Len() >= max(1, l.each/2) || l.by[c.host] >= l.each) {
			l.shut(own.Front().Value.(*counted), closedStranger)
		}
		if l.strangers >= max(1, l.all/2) || l.open >= l.all {
			if old := l.crowd(); old != nil {
				l.shut(old, closedStranger)
			}
		}
	}
	if full() {
		if l.closed != nil {
			l.closed.WithLabelValues(closedFull).Inc()
		}
		return false
	}
	l.open++
	l.by[c.host]++
	if demanded {
		of := l.strange[c.host]
		if of == nil {
			of = list.New()
			l.strange[c.host] = of
		}
		c.strange = of.PushBack(c)
		l.strangers++
		l.came++
		c.number = l.came
	}
	return true
}

// crowd returns the oldest stranger of the networks that have most of them.
func (l *limited) crowd() (oldest *counted) {
	most := 0
	for _, of := range l.strange {
		c := of.Front().Value.(*counted)
		if of.Len() > most || of.Len() == most && c.number < oldest.number {
			most, oldest = of.Len(), c
		}
	}
	return oldest
}

// shut closes a connection for another one. The caller holds mu.
func (l *limited) shut(c *counted, why string) {
	l.leave(c)
	_ = c.Conn.Close()
	if l.closed != nil {
		l.closed.WithLabelValues(why).Inc()
	}
}

// leave forgets a connection. The caller holds mu.
func (l *limited) leave(c *counted) {
	if c.gone {
		return
	}
	c.gone = true
	l.open--
	if l.by[c.host]--; l.by[c.host] == 0 {
		delete(l.by, c.host)
	}
	l.busy(c)
	l.meet(c)
}

// meet takes a connection off the strangers. The caller holds mu.
func (l *limited) meet(c *counted) {
	if c.strange == nil {
		return
	}
	of := l.strange[c.host]
	of.Remove(c.strange)
	c.strange = nil
	if l.strangers--; of.Len() == 0 {
		delete(l.strange, c.host)
	}
}

// busy takes a connection off the list of the idle. The caller holds mu.
func (l *limited) busy(c *counted) {
	if c.idle != nil {
		l.idle.Remove(c.idle)
		c.idle = nil
	}
}

// state is ConnState of the server: it tells which connections are idle. One on which
// nothing has come yet is.
func (l *limited) state(conn net.Conn, state http.ConnState) {
	c := countedOf(conn)
	if c == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy(c)
	if (state == http.StateIdle || state == http.StateNew) && !c.gone {
		c.idle = l.idle.PushBack(c)
	}
}

// context is ConnContext of the server: who shows a key is a stranger no more.
func (l *limited) context(ctx context.Context, conn net.Conn) context.Context {
	c := countedOf(conn)
	if c == nil {
		return ctx
	}
	return api.WithKnown(ctx, func() {
		if c.known.Load() || !c.known.CompareAndSwap(false, true) {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.meet(c)
	})
}

// countedOf returns the connection of a limited listener that is under another.
func countedOf(conn net.Conn) *counted {
	for {
		switch c := conn.(type) {
		case *counted:
			return c
		case *tls.Conn:
			conn = c.NetConn()
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			return nil
		}
	}
}

// counted is a connection of a limited listener.
type counted struct {
	net.Conn
	of      *limited
	host    string // network
	known   atomic.Bool
	gone    bool
	idle    *list.Element // in of.idle, nil while it is not
	strange *list.Element // in of.strange, nil while it is not
	number  int64         // among the strangers, in their order
}

// NetConn returns the connection underneath.
func (c *counted) NetConn() net.Conn { return c.Conn }

func (c *counted) Close() error {
	c.of.mu.Lock()
	c.of.leave(c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
