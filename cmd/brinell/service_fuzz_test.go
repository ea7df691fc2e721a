package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"brinell/api"
	"brinell/internal/service"
)

// tried is a service in this process, with a database of its own, to which programs are
// sent one after the other.
type tried struct {
	*service.Service
	dir    string
	cancel context.CancelFunc
	ran    int
	log    *kept
}

// kept is a log whose errors are looked for.
type kept struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (k *kept) Write(b []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.Write(b)
}

// errors returns what was logged as an error since the last call.
func (k *kept) errors() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer k.text.Reset()
	if s := k.text.String(); strings.Contains(s, "level=ERROR") || strings.Contains(s, "panic") {
		return s
	}
	return ""
}

// renewed is after how many programs the service begins anew with an empty database.
const renewed = 200

func newTried() (*tried, error) {
	dir, err := os.MkdirTemp("", "brinell-fuzz")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	v := &tried{dir: dir, cancel: cancel, log: &kept{}}
	var c service.Config
	c.Flags(pflag.NewFlagSet("serve", pflag.ContinueOnError)) // the defaults
	c.Listen, c.DataDir, c.Demo = "127.0.0.1:0", dir, false
	if v.Service, err = service.New(ctx, c, thisProgram(), v.log); err != nil {
		return nil, err
	}
	return v, nil
}

func (v *tried) close() {
	v.cancel()
	_ = v.Service.Close()
	_ = os.RemoveAll(v.dir)
}

// recorder is a response writer that takes deadlines, as that of a connection does.
type recorder struct{ *httptest.ResponseRecorder }

func (recorder) SetReadDeadline(time.Time) error  { return nil }
func (recorder) SetWriteDeadline(time.Time) error { return nil }
func (recorder) EnableFullDuplex() error          { return nil }

// mayTake returns what a request may take, by the samples that it brings or looks at:
// processor seconds of the whole process and bytes that it allocates, none of which must
// follow a stated number. Of 23,000 requests the greediest took 2 MB without samples, 32 MB
// and 0.03 s with 24,000, and 65 MB and 0.18 s with 130,000; fuzzing counts every branch,
// which takes five times as long.
func mayTake(samples int) (seconds, bytes float64) {
	return 1 + 10e-6*float64(samples), 16<<20 + 2000*float64(samples)
}

var allocated = []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}

func taken() (seconds, bytes float64) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	metrics.Read(allocated)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9, float64(allocated[0].Value.Uint64())
}

// send sends one request and says what is wrong with the answer.
func (v *tried) send(r message) (status int, body []byte, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if strings.HasPrefix(r.target, "/v1/stream") {
		time.AfterFunc(5*time.Millisecond, cancel)
	}
	req := httptest.NewRequestWithContext(ctx, r.method, "http://"+v.Address().String()+r.target, bytes.NewReader(r.body))
	req.RemoteAddr = "127.0.0.1:4711"
	if r.media != "" {
		req.Header.Set("Content-Type", r.media)
	}
	for i := 0; i+1 < len(r.header); i += 2 {
		req.Header.Set(r.header[i], r.header[i+1])
	}
	rec := recorder{httptest.NewRecorder()}
	seconds, allocs := taken()
	v.Handler().ServeHTTP(rec, req)
	s, a := taken()
	s, a = s-seconds, a-allocs
	status, body = rec.Code, rec.Body.Bytes()
	mostSeconds, mostBytes := mayTake(r.samples)
	media := rec.Header().Get("Content-Type")
	gone := ctx.Err() != nil // the client of a stream, which may be before it begins
	switch logged := v.log.errors(); {
	case gone && status == http.StatusServiceUnavailable && bytes.Contains(body, []byte(`"request_canceled"`)):
		return status, body, nil
	case status >= 500:
		return status, body, fmt.Errorf("answered %d: %s\n%s", status, body, logged)
	case logged != "":
		return status, body, fmt.Errorf("logged: %s", logged)
	case status >= 400:
		err = problemIn(media, status, body)
	case media == "application/json" && !json.Valid(body):
		err = fmt.Errorf("the answer is no JSON: %.300s", body)
	}
	switch {
	case err != nil:
	case s > mostSeconds:
		err = fmt.Errorf("took %.2f s of processor time, %d samples may take %.2f", s, r.samples, mostSeconds)
	case a > mostBytes:
		err = fmt.Errorf("allocated %.0f bytes, %d samples may take %.0f", a, r.samples, mostBytes)
	}
	return status, body, err
}

