// Package logs keeps a log readable when something fails again and again: what repeats is
// written once, and then counted, a line a minute.
package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"brinell/bearing"
)

// Bounds of what is remembered of repeated records.
const (
	period   = time.Minute
	maxKinds = 256 // that repeat at a time; more are told apart by their level alone
	maxSites = 256 // of panics whose stack was logged
)

// Limit returns a handler that passes on records below slog.LevelWarn as they are, unless they are
// marked by Many. Of those and those from there on it passes on the first of a kind; those that follow within a minute
// are counted, and become one record a minute with the last of them and "repeated", how
// many they were. A kind is the message and the attributes but for request_id, of an error its
// code or its text, all but for numbers, addresses and what stands in quotes. The stack of a
// panic is logged with the first from its site, and not again.
//
// A record that is counted takes some microseconds and no line.
func Limit(h slog.Handler) slog.Handler {
	return &limited{next: h, kinds: &kinds{repeats: make(map[string]*repeat), sites: make(map[string]bool)}}
}

// Asked marks what an operator asked for, such as a signal: its records are all passed on,
// however often they repeat.
func Asked(ctx context.Context) context.Context { return context.WithValue(ctx, asked{}, true) }

type asked struct{}

// Many marks records that tell of one of many things, such as a file that was taken. They are of
// one kind by their message, whatever their attributes and their level are.
func Many(ctx context.Context) context.Context { return context.WithValue(ctx, many{}, true) }

type many struct{}

type limited struct {
	next   slog.Handler
	prefix string // of kinds: attributes and groups that the logger has
	*kinds
}

// kinds is what handlers of one log share.
type kinds struct {
	mu      sync.Mutex
	repeats map[string]*repeat
	sites   map[string]bool
}

// repeat is a kind of record that was passed on less than a minute ago.
type repeat struct {
	n    int         // since then
	last slog.Record // of these
}

func (l *limited) Enabled(ctx context.Context, level slog.Level) bool {
	return l.next.Enabled(ctx, level)
}

func (l *limited) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &limited{l.next.WithAttrs(attrs), l.prefix + fmt.Sprint(attrs), l.kinds}
}

func (l *limited) WithGroup(name string) slog.Handler {
	return &limited{l.next.WithGroup(name), l.prefix + name + ".", l.kinds}
}

func (l *limited) Handle(ctx context.Context, r slog.Record) error {
	ofMany := ctx.Value(many{}) != nil
	if r.Level < slog.LevelWarn && !ofMany || ctx.Value(asked{}) != nil {
		return l.next.Handle(ctx, r)
	}
	kind := l.prefix + r.Level.String() + r.Message
	if !ofMany {
		kind = l.prefix + kindOf(r)
	}
	l.mu.Lock()
	if len(l.repeats) >= maxKinds && l.repeats[kind] == nil {
		kind = r.Level.String()
	}
	if p := l.repeats[kind]; p != nil {
		p.n++
		p.last = r.Clone()
		l.mu.Unlock()
		return nil
	}
	l.repeats[kind] = new(repeat)
	r = l.explained(r)
	l.mu.Unlock()
	time.AfterFunc(period, func() { l.tell(kind) })
	return l.next.Handle(ctx, r)
}

// tell passes on how many of a kind there were in the last minute, and forgets it if there
// were none.
func (l *limited) tell(kind string) {
	l.mu.Lock()
	p := l.repeats[kind]
	if p.n == 0 {
		delete(l.repeats, kind)
		l.mu.Unlock()
		return
	}
	r, n := p.last, p.n
	*p = repeat{}
	l.mu.Unlock()
	r.AddAttrs(slog.Int("repeated", n))
	time.AfterFunc(period, func() { l.tell(kind) })
	_ = l.next.Handle(context.Background(), r) // there is nobody to tell
}

// explained adds the stack of a panic to a record, if none of its site was logged. The
// caller holds l.mu.
func (l *limited) explained(r slog.Record) slog.Record {
	var p *Panic
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok {
			errors.As(err, &p)
		}
		return p == nil
	})
	if p == nil || l.sites[p.Site] || len(l.sites) >= maxSites {
		return r
	}
	l.sites[p.Site] = true
	r = r.Clone()
	r.AddAttrs(slog.String("stack", p.Stack))
	return r
}

// kindOf returns what records have in common that repeat one another.
func kindOf(r slog.Record) string {
	var b strings.Builder
	b.WriteString(shape(r.Message))
	b.WriteString(r.Level.String())
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "request_id" {
			return true
		}
		b.WriteString(" " + a.Key + "=")
		err, ok := a.Value.Any().(error)
		if !ok {
			b.WriteString(shape(a.Value.String()))
			return true
		}
		if p, ok := errors.AsType[*Panic](err); ok {
			b.WriteString(p.Site)
		} else if e, ok := errors.AsType[*bearing.Error](err); ok {
			b.WriteString(e.Code)
		} else {
			b.WriteString(shape(err.Error()))
		}
		return true
	})
	return b.String()
}

// shape returns a text without what differs from time to time: numbers, what stands in quotes,
// and words that hold an address, of a network or of memory. Of a long text it returns the
// beginning.
func shape(s string) string {
	b := make([]byte, 0, 200)
	quoted, word := false, 0 // where in b the present one begins
	digit, address := false, false
	for i := range min(len(s), 400) {
		c := s[i]
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ' ' || c == '\n' || c == '\t':
			if digit && address {
				b = b[:word]
			}
			b = append(b, c)
			word, digit, address = len(b), false, false
		case c >= '0' && c <= '9':
			digit = true
			address = address || c == '0' && i+1 < len(s) && s[i+1] == 'x'
		default:
			address = address || c == ':' && i+1 < len(s) && s[i+1] != ' '
			b = append(b, c)
		}
	}
	if digit && address {
		b = b[:word]
	}
	return string(b)
}
