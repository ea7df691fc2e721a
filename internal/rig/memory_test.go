package rig

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// The bounds of the memory rig, MiB: what the unit and the compose file allow, and what may
// be resident of it.
const (
	memoryLimit = 1024
	memoryMost  = 768
)

// confined returns the wrapper that starts a program in a control group of its own with so
// many bytes of memory, and how often the kernel has ended something in it. Where no group
// can be made there is no wrapper: what is resident is measured all the same.
func confined(t *testing.T, limit int) (wrapper []string, kills func() string) {
	t.Helper()
	for _, c := range []struct{ root, limit, events string }{
		{"/sys/fs/cgroup", "memory.max", "memory.events"},
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.oom_control"},
	} {
		dir, err := os.MkdirTemp(c.root, "brinell-rig")
		if err != nil {
			continue
		}
		t.Cleanup(func() { // after the processes in it have ended
			for range 50 {
				if os.Remove(dir) == nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		})
		if os.WriteFile(filepath.Join(dir, c.limit), []byte(strconv.Itoa(limit)), 0o644) != nil {
			continue
		}
		return []string{"sh", "-c", `echo $$ > "$0/cgroup.procs" && exec "$@"`, dir}, func() string {
			b, _ := os.ReadFile(filepath.Join(dir, c.events))
			return string(b)
		}
	}
	t.Log("no control group can be made here: only what is resident is looked at")
	return nil, func() string { return "" }
}

// large is a window of the memory rig.
type large struct {
	samples int
	rate    float64
	rpm     float64 // 0 for none
	bearing string
	form    string // i16le, f32le, npy, wav or json
}

func (l large) String() string {
	return fmt.Sprintf("%d samples at %g Hz, %g rpm, bearing %q, as %s", l.samples, l.rate, l.rpm, l.bearing, l.form)
}

// honest are windows that a plant sends.
func honest() (out []large) {
	for i := range 15 { // a slow machine that runs up
		out = append(out, large{60 * 25600, 25600, 10 + 0.2*float64(i), "6205-2RS", "i16le"})
	}
	return out
}

// worst are the windows that take most.
func worst() []large {
	const most = 4 << 20
	return []large{
		{4_194_302, 10e6, 0, "6205-2RS", "i16le"}, {4_194_302, 10e6, 3000, "6205-2RS", "i16le"}, {most, 10e6, 600_000, "6205-2RS", "i16le"},
		{most, 12500, 1, "6205-2RS", "i16le"}, {most - 2, 12500, 5, "6205-2RS", "f32le"}, {4_194_301, 12500, 0.95, "6205-2RS", "npy"},
		{most, 5000, 0.5, "6205-2RS", "i16le"}, {3_906_250, 20000, 2, "6205-2RS", "wav"}, {most, 25600, 0, "6205-2RS", "f32le"},
		{2_400_000, 5000, 60, "6205-2RS", "json"}, {most, 102400, 0, "", "wav"}, {4_100_625 + 2, 13333, 0.9, "6205-2RS", "i16le"},
	}
}

// drawn are windows by a seed: lengths, rates, speeds and bearings over all that is taken.
func drawn(seed uint64, n int) (out []large) {
	rng := rand.New(rand.NewPCG(seed, 16))
	between := func(lo, hi float64) float64 { return lo * math.Pow(hi/lo, rng.Float64()) }
	forms := []string{"i16le", "i16le", "i16le", "f32le", "npy", "wav"}
	for range n {
		l := large{samples: int(between(1024, 4<<20)), rate: between(5000, 10e6), bearing: "6205-2RS", form: forms[rng.IntN(len(forms))]}
		if rng.IntN(2) == 0 { // a recorder's own rates
			l.rate = []float64{5120, 12000, 12800, 25600, 48000, 51200, 102400, 1e6}[rng.IntN(8)]
		}
		if l.form == "wav" {
			l.rate = math.Round(l.rate)
		}
		switch rng.IntN(4) {
		case 0:
		case 1:
			l.rpm = between(1, 600_000)
		default: // the slowest of which the window has turns enough
			l.rpm = math.Min(600_000, between(5, 40)*60*l.rate/float64(l.samples))
		}
		if rng.IntN(5) == 0 {
			l.bearing = ""
		}
		if l.samples < 300_000 && rng.IntN(4) == 0 {
			l.form = "json"
		}
		out = append(out, l)
	}
	return out
}

// noise is what all windows are cut from: 16 bits a sample, which nothing compresses.
var noise = sync.OnceValue(func() []byte {
	b := make([]byte, 2*(5<<20))
	rng := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], rng.Uint64())
	}
	return b
})

