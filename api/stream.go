package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"brinell/api/decode"
	"brinell/bearing"
)

// Events are what has been stored, in its order: After the newest ones, with a channel
// that closes when there are more, and false if it no longer has all after a position;
// Events all of them.
type Events interface {
	After(p bearing.Position) (events []bearing.Event, news <-chan struct{}, ok bool)
	Events(ctx context.Context, after bearing.Position, q bearing.EventQuery, limit int) ([]bearing.Event, error)
	Position(ctx context.Context) (bearing.Position, error)
}

// Limits of streams.
const (
	maxStreams   = 256
	streamsEach  = 8                // of one key, or without keys of one address
	streamWrite  = 10 * time.Second // that a client has to take an event
	streamBeat   = 15 * time.Second // from one sign of life to the next
	streamLife   = 30 * time.Minute // then the client comes again: proxies and keys change
	streamSlice  = 64               // events that are read from the store at once
	streamRetry  = 2000             // ms until the client comes again
	maxFollowing = 100              // sensors that a filter names
)

// streams counts those that are open, in all and by who follows them.
type streams struct {
	mu   sync.Mutex
	open int
	by   map[string]int
}

// enter counts one more, or says why there may not be one. The caller leaves it.
func (s *streams) enter(who string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.by[who] >= streamsEach:
		return nil, bearing.Errorf(bearing.Overloaded, "too_many_streams", "you follow %d streams: end one, or let one stream name several sensors", streamsEach).Over(streamsEach, 0)
	case s.open >= maxStreams:
		return nil, bearing.Errorf(bearing.Overloaded, "too_many_streams", "%d streams are open: try again later", maxStreams).Over(maxStreams, 0)
	}
	if s.by == nil {
		s.by = make(map[string]int)
	}
	s.open++
	s.by[who]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
		if s.by[who]--; s.by[who] == 0 {
			delete(s.by, who)
		}
	}, nil
}

// filter is what a stream leaves out.
type filter struct {
	bearing.EventQuery
	severity int
}

func parseFilter(query string) (f filter, err error) {
	v, err := decode.Query(query, "kind", "severity", "sensor", "last_event_id")
	if err != nil {
		return f, err
	}
	if f.Kind = v["kind"]; f.Kind != "" && f.Kind != "diagnosis" && f.Kind != "alarm" {
		return f, bearing.Errorf(bearing.Invalid, "parameter_invalid", "kind %q is neither diagnosis nor alarm", bearing.Clip(f.Kind)).At("kind")
	}
	switch s := v["severity"]; s {
	case "", "any":
	case "warning":
		f.severity = 1
	case "alarm":
		f.severity = 2
	default:
		return f, bearing.Errorf(bearing.Invalid, "parameter_invalid", "severity %q is none of any, warning, alarm", bearing.Clip(s)).At("severity")
	}
	if s, ok := v["sensor"]; ok {
		f.Sensors = strings.Split(s, ",")
		for _, name := range f.Sensors {
			if !bearing.IsName(name) || len(f.Sensors) > maxFollowing {
				return f, bearing.Errorf(bearing.Invalid, "sensor_name", "sensor is one to %d names with commas between; %q is none", maxFollowing, bearing.Clip(name)).At("sensor")
			}
		}
	}
	return f, nil
}

func (f *filter) takes(e *bearing.Event) bool {
	return f.Wants(e.Kind, e.Sensor) && e.Severity >= f.severity
}

