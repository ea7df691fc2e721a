// Package webhook tells addresses of alarms: signed, in order, at least once, and never
// where it must not.
//
// The log of alarms in the store is the outbox: a webhook has a position in it, which is
// stored, so that nothing is lost between the two and nothing grows. A message that is not
// taken is tried again, ever more rarely, until what it tells of is a day old, and then
// given up with all that is as old. Ingest never waits for it.
//
// Messages have the form of Standard Webhooks 1.0 (standardwebhooks.com): the headers
// webhook-id, webhook-timestamp and webhook-signature, which is "v1," and the base64 of
// HMAC-SHA256 over "id.timestamp.body".
package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"brinell/bearing"
)

// Limits of deliveries.
const (
	answerTime = 5 * time.Second
	answerSize = 64 << 10
	giveUp     = 24 * time.Hour
	firstPause = time.Second
	lastPause  = 5 * time.Minute
	slice      = 100 // changes that are read at a time
	most       = 32  // webhooks that are told at a time
	turn       = answerTime
)

// Store keeps webhooks, how far each is told, and the log of alarms.
type Store interface {
	Resource(ctx context.Context, kind, key string) (bearing.Resource, error)
	Resources(ctx context.Context, kind, after string, limit int) ([]bearing.Resource, error)
	PutResource(ctx context.Context, kind, key string, doc []byte, match int64) (version int64, created bool, err error)
	DeleteResource(ctx context.Context, kind, key string, match int64) error
	AlarmLog(ctx context.Context, after int64, limit int) (changes []bearing.AlarmChange, last int64, err error)
}

// Sender delivers. Make it with New.
type Sender struct {
	store  Store
	client *http.Client
	log    *slog.Logger
	now    func() time.Time
	count  *prometheus.CounterVec // by result

	mu    sync.Mutex
	state map[string]*bearing.Delivery
	next  map[string]time.Time // when a webhook is tried again
	swept bool                 // stored positions of webhooks that are gone are gone too
	errs  map[string]error     // of those whose last turn the store cut short
	busy  map[string]bool      // those that have their turn or wait for it
	young map[string]time.Time // until when nothing is given up of a webhook that is paused

	dropped map[string]bool // of busy, those that were deleted meanwhile

	turns chan struct{} // of those that have it
	going sync.WaitGroup
}

// New returns a sender. Addresses inside allow may be dialled though they are not public.
func New(store Store, allow []netip.Prefix, log *slog.Logger, r prometheus.Registerer) (*Sender, error) {
	s := &Sender{store: store, log: log, now: time.Now, client: newClient(allow), state: map[string]*bearing.Delivery{}, next: map[string]time.Time{},
		errs: map[string]error{}, busy: map[string]bool{}, young: map[string]time.Time{}, dropped: map[string]bool{}, turns: make(chan struct{}, most),
		count: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "brinell_webhook_messages_total", Help: "Messages to webhooks: delivered, attempts that failed, dropped a day after what they tell of."}, []string{"result"})}
	for _, result := range []string{"delivered", "failed", "dropped"} {
		s.count.WithLabelValues(result)
	}
	return s, r.Register(s.count)
}

// webhook reads one that is registered.
func (s *Sender) webhook(ctx context.Context, name string) (w bearing.Webhook, err error) {
	row, err := s.store.Resource(ctx, bearing.KindWebhook, name)
	if err != nil {
		return w, err
	}
	return w, json.Unmarshal(row.Doc, &w)
}

// Test sends a message that is about nothing, now, and returns nil if it was taken.
// NotFound resource_not_found says that there is no such webhook, Conflict
// webhook_failed what went wrong.
func (s *Sender) Test(ctx context.Context, name string) error {
	w, err := s.webhook(ctx, name)
	if err != nil {
		return err
	}
	id := "test_" + strconv.FormatInt(s.now().UnixNano(), 36)
	if err := s.post(ctx, w, id, "test", json.RawMessage(`{"webhook":"`+w.Name+`"}`)); err != nil {
		return bearing.Errorf(bearing.Conflict, "webhook_failed", "the message was not taken: %v", err)
	}
	return nil
}

// Delivery returns how far a webhook is told.
func (s *Sender) Delivery(ctx context.Context, name string) (d bearing.Delivery, err error) {
	if _, err := s.webhook(ctx, name); err != nil {
		return d, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.state[name]; at != nil {
		return *at, nil
	}
	return d, nil // it is a second old
}

// Run delivers until ctx ends, looking for news every tick.
func (s *Sender) Run(ctx context.Context, tick time.Duration) {
	t := time.NewTicker(tick)
	defer t.Stop()
	defer s.going.Wait()
	for failed := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		err := errors.Join(s.begin(ctx), s.failure())
		if err != nil && ctx.Err() == nil && !failed {
			s.log.Error("webhooks", "err", err)
		}
		failed = err != nil
	}
}

