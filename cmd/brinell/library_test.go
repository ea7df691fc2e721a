package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/models"
	"brinell/models/nn"
	"brinell/models/pretrained"
	"brinell/models/prune"
)

// variant is the default model with most of its weights gone: another one that runs.
func variant(t *testing.T) *models.Model {
	t.Helper()
	m, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	prune.Weights(m.Network(), 0.8, 8, nil).Apply(m.Network())
	m.SetNetwork(prune.Declare(m.Network(), func(nn.Path, *nn.Param) int { return 8 }))
	if err := m.SetGolden(m.GoldenWindows()); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestModels is the way of a model: refused without a card or with a flipped bit, kept,
// promoted, found again after a kill, fetched back, rolled back, replayed by its own
// diagnoses, and deleted.
func TestModels(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "--data-dir", dir)
	m := variant(t)
	file, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(file)
	flipped[len(flipped)-100] ^= 1
	licence := m.Licence
	m.Licence = ""
	bare, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	m.Licence = licence
	for name, c := range map[string]struct {
		body   []byte
		status int
		code   string
	}{"nothing": {nil, 400, "body_empty"}, "words": {[]byte("a model"), 422, "model_rejected"}, "flipped": {flipped, 422, "model_rejected"}, "bare": {bare, 422, "model_without_card"}} {
		status, _, body := post(t, p.url+"/v1/models", "application/octet-stream", c.body)
		if status != c.status || !bytes.Contains(body, []byte(`"`+c.code+`"`)) {
			t.Errorf("%s: %d %s, want %d %s", name, status, body, c.status, c.code)
		}
	}
	var problem refusal
	if status, _ := call(t, "POST", p.url+"/v1/models/rollback", "", &problem); status != 409 || problem.Code != "nothing_before" {
		t.Errorf("back from nothing: %d %+v", status, problem)
	}
	if status, _ := call(t, "POST", p.url+"/v1/models/"+m.Digest+"/promote", "", &problem); status != 404 || problem.Code != "model_not_found" {
		t.Errorf("promote what is not there: %d %+v", status, problem)
	}
	for want := 201; want >= 200; want-- { // twice is once
		if status, _, body := post(t, p.url+"/v1/models", "application/octet-stream", file); status != want {
			t.Fatalf("%d %s, want %d", status, body, want)
		}
	}
	n := 0
	var last bearing.Diagnosis
	judgedBy := func() string {
		t.Helper()
		n++
		status, d, body := post(t, fmt.Sprintf("%s/v1/sensors/s/windows?unit=g&sample_rate_hz=12000&shaft_speed_rpm=1797&bearing=6205-2RS&start=%s", p.url, time.Unix(1769860800+int64(n), 0).UTC().Format(time.RFC3339)), "application/octet-stream", raw(excerpt(t, "inner_race_105.npy").Samples[:12000]))
		if status != 201 {
			t.Fatalf("%d %s", status, body)
		}
		last = d
		return d.Model.Digest
	}
	embedded := judgedBy()
	if embedded == m.Digest {
		t.Fatal("the variant is the default")
	}
	// One sensor may try it before all do.
	if status, _ := call(t, "PUT", p.url+"/v1/sensors/s", `{"model":"gone"}`, &problem); status != 422 || problem.Code != "model_unknown" {
		t.Errorf("a sensor with a model that is not there: %d %+v", status, problem)
	}
	if status, _ := call(t, "PUT", p.url+"/v1/sensors/s", `{"model":"`+m.Digest+`"}`, nil); status != 201 {
		t.Error(status)
	}
	if d := judgedBy(); d != m.Digest {
		t.Errorf("a sensor with a model of its own is judged by %s", d)
	}
	if status, _ := call(t, "DELETE", p.url+"/v1/sensors/s", "", nil); status != 204 {
		t.Error(status)
	}
	if d := judgedBy(); d != embedded {
		t.Errorf("without it, it is judged by %s", d)
	}
	_, none := call(t, "GET", p.url+"/v1/models", "", nil)
	if status, _ := call(t, "POST", p.url+"/v1/models/"+m.Digest+"/promote", "", &problem, "If-Match", `"99"`); status != 412 || problem.Code != "version_mismatch" {
		t.Errorf("promote under another ETag: %d %+v", status, problem)
	}
	var info bearing.ModelInfo
	status, first := call(t, "POST", p.url+"/v1/models/"+m.Digest+"/promote", "", &info, "If-Match", none)
	if _, now := call(t, "GET", p.url+"/v1/models", "", nil); first == none || now != first {
		t.Errorf("ETag %s, then %s of the promotion, %s of the list", none, first, now)
	}
	for _, path := range []string{"/v1/models/rollback", "/v1/models/" + m.Digest + "/promote"} {
		if status, _ := call(t, "POST", p.url+path, "", &problem, "If-Match", none); status != 412 || problem.Code != "version_mismatch" {
			t.Errorf("%s late: %d %+v", path, status, problem)
		}
	}
	if status != 200 || !info.Active || info.Source != bearing.ModelStored || info.Digest != m.Digest {
		t.Errorf("promoted: %d %+v", status, info)
	}
	if d := judgedBy(); d != m.Digest {
		t.Errorf("judged by %s", d)
	}
	_ = p.stop(syscall.SIGKILL)
	p = start(t, "--data-dir", dir)
	if d := judgedBy(); d != m.Digest {
		t.Errorf("judged by %s after a kill", d)
	}
	var list bearing.ModelList
	if call(t, "GET", p.url+"/v1/models", "", &list); len(list.Models) != 2 || list.Models[0].Active || !list.Models[1].Active || list.Models[1].Card.Licence == "" || len(list.Changes) != 2 || list.Changes[1].Digest != embedded {
		t.Errorf("%+v", list)
	}
	if status, _ := call(t, "GET", p.url+"/v1/models/"+m.Digest, "", &info); status != 200 || info.Bytes != len(file) {
		t.Errorf("%d %+v", status, info)
	}
	if b := fetch(t, p.url+"/v1/models/"+m.Digest+"/file", 200); !bytes.Equal(b, file) {
		t.Errorf("%d bytes came back, %d were sent", len(b), len(file))
	}
	if b := fetch(t, p.url+"/v1/models/"+embedded+"/file", 200); len(b) < 1000 {
		t.Errorf("the embedded model has %d bytes", len(b))
	}
	if status, _ := call(t, "DELETE", p.url+"/v1/models/"+m.Digest, "", &problem); status != 409 || problem.Code != "model_active" {
		t.Errorf("delete the active one: %d %+v", status, problem)
	}
	byVariant := last
	if status, _ := call(t, "POST", p.url+"/v1/models/rollback", "", &info); status != 200 || info.Digest != embedded || info.Source != bearing.ModelEmbedded {
		t.Errorf("rolled back: %d %+v", status, info)
	}
	if d := judgedBy(); d != embedded {
		t.Errorf("judged by %s after the way back", d)
	}
	if status, _ := call(t, "POST", p.url+"/v1/models/rollback", "", &problem); status != 409 || problem.Code != "nothing_before" {
		t.Errorf("back again: %d %+v", status, problem)
	}
	replay := func(id string, want ...string) {
		t.Helper()
		bin, err := program()
		if err != nil {
			t.Fatal(err)
		}
		out, _ := exec.Command(bin, "replay", id, "--data-dir", dir).CombinedOutput()
		for _, w := range want {
			if !strings.Contains(string(out), w) {
				t.Errorf("replay without %q:\n%s", w, out)
			}
		}
	}
	replay(last.ID, "the same diagnosis", embedded[:12]+"), embedded")
	replay(byVariant.ID, "the same diagnosis", m.Digest[:12]+"), stored")
	if status, _ := call(t, "PUT", p.url+"/v1/sensors/s", `{"model":"`+m.Digest+`"}`, nil); status != 201 {
		t.Error(status)
	}
	if d := judgedBy(); d != m.Digest {
		t.Errorf("a sensor with a model of its own is judged by %s", d)
	}
	if status, _ := call(t, "DELETE", p.url+"/v1/models/"+m.Digest, "", nil); status != 204 {
		t.Errorf("delete: %d", status)
	}
	if d := judgedBy(); d != embedded {
		t.Errorf("a sensor whose model was deleted is judged by %s", d)
	}
	replay(byVariant.ID, "/model/digest", m.Digest[:12]+"), which is neither embedded nor stored here", embedded[:12]+"), embedded")
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	// A file that is stated goes before.
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	nameless := filepath.Join(t.TempDir(), "bare.safetensors")
	if err := os.WriteFile(nameless, bare, 0o600); err != nil {
		t.Fatal(err)
	}
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, bin, "serve", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir(), "--model", nameless).CombinedOutput(); err == nil || !strings.Contains(string(out), "says not enough of itself") {
		t.Errorf("serve a model without a card: %v\n%s", err, out)
	}
	p = start(t, "--data-dir", dir, "--model", path)
	if status, _ := call(t, "POST", p.url+"/v1/models/"+embedded+"/promote", "", &problem); status != 409 || problem.Code != "model_pinned" {
		t.Errorf("with --model: %d %+v", status, problem)
	}
	if strings.Contains(p.logged(), "level=ERROR") {
		t.Error(p.logged())
	}
}