// known are the codes that the API says it has.
var known = sync.OnceValue(func() map[string]bool {
	m := make(map[string]bool)
	for _, c := range api.Codes() {
		m[c.Name] = true
	}
	return m
})

// problemIn says what is wrong with a refusal.
func problemIn(media string, status int, body []byte) error {
	var p struct {
		Status       int
		Code, Detail string
	}
	if err := json.Unmarshal(body, &p); err != nil || media != "application/problem+json" || p.Status != status || !known()[p.Code] || p.Detail == "" {
		return fmt.Errorf("a refusal with %d %s that is no problem document (%v): %.300s", status, media, err, body)
	}
	return nil
}

// run sends a program and says what is wrong.
func (v *tried) run(program []byte) error {
	v.ran++
	w := &world{prefix: fmt.Sprintf("p%d-", v.ran)}
	looked := 0 // samples of the largest window
	for i, c := range decodeProgram(program) {
		r := c.request(w)
		looked = max(looked, r.samples)
		r.samples = max(r.samples, looked)
		status, body, err := v.send(r)
		if err == nil && status == http.StatusCreated && r.window {
			err = v.stored(w, body)
		}
		if err != nil {
			return fmt.Errorf("request %d, %s %s, of %+v: %w", i, r.method, r.target, c, err)
		}
	}
	// What this program registered does not meet the next one.
	for _, target := range []string{"/v1/sensors/" + w.sensor(0), "/v1/sensors/" + w.sensor(1), "/v1/inspections/i", "/v1/machines/m", "/v1/webhooks/w", "/v1/bearings/B0"} {
		if _, _, err := v.send(message{method: "DELETE", target: target}); err != nil {
			return fmt.Errorf("DELETE %s: %w", target, err)
		}
	}
	return nil
}

// stored checks that what was answered can be read back, and notes it.
func (v *tried) stored(w *world, answer []byte) error {
	var d struct{ ID, Sensor string }
	if err := json.Unmarshal(answer, &d); err != nil {
		return err
	}
	w.windows = append(w.windows, d.ID)
	status, body, err := v.send(message{method: "GET", target: "/v1/diagnoses/" + d.ID})
	if err != nil || status != http.StatusOK || !bytes.Equal(bytes.TrimSpace(body), bytes.TrimSpace(answer)) {
		return fmt.Errorf("the diagnosis that was answered\n%s\nis read back as %d (%v)\n%s", answer, status, err, body)
	}
	status, body, err = v.send(message{method: "GET", target: "/v1/windows/" + d.ID, samples: 1 << 17})
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("its samples are read back as %d (%v): %.300s", status, err, body)
	}
	status, body, err = v.send(message{method: "GET", target: "/v1/alarms?sensor=" + d.Sensor})
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("alarms: %d (%v): %.300s", status, err, body)
	}
	var page struct{ Alarms []struct{ ID string } }
	if err := json.Unmarshal(body, &page); err != nil {
		return err
	}
	w.alarms = nil
	for _, a := range page.Alarms {
		w.alarms = append(w.alarms, a.ID)
	}
	return nil
}