// stream sends what is stored from now on, or from Last-Event-ID on, as server-sent
// events, until the client goes, is too slow, or the service stops.
func (s *server) stream(w http.ResponseWriter, r *http.Request) error {
	f, err := parseFilter(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if f.Sensors == nil {
		err = covers(r.Context(), "")
	}
	for _, name := range f.Sensors {
		err = errors.Join(err, covers(r.Context(), name))
	}
	if err != nil {
		return err
	}
	at, err := s.streamFrom(r)
	if err != nil {
		return err
	}
	leave, err := s.streams.enter(tenantOf(r))
	if err != nil {
		return err
	}
	defer leave()
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	out := sse{w: w, c: http.NewResponseController(w)}
	if err := out.send("retry: %d\n\n", streamRetry); err != nil {
		return nil
	}
	s.follow(r.Context(), &out, f, at)
	return nil
}

// streamFrom returns the position after which a stream begins.
func (s *server) streamFrom(r *http.Request) (bearing.Position, error) {
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.URL.Query().Get("last_event_id") // for clients that cannot set a header
	}
	now, err := s.events.Position(r.Context())
	if err != nil || last == "" {
		return now, err
	}
	at, err := bearing.ParsePosition(last)
	if err == nil && (at.Diagnosis > now.Diagnosis || at.Alarm > now.Alarm) {
		err = bearing.Errorf(bearing.Invalid, "position_invalid", "Last-Event-ID %q lies in the future: it is of another database, leave it out", bearing.Clip(last))
	}
	return at, err
}

// follow sends events until something ends it. A client that has caught up once and
// then falls behind what is kept in memory is dropped: it comes again with its
// Last-Event-ID.
func (s *server) follow(ctx context.Context, out *sse, f filter, at bearing.Position) {
	beat, life := time.NewTicker(streamBeat), time.NewTimer(streamLife)
	defer beat.Stop()
	defer life.Stop()
	caught := false
	for {
		events, news, ok := s.events.After(at)
		if !ok {
			if caught {
				s.metrics.dropped.Inc()
				_ = out.send("event: dropped\ndata: {\"reason\":\"too slow\"}\n\n")
				return
			}
			err := s.inTurn(ctx, func() (err error) {
				events, err = s.events.Events(ctx, at, f.EventQuery, streamSlice)
				return err
			})
			if err != nil {
				if ctx.Err() == nil && bearing.KindOf(err) == bearing.Internal {
					s.cfg.Log.Error("stream ended", "request_id", requestIDOf(ctx), "err", err)
				}
				return
			}
		} else {
			caught = true
		}
		for i := range events {
			at = events[i].Position
			if !f.takes(&events[i]) {
				continue
			}
			if out.send("id: %s\nevent: %s\ndata: %s\n\n", at, events[i].Kind, events[i].Doc) != nil {
				s.metrics.dropped.Inc()
				return
			}
		}
		if len(events) > 0 {
			continue
		}
		select {
		case <-news:
		case <-beat.C:
			if out.send(": %s\n\n", at) != nil {
				return
			}
		case <-ctx.Done():
			return
		case <-s.cfg.Done:
			return
		case <-life.C:
			return
		}
	}
}

// sse writes events, each with a time of its own to be taken.
type sse struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func (o *sse) send(format string, args ...any) error {
	_ = o.c.SetWriteDeadline(time.Now().Add(streamWrite)) // test recorders have none
	if _, err := fmt.Fprintf(o.w, format, args...); err != nil {
		return err
	}
	return o.c.Flush()
}

// describeStream adds the stream to the description.
func (s *server) describeStream(doc *huma.OpenAPI, refusals func(...int) map[string]*huma.Response) {
	op := &huma.Operation{Method: "GET", Path: "/v1/stream", OperationID: "stream", Tags: []string{"stream"},
		Summary:     "Follow what is stored, as server-sent events",
		Description: "Events are named diagnosis or alarm and carry its document; the id resumes a stream by Last-Event-ID. Lines that begin with a colon are signs of life. An event dropped tells a client that was too slow; a stream ends after half an hour. A key, or without one an address, may follow eight at a time.",
		Parameters: []*huma.Param{
			query("kind", "diagnosis or alarm alone", &huma.Schema{Type: "string", Enum: []any{"diagnosis", "alarm"}}),
			query("severity", "this or worse", &huma.Schema{Type: "string", Enum: []any{"any", "warning", "alarm"}}),
			query("sensor", "names with commas between", text("")),
			query("last_event_id", "as the header, for clients that cannot set it", text("")),
			{Name: "Last-Event-ID", In: "header", Description: "id of the last event that was seen", Schema: text("")},
		},
		Responses: refusals(422, 500, 503)}
	op.Responses["200"] = &huma.Response{Description: "the stream", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: text("")}}}
	doc.AddOperation(op)
}
