package client_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"brinell/api/client"
	"brinell/bearing"
)

// fenced returns the blocks of a language in a document.
func fenced(doc, language string) (blocks []string) {
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(doc, -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// outside makes the module that the README describes, beside a checkout, and returns a
// function that runs commands in it. Nothing is downloaded.
func outside(t *testing.T, readme, address string) (dir string, run func(args ...string) string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	run = func(args ...string) string {
		t.Helper()
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	var steps []string
	for _, block := range fenced(readme, "sh") {
		if strings.Contains(block, "go mod init") {
			steps = strings.Split(strings.TrimSpace(block), "\n")
		}
	}
	if len(steps) != 2 {
		t.Fatalf("the README makes a module by %q", steps)
	}
	for _, step := range steps {
		run(strings.Fields(strings.ReplaceAll(step, "../brinell", root))...)
	}
	programs := fenced(readme, "go")
	if len(programs) != 1 || strings.Count(programs[0], "127.0.0.1:8080") != 1 {
		t.Fatalf("the README has %d programs in Go", len(programs))
	}
	source := strings.ReplaceAll(programs[0], "http://127.0.0.1:8080", address)
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, run
}

// TestReadme: the README's program in Go builds in a module of its own, which needs this one
// and the standard library alone; it posts, lists, and follows over a restart of the service.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	key := adminKey(t, data)
	serving := []string{"--listen", freeAddress(t), "--data-dir", data}
	s := serve(t, serving...)
	dir, run := outside(t, string(readme), s.url)
	if out := run("gofmt", "-l", "."); out != "" {
		t.Errorf("not formatted: %s", out)
	}
	run("go", "vet", ".")
	run("go", "build", "-o", "plant", ".")
	for path := range strings.FieldsSeq(run("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")) {
		switch path {
		case "example.org/plant", "brinell/api/client", "brinell/bearing", "brinell/internal/clamp":
		default:
			t.Errorf("the program draws in %s", path)
		}
	}

	c := &client.Client{Base: s.url, Key: key}
	sensor := bearing.Sensor{Name: "press-1-de", SampleRate: 12000, Unit: bearing.G, Bearing: "6205-2RS", SpeedRPM: 1797}
	if _, _, err := c.PutSensor(t.Context(), sensor, client.Any); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		w := bearing.Window{Sensor: sensor.Name, Start: begin.Add(time.Duration(i) * time.Second), SampleRate: 12000, Samples: damaged(t)}
		if _, err := c.PostWindow(t.Context(), &w); err != nil {
			t.Fatal(err)
		}
	}
	program := exec.Command(filepath.Join(dir, "plant"))
	program.Env = append(os.Environ(), "BRINELL_KEY="+key)
	program.Stderr = os.Stderr
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 100)
	go func() {
		defer close(said)
		for in := bufio.NewScanner(out); in.Scan(); {
			said <- in.Text()
		}
	}()
	defer func() {
		_ = program.Process.Kill()
		for range said { // until its output ends
		}
		_ = program.Wait()
	}()
	// wants waits for the next line.
	wants := func(pattern string) string {
		t.Helper()
		select {
		case line, ok := <-said:
			if !ok || !regexp.MustCompile(pattern).MatchString(line) {
				t.Fatalf("it says %q, want %s", line, pattern)
			}
			return line
		case <-time.After(30 * time.Second):
			t.Fatalf("it never says %s", pattern)
		}
		return ""
	}
	wants(`^posted [a-z0-9]{26} .*flat`)
	wants(`^stored .*`) // the flat one names no fault
	for range 3 {
		wants(`^stored 2026-01-31 12:00:0[0-2] \+0000 UTC inner_race$`)
	}
	wants(`^alarm \d+-\d+ press-1-de active `)
	s.stop()
	serve(t, serving...)
	page, err := c.Alarms(t.Context(), bearing.AlarmQuery{Open: true})
	if err != nil || len(page.Alarms) != 1 {
		t.Fatalf("%+v %v", page, err)
	}
	if _, _, err := c.AcknowledgeAlarm(t.Context(), page.Alarms[0].ID, "", "bearing ordered", client.Any); err != nil {
		t.Fatal(err)
	}
	wants(`^alarm \d+-\d+ press-1-de acknowledged `)
}
