package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"brinell/api/client"
	"brinell/bearing"
	"brinell/dataset"
	"brinell/dataset/excerpts"
	"brinell/models"
	"brinell/models/nn"
	"brinell/models/pretrained"
	"brinell/models/prune"
)

// built is where program put the binary.
var built struct{ dir string }

// program builds the real binary, once.
var program = sync.OnceValues(func() (path string, err error) {
	if built.dir, err = os.MkdirTemp("", "brinell-test"); err != nil {
		return "", err
	}
	path = filepath.Join(built.dir, "brinell")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// process is a running service.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	url string

	mu  sync.Mutex
	log bytes.Buffer
}

var readyLine = regexp.MustCompile(`msg=ready address=(\S+)`)

// start runs "brinell serve" with args and waits until it listens.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return startCommand(t, exec.Command(bin, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...))
}

func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	ready := make(chan string, 1)
	go func() {
		for s := bufio.NewScanner(stderr); s.Scan(); {
			p.mu.Lock()
			p.log.WriteString(s.Text() + "\n")
			p.mu.Unlock()
			if m := readyLine.FindStringSubmatch(s.Text()); m != nil {
				ready <- m[1]
			}
		}
		close(ready)
	}()
	select {
	case url, ok := <-ready:
		if !ok {
			t.Fatalf("the service ended: %s", p.logged())
		}
		p.url = url
	case <-time.After(20 * time.Second):
		t.Fatalf("the service does not come up: %s", p.logged())
	}
	return p
}

func (p *process) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// stop sends a signal and waits for the end.
func (p *process) stop(s os.Signal) error {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
	return p.cmd.Wait()
}

func (p *process) client() *client.Client { return &client.Client{Base: p.url} }

// excerpt returns a recording among the excerpts.
func excerpt(t *testing.T, file string) bearing.Recording {
	t.Helper()
	src, err := dataset.OpenManifestFS(excerpts.FS())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range src.Entries() {
		if e.File == file {
			r, err := src.Read(e)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
	}
	t.Fatalf("no excerpt %s", file)
	return bearing.Recording{}
}

func post(t *testing.T, url, media string, body []byte) (int, bearing.Diagnosis, []byte) {
	t.Helper()
	resp, err := http.Post(url, media, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var d bearing.Diagnosis
	if resp.StatusCode < 300 {
		if err := json.Unmarshal(b, &d); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode, d, b
}

// TestServe posts a window of a fan-end recording in both encodings, kills the
// service, and finds both diagnoses after a restart.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "--data-dir", dir)
	r := excerpt(t, "fan_end_inner_race_278.npy")
	x := r.Samples[:12000]
	asJSON, err := json.Marshal(map[string]any{"start": "2026-01-31T12:00:00Z", "sample_rate_hz": r.SampleRate, "unit": "g", "shaft_speed_rpm": 1796, "bearing": r.Bearing, "samples": x})
	if err != nil {
		t.Fatal(err)
	}
	var raw []byte
	for _, v := range x {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	query := fmt.Sprintf("?start=2026-01-31T12:00:00Z&sample_rate_hz=%v&unit=g&shaft_speed_rpm=1796&bearing=%s", r.SampleRate, r.Bearing)
	status, a, body := post(t, p.url+"/v1/sensors/fan-a/windows", "application/json", asJSON)
	if status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	status, b, body := post(t, p.url+"/v1/sensors/fan-b/windows"+query, "application/octet-stream", raw)
	if status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	if d := cmp.Diff(a, b, cmpopts.IgnoreFields(bearing.Diagnosis{}, "ID", "Sensor", "ReceivedAt")); d != "" {
		t.Errorf("the encodings differ:\n%s", d)
	}
	if a.Fault != bearing.InnerRace {
		t.Errorf("an inner-race fault is called %s", a.Fault)
	}
	// The same again, and a contradiction.
	if status, again, _ := post(t, p.url+"/v1/sensors/fan-a/windows", "application/json", asJSON); status != 200 || !again.Duplicate || again.ReceivedAt != a.ReceivedAt {
		t.Errorf("repeat: %d %+v", status, again)
	}
	if status, _, body := post(t, p.url+"/v1/sensors/fan-a/windows", "application/json", bytes.Replace(asJSON, []byte(`1796`), []byte(`1797`), 1)); status != 409 {
		t.Errorf("contradiction: %d %s", status, body)
	}
	if status, _, body := post(t, p.url+"/v1/sensors/fan-a/windows"+query+"&axis=y", "application/octet-stream", raw[:400]); status != 422 || !strings.Contains(string(body), "1024") {
		t.Errorf("a short window: %d %s", status, body)
	}

	if err := p.stop(syscall.SIGKILL); err == nil {
		t.Error("killed, and yet it ended well")
	}
	p = start(t, "--data-dir", dir)
	page, err := p.client().Diagnoses(t.Context(), bearing.Query{})
	if err != nil {
		t.Fatal(err)
	}
	byID := cmpopts.SortSlices(func(a, b bearing.Diagnosis) bool { return a.ID < b.ID })
	if d := cmp.Diff([]bearing.Diagnosis{a, b}, page.Diagnoses, byID); d != "" {
		t.Errorf("after the kill:\n%s", d)
	}
	// A second one on the same directory says what is wrong.
	bin, _ := program()
	out, err := exec.Command(bin, "serve", "--listen", "127.0.0.1:0", "--data-dir", dir, "--lock-wait", "100ms").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "store_locked") {
		t.Errorf("a second service: %v %s", err, out)
	}
	if out, err := exec.Command(bin, "healthcheck", "--url", p.url+"/readyz").CombinedOutput(); err != nil {
		t.Errorf("healthcheck: %v %s", err, out)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Errorf("stopped: %v\n%s", err, p.logged())
	}
}

// TestGracefulStop: a window on its way when the service is told to stop is
// still diagnosed, stored and answered.
func TestGracefulStop(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "--data-dir", dir)
	body := make([]byte, 8192)
	for i := range 2048 {
		binary.LittleEndian.PutUint32(body[4*i:], math.Float32bits(float32(i%7)))
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/sensors/slow/windows?start=2026-01-31T12:00:00Z&sample_rate_hz=12000&unit=g HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", len(body))
	if _, err := conn.Write(body[:5000]); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // until the handler reads
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(p.logged(), "stopping"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not stop")
		}
	}
	if _, err := conn.Write(body[5000:]); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("the answer: %v %v", resp, err)
	}
	resp.Body.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v\n%s", err, p.logged())
	}
	page, err := start(t, "--data-dir", dir).client().Diagnoses(t.Context(), bearing.Query{Sensor: "slow"})
	if err != nil || len(page.Diagnoses) != 1 {
		t.Errorf("after the restart: %d diagnoses, %v", len(page.Diagnoses), err)
	}
}