// request makes the i-th request of a sensor.
func (l large) request(base, sensor string, i int) (*http.Request, error) {
	raw := noise()[2*(i*8191%(1<<20)):][:2*l.samples]
	q := url.Values{"start": {epoch.Add(time.Duration(i) * time.Hour).Format(time.RFC3339)}, "sample_rate_hz": {strconv.FormatFloat(l.rate, 'g', -1, 64)}, "unit": {"g"}}
	if l.rpm > 0 {
		q.Set("shaft_speed_rpm", strconv.FormatFloat(l.rpm, 'g', -1, 64))
	}
	if l.bearing != "" {
		q.Set("bearing", l.bearing)
	}
	media, body := "application/octet-stream", raw
	switch l.form {
	case "i16le":
		q.Set("dtype", "i16le")
		q.Set("scale", "0.0001")
	case "f32le", "json":
		f := make([]byte, 0, 4*l.samples)
		text := make([]byte, 0, 8*l.samples)
		for k := range l.samples {
			v := float32(int16(binary.LittleEndian.Uint16(raw[2*k:]))) / 1024
			if l.form == "json" {
				text = append(strconv.AppendFloat(text, float64(v), 'g', 5, 32), ',')
			}
			f = binary.LittleEndian.AppendUint32(f, math.Float32bits(v))
		}
		if body = f; l.form == "json" {
			media = "application/json"
			fields := map[string]any{"start": q.Get("start"), "sample_rate_hz": l.rate, "unit": "g", "bearing": l.bearing, "samples": json.RawMessage("[" + string(text[:len(text)-1]) + "]")}
			if l.rpm > 0 {
				fields["shaft_speed_rpm"] = l.rpm
			}
			if l.bearing == "" {
				delete(fields, "bearing")
			}
			var err error
			if body, err = json.Marshal(fields); err != nil {
				return nil, err
			}
			q = nil
		}
	case "npy":
		media, body = "application/x-npy", npy(fmt.Sprintf("{'descr': '<i2', 'fortran_order': False, 'shape': (%d,), }\n", l.samples), raw)
		q.Set("scale", "0.0001")
	case "wav":
		media, body = "audio/wav", riff(append(chunk("fmt ", -1, format(1, 1, uint32(l.rate), 2, 16)), chunk("data", -1, raw)...))
		q.Set("scale", "3")
	}
	target := base + "/v1/sensors/" + sensor + "/windows"
	if len(q) > 0 {
		target += "?" + q.Encode()
	}
	req, err := http.NewRequest("POST", target, bytes.NewReader(body))
	if err == nil {
		req.Header.Set("Content-Type", media)
	}
	return req, err
}

// fed is what came of windows.
type fed struct {
	sent, stored, tooLarge, again int
	seconds                       float64
	most, after                   float64 // MiB resident at most, and once all is over
}

// String gives the figures of docs/guarantees.md.
func (f fed) String() string {
	return fmt.Sprintf("%d windows in %.0f s: %d stored, %d refused with 413, %d times 503 and sent again; resident %.0f MiB at most, %.0f MiB after", f.sent, f.seconds, f.stored, f.tooLarge, f.again, f.most, f.after)
}

