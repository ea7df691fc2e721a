package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// settingNames are the variables that serve takes.
func settingNames() (names []string) {
	flags := new(pflag.FlagSet)
	new(serveConfig).flags(flags)
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, envName(f.Name)) })
	return names
}

// takes fails the test unless the program has the command with all its flags.
func takes(t *testing.T, what string, args ...string) {
	t.Helper()
	cmd, rest, err := newRoot().Find(args)
	if err == nil && !cmd.Runnable() {
		err = fmt.Errorf("it does nothing by itself")
	}
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err != nil {
		t.Errorf("%s: brinell %s: %v", what, strings.Join(args, " "), err)
	}
}

// newerKeys are those of the unit that older versions of systemd do not know, and go on.
var newerKeys = regexp.MustCompile(`Unknown key (name )?'(RestartSteps|RestartMaxDelaySec)'`) // 254

// complaints returns what systemd-analyze verify says of units in which a program that is
// there stands for brinell.
func complaints(t *testing.T, analyze string, edit func(string) string) (service string, lines []string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"brinell.service", "brinell.socket"} {
		b, err := os.ReadFile(filepath.Join("../../deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(edit(string(b)), "/usr/local/bin/brinell", program)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	service = filepath.Join(dir, "brinell.service")
	out, err := exec.Command(analyze, "verify", "--man=no", service, filepath.Join(dir, "brinell.socket")).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "brinell") && !newerKeys.MatchString(line) && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if err != nil {
		lines = append(lines, fmt.Sprintf("%v: %s", err, out))
	}
	return service, lines
}

// mostExposed is the exposure level that the unit may have at most, in tenths: systemd
// calls up to 1.9 well protected, and most services have above 9.
const mostExposed = "15"

// TestUnits has systemd verify the units, and grade how much the service could do.
func TestUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed (Debian: apt-get install systemd)")
	}
	service, wrong := complaints(t, analyze, func(s string) string { return s })
	for _, line := range wrong {
		t.Error(line)
	}
	if _, wrong := complaints(t, analyze, func(s string) string { return strings.Replace(s, "ProtectHome=", "ProtectHouse=", 1) }); len(wrong) == 0 {
		t.Error("a key that there is none of was not noticed: the test shows nothing")
	}
	grade := func(file string) (string, error) {
		out, err := exec.Command(analyze, "security", "--offline=true", "--threshold="+mostExposed, "--no-pager", file).CombinedOutput()
		return string(out), err
	}
	if out, err := exec.Command(analyze, "security", "--help").CombinedOutput(); err != nil || !strings.Contains(string(out), "--offline") {
		t.Skip("this systemd-analyze has no security --offline (since 250)")
	}
	if out, err := grade(service); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	open, _ := complaints(t, analyze, func(s string) string {
		return regexp.MustCompile(`(?m)^(ProtectSystem|SystemCallFilter|CapabilityBoundingSet|PrivateUsers)=.*$`).ReplaceAllString(s, "")
	})
	if out, err := grade(open); err == nil {
		t.Errorf("a unit without protection is graded alike: %s", out)
	}
}

// TestUnitRuns: the commands and settings in the unit are those of the program.
func TestUnitRuns(t *testing.T) {
	b, err := os.ReadFile("../../deploy/brinell.service")
	if err != nil {
		t.Fatal(err)
	}
	runs := regexp.MustCompile(`(?m)^(?:ExecStart=/usr/local/bin/|# )brinell (.*)$`).FindAllSubmatch(b, -1)
	if len(runs) < 2 {
		t.Errorf("%d commands", len(runs))
	}
	for _, m := range runs {
		takes(t, "brinell.service", strings.Fields(string(m[1]))...)
	}
	names := settingNames()
	for _, m := range regexp.MustCompile(`BRINELL_\w+`).FindAll(b, -1) {
		if !slices.Contains(names, string(m)) {
			t.Errorf("%s is no setting of serve", m)
		}
	}
}

// image is what the Dockerfile says that others rely on.
type image struct {
	user, volume, port string
	env                map[string]string
	runs               [][]string // commands of the program
}