// TestServeDemo: diagnoses appear by themselves within seconds, and they are
// right about races that the model has seen other parts of.
func TestServeDemo(t *testing.T) {
	p := start(t, "--data-dir", t.TempDir(), "--demo")
	var page bearing.Page
	for deadline := time.Now().Add(10 * time.Second); len(page.Diagnoses) < 6 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var err error
		if page, err = p.client().Diagnoses(t.Context(), bearing.Query{}); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]bearing.Fault{"demo-normal_97": bearing.Inconclusive, "demo-normal_100": bearing.Inconclusive, // until their baselines have learnt
		"demo-inner_race_105": bearing.InnerRace,
		"demo-outer_race_130": bearing.OuterRace, "demo-ball_222": bearing.Ball, "demo-fan_end_inner_race_278": bearing.InnerRace}
	for _, d := range page.Diagnoses {
		if want[d.Sensor] != d.Fault {
			t.Errorf("%s is called %s", d.Sensor, d.Fault)
		}
	}
	if len(page.Diagnoses) < 6 {
		t.Errorf("%d diagnoses after ten seconds\n%s", len(page.Diagnoses), p.logged())
	}
	resp, err := http.Get(p.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	for _, want := range []string{"brinell_diagnoses_total{fault=\"ball\"}", "brinell_stage_duration_seconds_count{stage=\"store\"}", "brinell_model_info{", "go_goroutines"} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

// TestDemoIsUnseen: the demo shows nothing that the embedded model was trained
// on, by the model's own list.
func TestDemoIsUnseen(t *testing.T) {
	m, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	src, err := dataset.OpenManifestFS(excerpts.FS())
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, s := range m.Training.Seen {
		seen[s.Recording] = true
	}
	for _, e := range src.Entries() {
		r, err := src.Read(e)
		if err != nil {
			t.Fatal(err)
		}
		origin, ok := e.OriginOf(dataset.Part{Rec: &r, To: len(r.Samples)})
		if !ok {
			t.Errorf("%s does not say where it is from", e.File)
			continue
		}
		if err := m.LeakError(origin.Recording, origin.From, origin.To); err != nil {
			t.Error(err)
		}
		// The test means something only if the names are those of the list. A model that
		// was trained on simulation alone has seen no recording.
		if m.Training.Corpus != "simulation" && !seen[origin.Recording] {
			t.Errorf("%s: %s is not a recording of the training list", e.File, origin.Recording)
		}
	}
}

// TestDefaultModel holds the embedded model to what its card says of its kind.
func TestDefaultModel(t *testing.T) {
	m, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, l := range m.Labels {
		labels = append(labels, l.Name)
	}
	if d := cmp.Diff([]string{"normal", "inner_race", "outer_race", "ball"}, labels); d != "" {
		t.Error(d)
	}
	if _, total := m.Counts(); m.Training.Slimming == nil || total.Params*5 > m.Training.Slimming.Original.Params {
		t.Error("the default is not slimmed by four fifths")
	}
	if !strings.Contains(pretrained.Card, m.Digest) {
		t.Error("the card is of another model: it lacks the digest")
	}
}

// TestReload: SIGHUP swaps in a changed model file, and keeps the old model if
// the new file is broken.
func TestReload(t *testing.T) {
	m, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "model.safetensors")
	save := func(m *models.Model, version string) {
		t.Helper()
		m.Version = version
		if err := m.Save(file); err != nil {
			t.Fatal(err)
		}
	}
	save(m, "1")
	p := start(t, "--data-dir", t.TempDir(), "--model", file)
	r := excerpt(t, "ball_222.npy")
	n := 0
	versionNow := func() string {
		t.Helper()
		n++
		d, err := p.client().PostWindow(t.Context(), &bearing.Window{Sensor: "s", Start: time.Unix(1769860800+int64(n), 0), SampleRate: r.SampleRate, Samples: r.Samples[:2048]})
		if err != nil {
			t.Fatal(err)
		}
		return d.Model.Version
	}
	hup := func(logged string) {
		t.Helper()
		before := strings.Count(p.logged(), logged)
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(5 * time.Second); strings.Count(p.logged(), logged) == before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("no %q in the log:\n%s", logged, p.logged())
			}
		}
	}
	if v := versionNow(); v != "1" {
		t.Errorf("version %s", v)
	}
	save(m, "2")
	hup("model swapped")
	if v := versionNow(); v != "2" {
		t.Errorf("version %s after the swap", v)
	}
	// A pruned one with sparse layers is a model like any other.
	prune.Weights(m.Network(), 0.8, 8, nil).Apply(m.Network())
	m.SetNetwork(prune.Declare(m.Network(), func(nn.Path, *nn.Param) int { return 8 }))
	if err := m.SetGolden(m.GoldenWindows()); err != nil {
		t.Fatal(err)
	}
	save(m, "3")
	hup("model swapped")
	if v := versionNow(); v != "3" {
		t.Errorf("version %s after the swap to a pruned model", v)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(good)
	damaged[len(damaged)-100] ^= 1
	m.Licence = ""
	bare, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for reason, b := range map[string][]byte{
		"are no safetensors file": []byte("broken"),
		"damaged or edited":       damaged,
		"not enough of itself":    bare,
		"match its checksum":      bytes.Replace(good, []byte("outer_race"), []byte("inner_rac2"), 1),
	} {
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
		hup("the model was not swapped")
		if !strings.Contains(p.logged(), reason) {
			t.Errorf("the log does not say %q:\n%s", reason, p.logged())
		}
		if v := versionNow(); v != "3" {
			t.Errorf("version %s after a broken file", v)
		}
	}
}

