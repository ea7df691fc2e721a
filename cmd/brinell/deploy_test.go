package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
)

// tool finds a program of Prometheus. Where BRINELL_REQUIRE_PROMETHEUS is set it must be
// there.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("BRINELL_REQUIRE_PROMETHEUS") != "" {
		t.Fatal(err)
	}
	t.Skipf("%s is not installed (Debian: apt-get install prometheus)", name)
	return ""
}

// TestRules runs the unit tests of the alert rules.
func TestRules(t *testing.T) {
	promtool := tool(t, "promtool")
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"check", "rules", "rules.yml"}, {"test", "rules", "rules_test.yml"}} {
		cmd := exec.Command(promtool, args...)
		cmd.Dir = "../../deploy"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	// Every alert has a test in which it is silent and one in which it is not.
	rules, err := os.ReadFile("../../deploy/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("../../deploy/rules_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllSubmatch(rules, -1) {
		if silent, fires := bytes.Count(tests, []byte("alertname: "+string(m[1])+"}")), bytes.Count(tests, []byte("alertname: "+string(m[1])+"\n")); silent == 0 || fires == 0 {
			t.Errorf("%s is tested %d times silent and %d times firing", m[1], silent, fires)
		}
	}
}

// prom is a Prometheus that scrapes a service every second, with the rules of deploy/.
type prom struct{ url string }

func startPrometheus(t *testing.T, target string) prom {
	t.Helper()
	bin := tool(t, "prometheus")
	dir := t.TempDir()
	config, err := os.ReadFile("../../deploy/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := filepath.Abs("../../deploy/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("127.0.0.1:8080", strings.TrimPrefix(target, "http://"), "15s", "1s", "- rules.yml", "- "+rules).Replace(string(config))
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	var log bytes.Buffer
	cmd := exec.Command(bin, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus:\n%s", log.String())
		}
	})
	return prom{"http://" + addr}
}

// query returns how many samples a query has that are numbers.
func (p prom) query(expr string) (int, error) {
	resp, err := http.Get(p.url + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return 0, err
	}
	if answer.Status != "success" {
		return 0, fmt.Errorf("%s: %s", answer.Status, answer.Error)
	}
	n := 0
	for _, r := range answer.Data.Result {
		s, _ := r.Value[1].(string)
		if v, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(v) {
			n++
		}
	}
	return n, nil
}

// alertNames waits for an alert of an alarm of the demo: it says which sensor and fault, and its
// link leads to that alarm.
func (p prom) alertNames(t *testing.T) {
	t.Helper()
	var answer struct {
		Data struct {
			Alerts []struct{ Labels, Annotations map[string]string }
		}
	}
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		if status, _ := call(t, "GET", p.url+"/api/v1/alerts", "", &answer); status != 200 {
			continue
		}
		for _, a := range answer.Data.Alerts {
			if a.Labels["alertname"] != "BrinellAlarm" {
				continue
			}
			var alarm bearing.Alarm
			status, _ := call(t, "GET", a.Annotations["link"], "", &alarm)
			want := "sensor " + alarm.Sensor + ": " + strings.ReplaceAll(string(alarm.Fault), "_", " ")
			if status != 200 || alarm.Fault == "" || !strings.HasPrefix(a.Annotations["summary"], want) {
				t.Errorf("%v leads to %d %+v", a.Annotations, status, alarm)
			}
			return
		}
	}
	t.Errorf("no alert of an alarm: %+v", answer)
}

// TestDashboard scrapes a service fed with sensors by a real Prometheus and asks it every
// query of the dashboard and everything that the rules rest on: each has data.
func TestDashboard(t *testing.T) {
	tool(t, "prometheus")
	p := start(t, "--data-dir", t.TempDir(), "--demo")
	if status, _, body := post(t, p.url+"/v1/sensors/a/windows", "application/json", []byte("{}")); status != 422 {
		t.Fatalf("%d %s", status, body)
	}
	prometheus := startPrometheus(t, p.url)

	text, err := os.ReadFile("../../deploy/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Templating struct {
			List []struct {
				Name  string
				Query any
			}
		}
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	wanted := make(map[string]string) // queries and what they are for
	known := map[string]string{"$__rate_interval": "8s", "$job": "brinell", "$instance": ".*", "$sensor": ".*"}
	fill := func(expr string) string {
		for name, value := range known {
			expr = strings.ReplaceAll(expr, name, value)
		}
		if strings.Contains(expr, "$") {
			t.Errorf("%s has a variable that nobody sets", expr)
		}
		return expr
	}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			wanted[fill(target.Expr)] = "panel " + panel.Title
		}
		if len(panel.Targets) == 0 && panel.Type != "row" {
			t.Errorf("panel %s shows nothing", panel.Title)
		}
	}
	for _, v := range dashboard.Templating.List {
		if q, ok := v.Query.(map[string]any); ok {
			m := regexp.MustCompile(`^label_values\((.*), \w+\)$`).FindStringSubmatch(q["query"].(string))
			if m == nil {
				t.Errorf("variable %s: %v", v.Name, q)
				continue
			}
			wanted[fill(m[1])] = "variable " + v.Name
		}
	}
	rules, err := os.ReadFile("../../deploy/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	rules = regexp.MustCompile(`(?m)^ *(summary|description): .*$`).ReplaceAll(rules, nil)
	for _, name := range regexp.MustCompile(`\b(brinell[a-z]*_[a-z_]+|brinell:[a-z0-9_:]+|process_[a-z_]+)\b`).FindAllString(string(rules), -1) {
		wanted[name] = "rules"
	}
	if len(wanted) < 40 {
		t.Errorf("only %d queries", len(wanted))
	}
	var last error
	for deadline := time.Now().Add(60 * time.Second); len(wanted) > 0 && time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		for expr := range wanted {
			n, err := prometheus.query(expr)
			if err != nil {
				last = fmt.Errorf("%s: %w", expr, err)
			}
			if n > 0 {
				delete(wanted, expr)
			}
		}
	}
	for expr, what := range wanted {
		t.Errorf("%s: no data for %s (%v)", what, expr, last)
	}
	prometheus.alertNames(t)
	resp, err := http.Get(prometheus.url + "/api/v1/rules")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); bytes.Contains(b, []byte(`"health":"err"`)) || !bytes.Contains(b, []byte("BrinellAlarm")) {
		t.Errorf("rules: %s", b)
	}
}

// TestMetricsPage compares docs/metrics.md with what the service shows, both ways.
func TestMetricsPage(t *testing.T) {
	p := start(t, "--data-dir", t.TempDir(), "--demo")
	var shown []string
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		shown = shown[:0]
		text := string(fetch(t, p.url+"/metrics", 200))
		for _, m := range regexp.MustCompile(`(?m)^# TYPE (brinell_\w+) (\w+)$`).FindAllStringSubmatch(text, -1) {
			shown = append(shown, m[1]+" "+m[2])
		}
		if strings.Contains(text, "\nbrinell_sensor_windows_total{") && strings.Contains(text, "\nbrinell_alarm_info{") || time.Now().After(deadline) {
			break
		}
	}
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(brinell_\\w+)` \\| (\\w+) \\|").FindAllSubmatch(page, -1) {
		listed = append(listed, string(m[1])+" "+string(m[2]))
	}
	slices.Sort(listed)
	slices.Sort(shown)
	if !slices.Equal(listed, shown) {
		t.Errorf("docs/metrics.md lists\n%s\n, /metrics shows\n%s", strings.Join(listed, "\n"), strings.Join(shown, "\n"))
	}
}
