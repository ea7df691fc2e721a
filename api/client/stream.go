package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"brinell/bearing"
)

// Kinds of events.
const (
	DiagnosisEvent = "diagnosis"
	AlarmEvent     = "alarm"
)

// StreamQuery says which events are wanted.
type StreamQuery struct {
	Kind     string   // DiagnosisEvent or AlarmEvent, "" for both
	Severity string   // "warning" or "alarm": this or worse; "" for all
	Sensors  []string // nil for all
	After    string   // ID of the event after which to begin; "" for what comes from now on, "0-0" for all that is stored
}

// Event is something that was stored: a diagnosis, or an alarm as it became.
type Event struct {
	ID        string             // for StreamQuery.After
	Kind      string             // which of the two it is
	Diagnosis *bearing.Diagnosis // nil for an alarm
	Alarm     *bearing.Alarm     // nil for a diagnosis
}

// How a stream is kept alive. The service gives a sign of life every 15 s.
const (
	streamSilence = 45 * time.Second // after which a connection is taken for dead
	streamRetry   = 2 * time.Second  // until it is made again, unless the service says another time
	longestEvent  = 16 << 20         // bytes
)

// Stream follows what is stored, in its order. It goes on when the connection or the service
// ends, after the last event that came, for as long as ctx lasts: then it ends without an
// error. The first connection is made as Retry says; after that, only a refusal that is not
// temporary ends the stream, as an error beside an empty Event.
//
// Errors: Invalid parameter_invalid and position_invalid, Overloaded too_many_streams, and
// those of keys.
func (c *Client) Stream(ctx context.Context, q StreamQuery) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f := follower{c: c, query: q, at: q.After, again: streamRetry, yield: yield}
		for failures := 0; ; {
			err := f.connection(ctx, failures > 0)
			switch {
			case f.stopped || ctx.Err() != nil:
				return
			case f.refused(err):
				yield(Event{}, err)
				return
			case f.heard:
				failures = 0
			}
			failures++
			if sleep(ctx, max(f.again, c.Retry.withDefaults().backoff(failures))) != nil {
				return
			}
		}
	}
}

// follower is a stream over its connections.
type follower struct {
	c     *Client
	query StreamQuery
	at    string        // up to where it has come
	again time.Duration // from the end of a connection to the next
	yield func(Event, error) bool

	connected bool // once
	heard     bool // something, on the last connection
	stopped   bool // by who follows
}

// errEvent is the error of an event that cannot be read: the next connection would bring it
// again.
var errEvent = errors.New("an event cannot be read")

// refused reports whether err ends the stream.
func (f *follower) refused(err error) bool {
	if err == nil {
		return false
	}
	if !f.connected || errors.Is(err, errEvent) {
		return true
	}
	r, ok := errors.AsType[*Refusal](err)
	return ok && !r.Temporary() && r.Status < http.StatusInternalServerError
}

// connection follows one connection to its end.
func (f *follower) connection(ctx context.Context, again bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.heard = false
	wanted := values("kind", f.query.Kind, "severity", f.query.Severity, "sensor", strings.Join(f.query.Sensors, ","))
	k := get("/v1/stream", wanted).with("Last-Event-ID", f.at).with("Accept", "text/event-stream")
	k.once = again // Stream waits
	resp, err := f.c.send(ctx, k)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	f.connected = true
	alive := time.AfterFunc(streamSilence, cancel)
	defer alive.Stop()
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, longestEvent)
	var e message
	for in.Scan() {
		alive.Stop() // while it is dealt with
		name, value, _ := strings.Cut(in.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "":
			if in.Text() == "" {
				if err := f.event(e); err != nil || f.stopped {
					return err
				}
				e = message{}
			} else if _, err := bearing.ParsePosition(value); err == nil { // a sign of life
				f.at, f.heard = value, true
			}
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = append(e.data, value...)
		case "retry":
			if ms, err := strconv.Atoi(value); err == nil && ms >= 0 && ms < 1<<20 {
				f.again = time.Duration(ms) * time.Millisecond
			}
		}
		alive.Reset(streamSilence)
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("%w: it is over %d bytes", errEvent, longestEvent)
	}
	return in.Err()
}

// message is an event as it stands in the stream.
type message struct {
	id, kind string
	data     []byte // the service writes a document on one line
}

// event hands an event to who follows. One of another kind, as of a client that was too
// slow, is none.
func (f *follower) event(m message) error {
	e := Event{ID: m.id, Kind: m.kind}
	var doc any
	switch m.kind {
	case DiagnosisEvent:
		e.Diagnosis = new(bearing.Diagnosis)
		doc = e.Diagnosis
	case AlarmEvent:
		e.Alarm = new(bearing.Alarm)
		doc = e.Alarm
	default:
		return nil
	}
	if err := json.Unmarshal(m.data, doc); err != nil {
		return fmt.Errorf("%w: %s %s: %w", errEvent, m.kind, m.id, err)
	}
	f.at, f.heard = m.id, true
	f.stopped = !f.yield(e, nil)
	return nil
}