// TestDeleteWindows: over HTTP too a sensor is removed with all that it sent, registered or not,
// and only where that is asked for.
func TestDeleteWindows(t *testing.T) {
	p := start(t, "--data-dir", t.TempDir())
	w := bearing.Window{Sensor: "pump", Start: time.Now(), SampleRate: 12000, Unit: bearing.G, Samples: make([]float32, 2048)}
	if _, err := p.client().PostWindow(t.Context(), &w); err != nil {
		t.Fatal(err)
	}
	stored := func() int {
		page, err := p.client().Diagnoses(t.Context(), bearing.Query{Sensor: "pump"})
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Diagnoses)
	}
	for _, c := range []struct {
		query        string
		status, left int
	}{{"", 404, 1}, {"?windows=keep", 404, 1}, {"?windows=all", 422, 1}, {"?window=delete", 422, 1}, {"?windows=delete", 204, 0}, {"?windows=delete", 404, 0}} {
		if status, _ := call(t, "DELETE", p.url+"/v1/sensors/pump"+c.query, "", nil); status != c.status || stored() != c.left {
			t.Errorf("%q: %d, %d are left; want %d, %d", c.query, status, stored(), c.status, c.left)
		}
	}
	if status, _ := call(t, "DELETE", p.url+"/v1/machines/m?windows=delete", "", nil); status != 422 {
		t.Errorf("of a machine: %d", status)
	}
}
