package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"brinell/api/decode"
	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/logs"
)

const ndjson = "application/x-ndjson"

// Limits of a bulk request.
const (
	maxLines = 10_000
	inFlight = 16               // lines of all requests that are judged at a time: enough for one commit to take several
	expands  = 64               // times the limit of a body that all lines may have, uncompressed
	lineTime = 30 * time.Second // beyond the grace of a body, that a line may take to arrive
	roomTime = 5 * time.Second  // that a line waits for memory
	restSize = 1 << 20          // of a body that was given up, that is read to keep the connection
)

// lineResult is what became of one line.
type lineResult struct {
	Index     int           `json:"index" doc:"of the line, from 0 on"`
	Status    int           `json:"status" doc:"as of a single window: 201, 200 for a duplicate, or why it was refused"`
	ID        string        `json:"id,omitempty"`
	Fault     bearing.Fault `json:"fault,omitempty"`
	Duplicate bool          `json:"duplicate,omitempty"`
	Problem   *problem      `json:"problem,omitempty"`

	// Of the last line of an answer alone.
	Done   bool `json:"done,omitempty" doc:"the last line: the body was read to its end"`
	Lines  int  `json:"lines,omitempty" doc:"the last line: how many had a result"`
	Stored int  `json:"stored,omitempty" doc:"the last line: how many of them are on disk"`
}

// postWindows takes a window on each line. While as many as may be are judged, it does
// not read on: the client waits, and nothing piles up.
func (s *server) postWindows(w http.ResponseWriter, r *http.Request) error {
	if m := r.Header.Get("Content-Type"); decode.MediaType(m) != ndjson {
		return bearing.Errorf(bearing.Unsupported, "media_type_unsupported", "Content-Type %q is not read: send %s", bearing.Clip(m), ndjson)
	}
	if _, err := decode.Query(r.URL.RawQuery); err != nil {
		return err
	}
	who := tenantOf(r)
	if err := s.cfg.Gate.Room(admit.Claim{Tenant: who}); err != nil {
		return err
	}
	own := &share{of: &s.budget, tenant: who}
	defer own.release()
	body, done, err := s.expanded(w, r, own, expands*s.cfg.MaxBody)
	if err != nil {
		return err
	}
	defer done()
	if !own.draw(firstRead) {
		return fullBudget()
	}
	w.Header().Set("Content-Type", ndjson)

	// From here on no answer may leave the body unread: the server of net/http would take up
	// its rest and the next request of the connection at the same time, and panic (Go 1.26).
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex() // HTTP/2 is so by itself, test recorders do not matter
	b := &bulk{s: s, tenant: who, ctx: r.Context(), queue: s.cfg.Gate.Queue(), waiting: make(chan chan lineResult, inFlight), ended: make(chan struct{})}
	go b.write(w, control)
	pace, _ := r.Body.(*paced)
	err = b.read(bufio.NewReaderSize(body, firstRead), func() { pace.again(s.bodyGrace + lineTime) })
	close(b.waiting)
	<-b.ended
	last := lineResult{Index: b.lines, Status: http.StatusOK, Done: err == nil, Lines: b.lines, Stored: b.stored}
	if err != nil {
		last.Problem = s.problemOf(r.Context(), err)
		last.Status = last.Problem.Status
	}
	b.send(w, control, last)
	if err != nil {
		// A body that is not read to its end ends the connection, but only after its client
		// has had the time to read why.
		pace.again(2 * time.Second)
		_ = control.SetReadDeadline(time.Now().Add(2 * time.Second))
	}
	if n, err := io.Copy(io.Discard, io.LimitReader(r.Body, restSize)); err != nil || n == restSize {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// bulk is one request with many windows.
type bulk struct {
	s       *server
	tenant  string
	ctx     context.Context
	queue   *admit.Queue
	waiting chan chan lineResult // results to come, in the order of their lines
	ended   chan struct{}

	lines, stored int
	began         bool // the answer
	gone          bool // the client does not read
}

// read takes line after line until the body ends. Blank ones, as some writers end with,
// have no result, and count.
func (b *bulk) read(in *bufio.Reader, progress func()) error {
	index := 0
	for n := 0; ; n++ {
		progress()
		own := &share{of: &b.s.budget, tenant: b.tenant}
		line, err := b.s.readLine(in, own)
		if err != nil && !errors.Is(err, io.EOF) {
			own.release()
			return err
		}
		blank := len(bytes.TrimSpace(line)) == 0
		if n >= maxLines && !(blank && err != nil) {
			own.release()
			return bearing.Errorf(bearing.TooLarge, "too_many_lines", "more than %d lines: send the rest in another request", maxLines)
		}
		if blank {
			own.release()
		} else if err := b.take(index, line, own); err != nil {
			return err
		}
		if err != nil {
			return nil
		}
		if !blank {
			index++
		}
	}
}

// take has a line judged, after those before it. It blocks while as many as may be are.
func (b *bulk) take(index int, line []byte, own *share) error {
	result := make(chan lineResult, 1)
	b.waiting <- result // first: a client that does not read holds up itself alone
	turn, err := b.s.lines.Turn(b.ctx, b.tenant)
	if err != nil {
		own.release()
		result <- b.s.lineProblem(b.ctx, index, err)
		return err
	}
	ticket := b.queue.Next()
	go func() {
		defer func() {
			ticket.Close()
			own.release()
			turn.Done()
		}()
		result <- b.s.judgeLine(b.ctx, index, line, own, ticket)
	}()
	return nil
}

// readLine reads up to the next end of a line, under the limit of a body. The buffer is
// the share's. io.EOF stands beside the last line.
func (s *server) readLine(in *bufio.Reader, own *share) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if int64(len(line)+len(part)) > s.cfg.MaxBody {
			return nil, bearing.Errorf(bearing.TooLarge, "body_too_large", "a line is over the limit of %d bytes: send shorter windows", s.cfg.MaxBody)
		}
		if need := len(line) + len(part); need > cap(line) {
			if line = s.roomFor(line, max(2*int64(cap(line)), int64(need)), own); line == nil {
				return nil, fullBudget()
			}
		}
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err == nil, errors.Is(err, io.EOF):
			return line, err
		default:
			if e, ok := errors.AsType[*bearing.Error](err); ok {
				return nil, e
			}
			if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
				return nil, bearing.Errorf(bearing.TooLarge, "body_too_large", "the lines are over %d bytes together: send the rest in another request", expands*s.cfg.MaxBody).Over(float64(expands*s.cfg.MaxBody), 0)
			}
			return nil, s.bodyFailed(err)
		}
	}
}