// begin gives each webhook a turn that has none and for which there is something to do, side by
// side. It does not wait for them: a slow one holds up itself alone.
func (s *Sender) begin(ctx context.Context) error {
	hooks, err := s.hooks(ctx)
	if err != nil {
		return err
	}
	if err := s.forget(ctx, hooks); err != nil {
		return err
	}
	if len(hooks) == 0 {
		return nil
	}
	_, last, err := s.store.AlarmLog(ctx, 0, 0)
	if err != nil {
		return err
	}
	for _, w := range hooks {
		if !s.start(w, last) {
			continue
		}
		s.going.Go(func() {
			s.turns <- struct{}{}
			err := s.tell(ctx, w)
			<-s.turns
			s.mu.Lock()
			defer s.mu.Unlock()
			gone := s.dropped[w.Name]
			delete(s.busy, w.Name)
			delete(s.dropped, w.Name)
			if delete(s.errs, w.Name); err != nil && !gone {
				s.errs[w.Name] = fmt.Errorf("webhook %q: %w", w.Name, err)
			}
		})
	}
	return nil
}

// start says whether a webhook is to have a turn, and notes that it has: where it is not known how
// far it is told, it is not told of the last change, or the store failed it.
func (s *Sender) start(w bearing.Webhook, last int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, until := s.state[w.Name], s.next[w.Name]
	if w.Paused {
		until = s.young[w.Name]
	}
	told := at != nil && s.errs[w.Name] == nil && (at.Position >= last || s.now().Before(until))
	if told || s.busy[w.Name] {
		return false
	}
	s.busy[w.Name] = true
	return true
}

// failure is what the store refused in the last turns.
func (s *Sender) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(slices.Collect(maps.Values(s.errs))...)
}

// hooks returns all that are registered.
func (s *Sender) hooks(ctx context.Context) (hooks []bearing.Webhook, err error) {
	for after := ""; ; {
		rows, err := s.store.Resources(ctx, bearing.KindWebhook, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			var w bearing.Webhook
			if err := json.Unmarshal(row.Doc, &w); err != nil {
				return nil, fmt.Errorf("webhook %q: %w", row.Key, err)
			}
			w.Name, after = row.Key, row.Key
			hooks = append(hooks, w)
		}
		if len(rows) < 1000 {
			return hooks, nil
		}
	}
}

// forget drops the positions of webhooks that are gone.
func (s *Sender) forget(ctx context.Context, hooks []bearing.Webhook) error {
	there := make(map[string]bool)
	for _, w := range hooks {
		there[w.Name] = true
	}
	known := make(map[string]bool)
	for after := ""; !s.swept; { // one may have gone just before the program before ended
		rows, err := s.store.Resources(ctx, bearing.KindDelivery, after, 1000)
		if err != nil {
			return err
		}
		for _, row := range rows {
			known[row.Key], after = true, row.Key
		}
		s.swept = len(rows) < 1000
	}
	s.mu.Lock()
	for name := range s.state {
		known[name] = true
	}
	s.mu.Unlock()
	for name := range known {
		if there[name] {
			continue
		}
		if err := s.drop(ctx, name); err != nil {
			s.swept = false
			return err
		}
	}
	return nil
}

// Forget drops the position of a webhook that is deleted, so that one of its name begins
// anew. What fails is done by the next round.
func (s *Sender) Forget(ctx context.Context, name string) {
	if err := s.drop(ctx, name); err != nil {
		s.log.Warn("the position of a deleted webhook is still there", "webhook", name, "err", err)
	}
}

func (s *Sender) drop(ctx context.Context, name string) error {
	if err := s.store.DeleteResource(context.WithoutCancel(ctx), bearing.KindDelivery, name, bearing.AnyVersion); err != nil && bearing.CodeOf(err) != "resource_not_found" {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.state, name)
	delete(s.next, name)
	delete(s.young, name)
	delete(s.errs, name)
	if s.busy[name] {
		s.dropped[name] = true // its turn is for nothing from here on
	}
	return nil
}

// delivery returns the state of a webhook: as it is at hand, as it is stored, or one that
// begins now.
func (s *Sender) delivery(ctx context.Context, name string) (bearing.Delivery, error) {
	s.mu.Lock()
	at := s.state[name]
	s.mu.Unlock()
	if at != nil {
		return *at, nil
	}
	row, err := s.store.Resource(ctx, bearing.KindDelivery, name)
	var d bearing.Delivery
	switch {
	case bearing.CodeOf(err) == "resource_not_found":
		if _, d.Position, err = s.store.AlarmLog(ctx, 0, 0); err != nil {
			return d, err
		}
		return d, s.keep(ctx, name, d)
	case err != nil:
		return d, err
	}
	if err := json.Unmarshal(row.Doc, &d); err != nil {
		return d, err
	}
	s.hold(name, d)
	return d, nil
}

