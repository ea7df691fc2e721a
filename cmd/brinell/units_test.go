package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"brinell/internal/service"
	"brinell/internal/settings"
)

// settingNames are the variables that serve takes.
func settingNames() (names []string) {
	flags := new(pflag.FlagSet)
	new(service.Config).Flags(flags)
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, settings.EnvName(f.Name)) })
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
		text := strings.ReplaceAll(edit(string(b)), "/usr/bin/brinell", program)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	service = filepath.Join(dir, "brinell.service")
	out, err := exec.Command(analyze, "verify", "--man=no", service, filepath.Join(dir, "brinell.socket")).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "brinell") && !slices.Contains(lines, line) {
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
	for _, planted := range []string{"ProtectHouse=yes", "RestartEver=5"} {
		edit := func(s string) string { return strings.Replace(s, "[Service]\n", "[Service]\n"+planted+"\n", 1) }
		if _, wrong := complaints(t, analyze, edit); len(wrong) == 0 {
			t.Errorf("%s was not noticed: the test shows nothing", planted)
		}
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
	runs := regexp.MustCompile(`(?m)^(?:ExecStart=/usr/bin/|# )brinell (.*)$`).FindAllSubmatch(b, -1)
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

// since253 are settings that systemd has learnt after 252, which Debian 12 and the
// derivatives of Red Hat 9 have: there they are unknown keys, and what they say does not hold.
// systemd-analyze of a newer systemd would not notice. Reference: NEWS of systemd.
var since253 = regexp.MustCompile(`(?m)^(RestartSteps|RestartMaxDelaySec|RestartMode|OpenFile|DelegateSubgroup|MemoryKSM|` +
	`RootEphemeral|SurviveFinalKillSignal|MemoryZSwapWriteback|PrivatePIDs|PassFileDescriptorsToExec|` +
	`PollLimit\w+|ImportCredential|SetLoginEnvironment)=`)

// TestUnitIsOldEnough: no setting of the units is younger than systemd 252.
func TestUnitIsOldEnough(t *testing.T) {
	for _, name := range []string{"brinell.service", "brinell.socket"} {
		b, err := os.ReadFile(filepath.Join("../../deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		if young := since253.FindAllString(string(b), -1); len(young) > 0 {
			t.Errorf("%s: systemd 252 does not know %q", name, young)
		}
	}
}

// unitValue returns the one value of a setting of the service's unit, or of a variable.
func unitValue(t *testing.T, key string) string {
	t.Helper()
	b, err := os.ReadFile("../../deploy/brinell.service")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(key)+`=(.*)$`).FindAllSubmatch(b, -1)
	if len(m) != 1 {
		t.Fatalf("the unit has %d lines %s=, want 1", len(m), key)
	}
	return string(m[0][1])
}

// TestUnitKeys: README and the unit say that a new key holds within a second. So the service
// reads the file that root changes, and no copy of it that systemd made at the start; and it
// may read it, for the user that it runs as stays while the service does not run.
func TestUnitKeys(t *testing.T) {
	b, err := os.ReadFile("../../deploy/brinell.service")
	if err != nil {
		t.Fatal(err)
	}
	if copied := regexp.MustCompile(`(?m)^(LoadCredential\w*|SetCredential\w*|DynamicUser)=`).FindString(string(b)); copied != "" {
		t.Errorf("%s: keys are what they were at the start, or nobody's", copied)
	}
	file := unitValue(t, "Environment=BRINELL_KEYS")
	if m := regexp.MustCompile(`(?m)^# brinell keys create --keys (\S+) `).FindSubmatch(b); m == nil || string(m[1]) != file {
		t.Errorf("keys are made in %q, and read from %s", m, file)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"the unit": string(b), "README": string(readme)} {
		if !strings.Contains(text, "within a second") {
			t.Errorf("%s does not say when a key holds", what)
		}
	}
	if regexp.MustCompile(`(?s)keys create --keys [^\n]*\n# systemctl restart`).Match(b) {
		t.Error("the unit restarts the service for a key that holds without")
	}
}

// TestUnitPatience: the unit waits as long for a start that upgrades as docs/upgrade.md says, and
// tries again for ever what fails.
func TestUnitPatience(t *testing.T) {
	b, err := os.ReadFile("../../docs/upgrade.md")
	if err != nil {
		t.Fatal(err)
	}
	minutes := strings.TrimSuffix(unitValue(t, "TimeoutStartSec"), "min")
	if want := "the unit allows " + minutes + " minutes"; !strings.Contains(string(b), want) {
		t.Errorf("docs/upgrade.md does not say %q", want)
	}
	if limit := unitValue(t, "StartLimitIntervalSec"); limit != "0" {
		t.Errorf("after failures within %s systemd gives up", limit)
	}
}

// TestUnitUser: the user that the service runs as is the one that systemd-sysusers makes.
func TestUnitUser(t *testing.T) {
	user := unitValue(t, "User")
	if group := unitValue(t, "Group"); group != user {
		t.Errorf("user %s, group %s", user, group)
	}
	b, err := os.ReadFile("../../deploy/sysusers.conf")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^u ` + user + ` - "[^"]+" /var/lib/` + unitValue(t, "StateDirectory") + `$`).Match(b) {
		t.Errorf("sysusers.conf makes no user %s:\n%s", user, b)
	}
	tool, err := exec.LookPath("systemd-sysusers")
	if err != nil {
		t.Skip("systemd-sysusers is not installed (Debian: apt-get install systemd)")
	}
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tool, "--root="+root, "-")
	cmd.Stdin = strings.NewReader(string(b))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	passwd, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	if err != nil || !regexp.MustCompile(`(?m)^`+user+`:.*:/var/lib/brinell:.*nologin$`).Match(passwd) {
		t.Errorf("%v, made were %q", err, passwd)
	}
}

// checkSettings is config check of a file, beside flags.
func checkSettings(path string, args ...string) error {
	root := newRoot()
	root.SetArgs(append([]string{"config", "check", path}, args...))
	root.SetOut(io.Discard)
	return root.Execute()
}

// TestUnitSettings: the file of settings that goes with the unit is sound as it is, and so is
// each line of it that an operator may put in force, once the files are there that it names.
func TestUnitSettings(t *testing.T) {
	const file = "../../deploy/brinell.yaml"
	if err := checkSettings(file); err != nil {
		t.Error(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^#([a-z-]+: )`).ReplaceAllString(string(b), "$1")
	if n := strings.Count(string(b), "\n#") - strings.Count(text, "\n#"); n < 5 {
		t.Errorf("%d settings", n)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "recordings"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeCertificate(t, filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"), 1)
	text = strings.NewReplacer("/srv/", dir+"/", "/etc/brinell/tls", dir+"/tls").Replace(text)
	all := filepath.Join(dir, "all.yaml")
	if err := os.WriteFile(all, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := checkSettings(all, "--data-dir", dir); err != nil {
		t.Error(err)
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