// seeds are programs of what was once wrong, and of edges around it: short ultrasonic
// windows, tiny speeds, huge frequencies.
func seeds() (out [][]byte) {
	add := func(requests ...coded) { out = append(out, encodeProgram(requests...)) }
	window := func(n, rate, speed float64) *sent {
		return &sent{form: inFloats, signal: 1, n: n, rate: rate, speed: speed, bearing: "6205-2RS", unit: "g", level: 1}
	}
	for _, w := range [][2]float64{{1024, 102400}, {2048, 204800}, {16384, 2e6}, {1024, 1e7}, {1024, 5000}, {4096, 409600}, {12000, 12000}} {
		add(window(w[0], w[1], 0))
	}
	sensor := func(speed float64) *written { return &written{numbers: [8]float64{speed}} }
	for _, v := range []float64{5e-324, 1e-15, 1e-3, 1, 600000} {
		w := window(2048, 12000, 0)
		w.bearing = "" // as registered
		add(sensor(v), w)
		add(window(2048, 12000, v))
		add(window(16384, 1e7, v))
	}
	ask := func(route string, pairs ...any) *asked {
		a := new(asked)
		for i, q := range questions {
			if q == route {
				a.route = i
			}
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			a.names[i/2] = pairs[i].(string)
			switch v := pairs[i+1].(type) {
			case float64:
				a.numeric[i/2], a.values[i/2] = 1, v
			case string:
				a.words[i/2] = v
			}
		}
		return a
	}
	for _, hz := range []float64{1e19, 1e300, 1 << 63, 5e-324, math.Inf(1), 0} {
		add(window(2048, 12000, 1797), ask("/v1/windows/{window}/envelope", "max_hz", hz))
	}
	add(window(2048, 12000, 1797), ask("/v1/windows/{window}/envelope", "band_low_hz", 0.0, "band_high_hz", 5e-324), ask("/v1/windows/{window}/spectrum", "lines", 16.0), ask("/v1/windows/{window}", "format", "wav"))
	add(window(2048, 12000, 1797), ask("/v1/sensors/{sensor}/trends", "feature", "rms", "from", "1970-01-01T00:00:00Z", "to", "9999-12-31T23:59:59.999999999Z"), ask("/v1/diagnoses", "limit", 1.0), ask("/v1/alarms", "cursor", "AAAAAAAAAAA"))
	for form, numbers := range map[int][8]float64{6: {9, 7.94, 39.04, 0}, 7: {3.5848, 5.4152, 4.7135, 0.3983}, 3: {12000, 50, 1e-3}, 4: {1, 0.5, 1, 1, 1, 1, 5}} {
		w := window(12000, 12000, 1797)
		w.bearing = "B0"
		add(&written{form: form, numbers: numbers}, w)
	}
	for form := range documents {
		add(window(12000, 12000, 1797), &written{form: form, times: [3]string{times[0], times[0], times[0]}, texts: [3]string{"a", "b"}})
	}
	for form := range forms {
		w := window(2048, 12000, 1797)
		w.form = form
		add(w, w)
	}
	for s := range signals {
		w := window(12000, 12000, 1797)
		w.signal = s
		add(w)
	}
	return out
}

// FuzzService sends programs of requests to the whole service in this process: windows of
// any form, rate, speed, length and signal, registrations, and queries with edge values.
// No answer is 5xx, nothing is logged as an error, every refusal is a problem document
// with a code of the table, what was answered 201 is read back, and no request takes more
// memory or processor time than its samples allow.
func FuzzService(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	var v *tried
	f.Cleanup(func() {
		if v != nil {
			v.close()
		}
	})
	f.Fuzz(func(t *testing.T, program []byte) {
		if v == nil || v.ran == renewed {
			if v != nil {
				v.close()
			}
			var err error
			if v, err = newTried(); err != nil {
				t.Fatal(err)
			}
		}
		if err := v.run(program); err != nil {
			v.close()
			v = nil
			t.Fatal(err)
		}
	})
}

// TestPrograms sends programs drawn from a seed, as FuzzService does without the help of
// coverage, which makes up for it by speed: BRINELL_PROGRAMS is how many.
func TestPrograms(t *testing.T) {
	n := 150
	if s := os.Getenv("BRINELL_PROGRAMS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	rng := rand.New(rand.NewPCG(16, 5))
	var v *tried
	for i := range n {
		if i%renewed == 0 {
			if v != nil {
				v.close()
			}
			var err error
			if v, err = newTried(); err != nil {
				t.Fatal(err)
			}
		}
		program := make([]byte, 1+rng.IntN(100))
		for j := range program {
			program[j] = byte(rng.Uint32())
		}
		if rng.IntN(4) > 0 { // most begin with a window that is taken
			program = append(encodeProgram(&sent{form: rng.IntN(forms), signal: rng.IntN(signals), n: float64(int(2048) << rng.IntN(4)), rate: 12000, speed: 1797, bearing: "6205-2RS", unit: "g", level: 1}), program...)
		}
		if err := v.run(program); err != nil {
			t.Errorf("program %d, %q: %v", i, program, err)
			v.close()
			if v, err = newTried(); err != nil {
				t.Fatal(err)
			}
		}
	}
	v.close()
}