// roomFor is extend of a share that waits while other windows hold the memory: those of
// this request will be done, and it can wait better than a client that has to ask again.
func (s *server) roomFor(line []byte, room int64, own *share) []byte {
	for end := time.Now().Add(roomTime); ; time.Sleep(roomTime / 1000) {
		if next := own.extend(line, room); next != nil {
			return next[:len(line)]
		}
		if time.Now().After(end) {
			return nil
		}
	}
}

// judgeLine is what postWindow is to a single window.
func (s *server) judgeLine(ctx context.Context, index int, line []byte, own *share, ticket *admit.Ticket) (out lineResult) {
	s.metrics.received.Inc()
	out.Index = index
	defer func() {
		if v := recover(); v != nil { // our bug must not end the process
			out = s.lineProblem(ctx, index, logs.Recovered(v))
		}
	}()
	// Its turn comes: until then the client is not read from.
	place, err := ticket.Enter(ctx, admit.Claim{Tenant: own.tenant, Bytes: len(line)})
	if err != nil {
		return s.lineProblem(ctx, index, err)
	}
	defer place.Leave()
	room := decode.MemoryJSON(len(line), s.cfg.MaxSamples)
	if err := s.cfg.Memory.Wait(ctx, admit.Judge, room, roomTime, "the line"); err != nil {
		return s.lineProblem(ctx, index, err)
	}
	f, err := decode.JSON(line, s.cfg.MaxSamples, own.floats)
	s.cfg.Memory.Give(room)
	if err == nil && f.Sensor == "" {
		err = bearing.Errorf(bearing.Invalid, "sensor_name", "the line has no sensor: state it").At("/sensor")
	}
	if err == nil {
		err = covers(ctx, f.Sensor)
	}
	if err == nil && index > 0 { // the first one was counted with the request
		if k := keyOf(ctx); k != nil {
			err = s.quota.take(k, time.Now())
		}
	}
	if err == nil {
		s.complete(f.Sensor, &f)
	}
	var win *bearing.Window
	if err == nil {
		win, err = f.Window(f.Sensor, s.cfg.MaxSamples)
	}
	var d bearing.Diagnosis
	if err == nil {
		d, err = s.core.Submit(ctx, win, admit.Entry{Place: place})
	}
	if err != nil {
		return s.lineProblem(ctx, index, err)
	}
	out.Status, out.ID, out.Fault, out.Duplicate = http.StatusCreated, d.ID, d.Fault, d.Duplicate
	if d.Duplicate {
		out.Status = http.StatusOK
	}
	return out
}

func (s *server) lineProblem(ctx context.Context, index int, err error) lineResult {
	p := s.problemOf(ctx, err)
	s.metrics.reject(p.Code)
	return lineResult{Index: index, Status: p.Status, Problem: p}
}

// write sends the results in the order of their lines, as soon as they are there.
func (b *bulk) write(w http.ResponseWriter, control *http.ResponseController) {
	defer close(b.ended)
	for result := range b.waiting {
		r := <-result
		b.lines++
		if r.ID != "" {
			b.stored++
		}
		b.send(w, control, r)
	}
}

func (b *bulk) send(w http.ResponseWriter, control *http.ResponseController, r lineResult) {
	if b.gone {
		return
	}
	line, err := json.Marshal(r)
	if err != nil {
		panic("api: " + err.Error())
	}
	if !b.began {
		b.began = true
		w.WriteHeader(http.StatusOK)
	}
	_ = control.SetWriteDeadline(time.Now().Add(streamWrite))
	if _, err := w.Write(append(line, '\n')); err != nil {
		b.gone = true
		return
	}
	if len(b.waiting) == 0 {
		_ = control.Flush()
	}
}
