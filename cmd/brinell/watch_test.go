package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/dataset/npyfile"
	"brinell/dataset/wavfile"
	"brinell/internal/watch"
)

// TestOrder sends windows whose order matters, as lines of one request and as files that lie
// there at once, to a rule that wants many in a row: the service must not shuffle them.
func TestOrder(t *testing.T) {
	drop := t.TempDir()
	p := start(t, "--data-dir", t.TempDir(), "--watch", drop, "--workers", "4")
	const n = 24
	x := excerpt(t, "inner_race_105.npy").Samples[:12000]
	begin := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	var lines strings.Builder
	for i := range n {
		fmt.Fprintf(&lines, `{"sensor":"line","start":%q,"sample_rate_hz":12000,"unit":"g","samples":[`, begin.Add(time.Duration(i)*time.Second).Format(time.RFC3339))
		for k, v := range x[:len(x)/(1+i%2)] { // some are judged faster than those before
			if k > 0 {
				lines.WriteByte(',')
			}
			fmt.Fprintf(&lines, "%g", v)
		}
		lines.WriteString("]}\n")
	}
	for _, sensor := range []string{"line", "file"} {
		rule := fmt.Sprintf(`{"sample_rate_hz":12000,"unit":"g","bearing":"6205-2RS","shaft_speed_rpm":1797,"alarm":{"conditions":[{"name":"f","kind":"fault","on":{"count":%d}}]}}`, n)
		if status, _ := call(t, "PUT", p.url+"/v1/sensors/"+sensor, rule, nil); status != 201 {
			t.Fatal(status)
		}
	}
	resp, err := http.Post(p.url+"/v1/windows", "application/x-ndjson", strings.NewReader(lines.String()))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if resp.Body.Close(); err != nil || strings.Count(string(b), `"status":201`) != n {
		t.Fatalf("%v, %s", err, b)
	}
	npy := npyfile.EncodeFloat32(x)
	name := func(i int) string {
		return filepath.Join(drop, fmt.Sprintf("file_%s.npy", begin.Add(time.Duration(i)*time.Second).Format("20060102T150405Z")))
	}
	order := rand.New(rand.NewPCG(1, 1)).Perm(n)
	for _, i := range order {
		if err := os.WriteFile(name(i)+".part", npy, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range order { // all at once, as far as names allow
		if err := os.Rename(name(i)+".part", name(i)); err != nil {
			t.Fatal(err)
		}
	}
	var open struct{ Alarms []bearing.Alarm }
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && len(open.Alarms) < 2; time.Sleep(100 * time.Millisecond) {
		if status, _ := call(t, "GET", p.url+"/v1/alarms?open=true", "", &open); status != 200 {
			t.Fatal(status)
		}
	}
	if len(open.Alarms) != 2 {
		t.Errorf("alarms %+v; want one of the lines and one of the files", open.Alarms)
	}
}

// TestWatch drops files as a logger does, one of them slowly: each becomes a diagnosis and
// lies in done, or in failed with the reason beside it.
func TestWatch(t *testing.T) {
	drop := t.TempDir()
	p := start(t, "--data-dir", t.TempDir(), "--watch", drop, "--watch-settle", "2s", "--max-body", "300kB")
	if status, _ := call(t, "PUT", p.url+"/v1/sensors/de", `{"sample_rate_hz":12000,"unit":"m/s2","bearing":"6205-2RS","shaft_speed_rpm":1797}`, nil); status != 201 {
		t.Fatal(status)
	}
	x := excerpt(t, "inner_race_105.npy").Samples[:12000]
	metric := make([]float32, len(x))
	for i, v := range x {
		metric[i] = v * bearing.StandardGravity
	}
	write := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(drop, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	npy := npyfile.EncodeFloat32(metric)
	write("de_20260131T120000Z.npy", npy)
	write("de_20260131T120001.5Z.wav", wavfile.EncodeFloat32(metric, 12000))
	write("fan.json", []byte(`{"start":"2026-01-31T12:00:00Z","sample_rate_hz":12000,"unit":"g","samples":[1,2]}`))
	write("nobody_20260131T120000Z.npy", npy)
	write("de_20260131T120020Z.csv", []byte("left,right\n0,1\n1,2\n"))
	write("de_20269931T120000Z.npy", npy)
	write("broken_20260131T120000Z.json", []byte("{"))
	write("large.json", make([]byte, 301_000))
	write(".hidden", npy)
	if err := os.Symlink("/etc/hostname", filepath.Join(drop, "link.json")); err != nil {
		t.Fatal(err)
	}
	slow, err := os.Create(filepath.Join(drop, "de_20260131T120010Z.npy"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(npy); i += len(npy)/5 + 1 { // half written for longer than a look
		if _, err := slow.Write(npy[i:min(len(npy), i+len(npy)/5+1)]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(watch.Every / 2)
	}
	_ = slow.Close()
	done := []string{"de_20260131T120000Z.npy", "de_20260131T120001.5Z.wav", "de_20260131T120010Z.npy"}
	failed := map[string]string{"fan.json": "window_too_short", "nobody_20260131T120000Z.npy": "sensor_unknown", "de_20260131T120020Z.csv": "channel_missing: the file has", "de_20269931T120000Z.npy": "start_invalid: \"2026", "broken_20260131T120000Z.json": "json_malformed", "large.json": "body_too_large"}
	lying := func() (n int) {
		for _, name := range done {
			if _, err := os.Stat(filepath.Join(drop, watch.Done, name)); err == nil {
				n++
			}
		}
		for name := range failed {
			if _, err := os.Stat(filepath.Join(drop, watch.Failed, name)); err == nil {
				n++
			}
		}
		return n
	}
	for end := time.Now().Add(20 * time.Second); lying() < len(done)+len(failed) && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	for _, name := range done {
		if _, err := os.Stat(filepath.Join(drop, watch.Done, name)); err != nil {
			t.Errorf("%v\n%s", err, p.logged())
		}
	}
	for name, code := range failed {
		b, err := os.ReadFile(filepath.Join(drop, watch.Failed, name+".txt"))
		if err != nil || !strings.HasPrefix(string(b), code) {
			t.Errorf("%s: %s, %v; want %s", name, b, err, code)
		}
		if _, err := os.Stat(filepath.Join(drop, watch.Failed, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(filepath.Join(drop, "link.json")); err != nil {
		t.Error("a link was touched")
	}
	if _, err := os.Stat(filepath.Join(drop, "de_20260131T120000Z.npy")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file that was taken is still there")
	}
	page, err := p.client().Diagnoses(t.Context(), bearing.Query{})
	if err != nil || len(page.Diagnoses) != 3 {
		t.Fatalf("%d diagnoses, %v", len(page.Diagnoses), err)
	}
	for _, d := range page.Diagnoses {
		if rms, _ := d.Features.Get("rms"); d.Fault != bearing.InnerRace || rms < 0.2 || rms > 0.4 {
			t.Errorf("%s, rms %g: want inner_race and 0.3 g", d.Fault, rms)
		}
	}
}