func (s *Sender) hold(name string, d bearing.Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dropped[name] {
		s.state[name] = &d
	}
}

// gone says whether a webhook was deleted during its turn.
func (s *Sender) gone(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped[name]
}

// keep stores how far a webhook is told, unless it was deleted during its turn.
func (s *Sender) keep(ctx context.Context, name string, d bearing.Delivery) error {
	doc, err := json.Marshal(d)
	if err != nil || s.gone(name) {
		return err
	}
	if _, _, err := s.store.PutResource(context.WithoutCancel(ctx), bearing.KindDelivery, name, doc, bearing.AnyVersion); err != nil {
		return err
	}
	s.hold(name, d)
	if s.gone(name) { // just now
		return s.drop(ctx, name)
	}
	return nil
}

// tell sends a webhook what it has not had, until one message is not taken, or its turn is over.
// What is older than a day is given up, also of one that is paused. How far it came is stored at
// the end of a turn: after a crash some seconds of messages come again, with the same ids.
func (s *Sender) tell(ctx context.Context, w bearing.Webhook) (err error) {
	s.mu.Lock()
	wait := s.next[w.Name]
	s.mu.Unlock()
	if s.now().Before(wait) && !w.Paused {
		return nil
	}
	d, err := s.delivery(ctx, w.Name)
	if err != nil {
		return err
	}
	began := d
	defer func() {
		if s.hold(w.Name, d); d != began {
			err = errors.Join(err, s.keep(ctx, w.Name, d))
		}
	}()
	limit, ends := slice, s.now().Add(turn)
	if w.Paused {
		limit = 1 // it is looked at, most often to see that it is young
	}
	for more := true; more; {
		changes, _, err := s.store.AlarmLog(ctx, d.Position, limit)
		if err != nil || len(changes) == 0 {
			return err
		}
		more = len(changes) == limit
		before := d
		d.Dropped += changes[0].Seq - d.Position - 1 // the store no longer has them
		d.Position = changes[0].Seq - 1
		for _, c := range changes {
			now := s.now().UTC()
			old := now.Sub(c.Alarm.At()) >= giveUp
			if w.Paused && !old {
				s.mu.Lock()
				s.young[w.Name] = c.Alarm.At().Add(giveUp)
				s.mu.Unlock()
				more = false
				break
			}
			if wanted(w, c.Alarm, now) && old {
				d.Dropped++
			} else if wanted(w, c.Alarm, now) {
				if now.After(ends) || s.gone(w.Name) {
					more = false // others have their turn
					break
				}
				if !s.send(ctx, w, c, &d) {
					if ctx.Err() != nil {
						return nil // it is sent again after the start: its id says that it is the same
					}
					s.given(w.Name, before, d)
					s.later(w.Name, d.Attempts)
					return nil
				}
			}
			d.Position = c.Seq
		}
		s.given(w.Name, before, d)
		s.hold(w.Name, d)
	}
	s.later(w.Name, 0)
	return nil
}

// send sends one message and notes in d how it went. It reports whether it was taken.
func (s *Sender) send(ctx context.Context, w bearing.Webhook, c bearing.AlarmChange, d *bearing.Delivery) bool {
	err := s.post(ctx, w, c.Alarm.ID+"."+strconv.FormatInt(c.Alarm.Version, 10), "alarm."+c.Alarm.State, c.Doc)
	if ctx.Err() != nil {
		return false
	}
	now := s.now().UTC()
	d.LastAt = &now
	if err == nil {
		d.Delivered++
		d.LastError, d.Attempts, d.Since = "", 0, nil
		s.count.WithLabelValues("delivered").Inc()
		return true
	}
	s.count.WithLabelValues("failed").Inc()
	if d.Attempts++; d.Attempts == 1 {
		d.Since = &now
		s.log.Warn("a webhook does not take messages", "webhook", w.Name, "err", err)
	}
	d.LastError = err.Error()
	return false
}

// given tells of messages that were given up.
func (s *Sender) given(name string, before, d bearing.Delivery) {
	if n := d.Dropped - before.Dropped; n > 0 {
		s.count.WithLabelValues("dropped").Add(float64(n))
		s.log.Error("messages to a webhook are given up", "webhook", name, "messages", n, "err", d.LastError)
	}
}

// later sets when a webhook is tried again: after 1, 2, 4 ... 300 seconds, and a part of
// that by chance, so that many do not come back together.
func (s *Sender) later(name string, attempts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if attempts == 0 {
		delete(s.next, name)
		return
	}
	pause := min(lastPause, firstPause<<min(attempts-1, 20))
	s.next[name] = s.now().Add(pause + rand.N(pause/4+1))
}

// wanted says whether a webhook is told of an alarm.
func wanted(w bearing.Webhook, a bearing.Alarm, now time.Time) bool {
	return !a.Shelved(now) && (w.Severity != "alarm" || a.Severity == "alarm")
}