// feed sends windows, several at a time, looks at some of them, and says what is wrong: a
// service that ends, answers that should not be, and memory that is too much or is kept.
func feed(t *testing.T, b build, windows []large, clients int, extra ...string) (out fed, err error) {
	t.Helper()
	cage, kills := confined(t, memoryLimit<<20)
	s := serve(t, b.behind(cage...), b.bin, t.TempDir(), append([]string{"--raw-cap", "256MiB", "--max-wait", "5s"}, extra...)...)
	defer s.kill()
	begin := time.Now()
	out.sent = len(windows)
	var mu sync.Mutex
	note := func(e error) {
		mu.Lock()
		defer mu.Unlock()
		if err = errors.Join(err, e); len(err.Error()) > 4000 {
			err = errors.New(err.Error()[:4000])
		}
	}
	type job struct {
		i int
		large
	}
	jobs := make(chan job)
	slow := &http.Client{Timeout: 2 * time.Minute}
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for j := range jobs {
				id, status, again, e := feedOne(slow, s.url, j.i, j.large)
				mu.Lock()
				out.again += again
				switch {
				case e != nil:
				case status == http.StatusRequestEntityTooLarge:
					out.tooLarge++
					t.Logf("refused with 413: %v", j.large)
				default:
					out.stored++
				}
				mu.Unlock()
				if e != nil {
					note(fmt.Errorf("%v: %w", j.large, e))
					continue
				}
				if id != "" && j.i%4 == 0 { // and look at it in every form
					for _, view := range []string{"", "?format=csv", "?format=npy", "/spectrum?lines=25600", "/envelope"} {
						if e := lookAt(slow, s.url+"/v1/windows/"+id+view); e != nil {
							note(fmt.Errorf("look at %v: %w", j.large, e))
						}
					}
				}
			}
		})
	}
send:
	for i, l := range windows {
		select {
		case jobs <- job{i, l}:
		case <-s.done:
			break send
		}
	}
	close(jobs)
	wg.Wait()
	out.seconds = time.Since(begin).Seconds()
	select {
	case <-s.done:
		return out, errors.Join(fmt.Errorf("the service ended: %s%.500s", kills(), s.logged()), err)
	default:
	}
	out.most = s.status(t, "VmHWM")
	if out.most > memoryMost {
		err = errors.Join(err, fmt.Errorf("%.0f MiB were resident, at most %d may be", out.most, memoryMost))
	}
	const kept = 256 // MiB; what caches, the database and the runtime may keep
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if out.after = s.status(t, "VmRSS"); out.after <= kept || time.Now().After(end) {
			break
		}
	}
	if out.after > kept {
		err = errors.Join(err, fmt.Errorf("%.0f MiB are still resident a quarter of a minute later, at most %d may be", out.after, kept))
	}
	return out, err
}

// feedOne sends a window until it is not refused for now.
func feedOne(client *http.Client, base string, i int, l large) (id string, status, again int, err error) {
	for ; ; again++ {
		req, err := l.request(base, fmt.Sprintf("s%d", i), i)
		if err != nil {
			return "", 0, again, err
		}
		resp, err := client.Do(req)
		if err != nil {
			return "", 0, again, err
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			return "", 0, again, err
		}
		switch resp.StatusCode {
		case http.StatusCreated, http.StatusRequestEntityTooLarge:
			var d struct{ ID string }
			return d.ID, resp.StatusCode, again, json.Unmarshal(b, &d)
		case http.StatusServiceUnavailable:
			if again > 600 {
				return "", 0, again, fmt.Errorf("refused for ever: %.300s", b)
			}
			if resp.Header.Get("Retry-After") == "" {
				return "", 0, again, fmt.Errorf("503 without Retry-After: %.300s", b)
			}
			time.Sleep(100 * time.Millisecond)
		default:
			return "", 0, again, fmt.Errorf("%d %.300s", resp.StatusCode, b)
		}
	}
}

// lookAt reads an answer to its end; it may be refused, for now or for good.
func lookAt(client *http.Client, target string) error {
	resp, err := client.Get(target)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	switch resp.StatusCode {
	case http.StatusOK, http.StatusNotFound, http.StatusServiceUnavailable, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return err
	}
	return fmt.Errorf("%s: %d", target, resp.StatusCode)
}

// TestMemory sends the windows that take most memory, an honest slow machine that runs up,
// and windows drawn from a seed, to a service with 1 GiB, and looks at what is resident. All
// that a plant sends is stored. A program that keeps what it has planned, and counts nothing
// before it takes a window, is caught. BRINELL_SEQUENCE is how many are drawn.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	n := count(t, "BRINELL_SEQUENCE", 12)
	all := append(worst(), honest()...)
	all = append(all, drawn(16, n)...)
	if n <= 12 { // the short form: of each kind some
		all = append(append(append([]large{}, worst()[:4]...), honest()[:3]...), drawn(16, n)...)
	}
	f, err := feed(t, sound(t), all, 3)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%v", f)
	if f.stored < f.sent*95/100 {
		t.Errorf("%d of %d were stored: what is admissible is to be taken", f.stored, f.sent)
	}
	_, err = feed(t, planted(t, "hoard"), honest()[:10], 1)
	sees(t, "hoard", err)
}