func readImage(t *testing.T) (i image) {
	t.Helper()
	b, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	find := func(pattern string) string {
		m := regexp.MustCompile(`(?m)^` + pattern + `$`).FindSubmatch(b)
		if m == nil {
			t.Fatalf("the Dockerfile has no %s", pattern)
		}
		return string(m[1])
	}
	i = image{user: find(`USER (\S+)`), volume: find(`VOLUME (\S+)`), port: find(`EXPOSE (\d+)`), env: make(map[string]string)}
	for _, pair := range strings.Fields(find(`ENV (.*)`)) {
		name, value, _ := strings.Cut(pair, "=")
		i.env[name] = value
	}
	if find(`ENTRYPOINT \["/(\w+)"\]`) != "brinell" {
		t.Error("the image does not run brinell")
	}
	for _, list := range []string{find(`CMD \[(.*)\]`), find(`HEALTHCHECK .* CMD \["/brinell", (.*)\]`)} {
		i.runs = append(i.runs, strings.Fields(strings.NewReplacer(`"`, "", ",", " ").Replace(list)))
	}
	return i
}

// TestCompose: commands, settings, ports, volumes and user of the compose file fit the
// image and the program, and the files that it mounts are there.
func TestCompose(t *testing.T) {
	text, err := os.ReadFile("../../deploy/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Build, Image, User string
			ReadOnly           bool `yaml:"read_only"`
			Command            []string
			Environment        map[string]string
			Volumes, Ports     []string
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	i := readImage(t)
	for _, run := range i.runs {
		takes(t, "Dockerfile", run...)
	}
	for _, m := range regexp.MustCompile(`(?m)^#\s+docker compose run --rm brinell (.*)$`).FindAllSubmatch(text, -1) {
		takes(t, "compose.yaml", strings.Fields(string(m[1]))...)
	}
	for name, s := range file.Services {
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, named := file.Volumes[from]; named {
				continue
			}
			if _, err := os.Stat(filepath.Join("../../deploy", from)); err != nil || !strings.HasPrefix(from, "./") {
				t.Errorf("%s mounts %s, which is neither a volume nor a file: %v", name, from, err)
			}
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s publishes %s to all who reach the machine", name, p)
			}
		}
		if s.Build == "" && !regexp.MustCompile(`:v?\d+\.\d+\.\d+$`).MatchString(s.Image) {
			t.Errorf("%s runs %q, which is no pinned version", name, s.Image)
		}
	}
	s, ok := file.Services["brinell"]
	if !ok {
		t.Fatal("there is no service brinell")
	}
	if _, err := os.Stat(filepath.Join("../../deploy", s.Build, "Dockerfile")); err != nil {
		t.Error(err)
	}
	if s.User != "" && s.User != i.user {
		t.Errorf("it runs as %s, the data are those of %s", s.User, i.user)
	}
	if len(s.Command) > 0 {
		takes(t, "compose.yaml", s.Command...)
	}
	if !s.ReadOnly || i.env["BRINELL_DATA_DIR"] != i.volume || !slices.Contains(s.Volumes, "brinell:"+i.volume) {
		t.Errorf("the data lie in %s, the volume of the image is %s, mounted are %v", i.env["BRINELL_DATA_DIR"], i.volume, s.Volumes)
	}
	if !strings.HasSuffix(i.env["BRINELL_LISTEN"], ":"+i.port) || len(s.Ports) != 1 || !strings.HasSuffix(s.Ports[0], ":"+i.port) {
		t.Errorf("it listens on %s, the image exposes %s, published is %v", i.env["BRINELL_LISTEN"], i.port, s.Ports)
	}
	names := settingNames()
	for _, env := range []map[string]string{s.Environment, i.env} {
		for name := range env {
			if strings.HasPrefix(name, "BRINELL_") && !slices.Contains(names, name) {
				t.Errorf("%s is no setting of serve", name)
			}
		}
	}
	scrape, err := os.ReadFile("../../deploy/grafana/prometheus-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(s.Environment["BRINELL_METRICS_LISTEN"], ":")
	if !strings.Contains(string(scrape), `"brinell:`+port+`"`) {
		t.Errorf("metrics are at port %s, and Prometheus asks\n%s", port, scrape)
	}
}
