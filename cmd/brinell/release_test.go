package main

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const root = "../.." // of the repository

// packaged is one thing in a package.
type packaged struct {
	Src, Dst, Type string
	FileInfo       struct{ Mode string } `yaml:"file_info"`
}

// sbom is one list of what artifacts are made of.
type sbom struct {
	ID, Artifacts, Cmd string
	Env, Args          []string
}

// releases is .goreleaser.yaml, as far as it is used: what is not here is refused, so that a
// slip of the pen does not wait for the day of a release.
type releases struct {
	Version     int
	ProjectName string `yaml:"project_name"`
	Builds      []struct {
		ID, Main, Binary             string
		Env, Flags, Ldflags, Targets []string
		ModTimestamp                 string `yaml:"mod_timestamp"`
	}
	Archives []struct {
		ID              string
		Formats         []string
		NameTemplate    string `yaml:"name_template"`
		WrapInDirectory bool   `yaml:"wrap_in_directory"`
		Files           []string
	}
	Nfpms []struct {
		ID                                                               string
		Formats                                                          []string
		FileNameTemplate                                                 string `yaml:"file_name_template"`
		Vendor, Maintainer, Description, License, Section, Bindir, Mtime string
		Umask                                                            int
		Contents                                                         []packaged
		Scripts                                                          map[string]string
	}
	Sboms    []sbom
	Checksum struct {
		NameTemplate string `yaml:"name_template"`
		Algorithm    string
	}
	Snapshot struct {
		VersionTemplate string `yaml:"version_template"`
	}
	Changelog, Release struct{ Disable bool }
}

func readReleases(t *testing.T) (r releases) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	if len(r.Builds) != 1 || len(r.Archives) != 1 || len(r.Nfpms) != 1 {
		t.Fatalf("%d builds, %d archives, %d packages; want 1 of each", len(r.Builds), len(r.Archives), len(r.Nfpms))
	}
	return r
}

// TestReleaseFiles: what the release takes is there, and it is built for whom README promises.
func TestReleaseFiles(t *testing.T) {
	r := readReleases(t)
	var sources []string
	for _, c := range r.Nfpms[0].Contents {
		if c.Type != "dir" {
			sources = append(sources, c.Src)
		}
	}
	for _, s := range r.Nfpms[0].Scripts {
		sources = append(sources, s)
	}
	sources = append(sources, r.Builds[0].Main+"/main.go")
	for _, s := range append(sources, r.Archives[0].Files...) {
		found, err := filepath.Glob(filepath.Join(root, s))
		if err != nil || len(found) == 0 {
			t.Errorf("%s is not there, %v", s, err)
		}
	}
	if !slices.Contains(r.Archives[0].Files, "deploy/**") { // deploy/**/* has not what lies in deploy itself
		t.Errorf("archives have %v, want all of deploy", r.Archives[0].Files)
	}
	for _, want := range []string{"linux_amd64_v1", "linux_arm64_v8.0", "darwin_amd64_v1", "darwin_arm64_v8.0"} {
		if !slices.Contains(r.Builds[0].Targets, want) {
			t.Errorf("nothing is built for %s", want)
		}
	}
	if !slices.Equal(r.Nfpms[0].Formats, []string{"deb", "rpm"}) {
		t.Errorf("packages %v", r.Nfpms[0].Formats)
	}
	of := func(s sbom) string { return s.Artifacts }
	if len(r.Sboms) != 2 || of(r.Sboms[0]) != "archive" || of(r.Sboms[1]) != "package" || r.Checksum.Algorithm != "sha256" {
		t.Errorf("SBOMs %+v, checksums %+v", r.Sboms, r.Checksum)
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Sboms {
		if len(s.Args) < 2 || !bytes.Contains(makefile, []byte("= "+s.Args[1]+"\n")) {
			t.Errorf("the Makefile builds another tool than %v", s.Args)
		}
	}
	// The variable is the one that TestVersion sets, to the tag as it is written.
	if l := strings.Join(r.Builds[0].Ldflags, " "); !strings.Contains(l, "-X main.version=v{{ .Version }}") {
		t.Errorf("the version is set by %s", l)
	}
	if !slices.Equal(r.Builds[0].Env, []string{"CGO_ENABLED=0"}) {
		t.Errorf("environment of the build: %v", r.Builds[0].Env)
	}
}

// TestPackageFitsUnit: a package puts everything where the unit in it looks for it.
func TestPackageFitsUnit(t *testing.T) {
	r := readReleases(t)
	at := make(map[string]packaged)
	for _, c := range r.Nfpms[0].Contents {
		if _, twice := at[c.Dst]; twice {
			t.Errorf("%s stands twice", c.Dst)
		}
		at[c.Dst] = c
	}
	holds := func(dst, src, kind, mode string) {
		t.Helper()
		c, ok := at[dst]
		is, err := strconv.ParseUint(c.FileInfo.Mode, 0, 32)
		want, werr := strconv.ParseUint(mode, 8, 32)
		if !ok || c.Src != src || c.Type != kind || err != nil || werr != nil || is != want {
			t.Errorf("%s is %+v, want %s of type %q with mode %s", dst, c, src, kind, mode)
		}
	}
	program := path.Join(r.Nfpms[0].Bindir, r.Builds[0].Binary)
	if runs := unitValue(t, "ExecStart"); runs != program+" serve" {
		t.Errorf("the unit runs %s, the package has %s", runs, program)
	}
	const sysusers = "/usr/lib/sysusers.d/brinell.conf"
	holds("/usr/lib/systemd/system/brinell.service", "deploy/brinell.service", "", "0644")
	holds("/usr/lib/systemd/system/brinell.socket", "deploy/brinell.socket", "", "0644")
	holds(sysusers, "deploy/sysusers.conf", "", "0644")
	holds(unitValue(t, "Environment=BRINELL_CONFIG"), "deploy/brinell.yaml", "config|noreplace", "0644")
	state, keyDir := unitValue(t, "Environment=BRINELL_DATA_DIR"), path.Dir(unitValue(t, "Environment=BRINELL_KEYS"))
	if state != "/var/lib/"+unitValue(t, "StateDirectory") {
		t.Errorf("the data are in %s, the unit makes %s", state, unitValue(t, "StateDirectory"))
	}
	holds(state, "", "dir", unitValue(t, "StateDirectoryMode"))
	holds(keyDir, "", "dir", "0750")

	user := unitValue(t, "User")
	post, err := os.ReadFile(filepath.Join(root, r.Nfpms[0].Scripts["postinstall"]))
	if err != nil {
		t.Fatal(err)
	}
	unit, err := os.ReadFile(filepath.Join(root, "deploy/brinell.service"))
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string][]byte{"postinstall.sh": post, "the head of the unit": unit} {
		if !bytes.Contains(text, []byte(sysusers)) {
			t.Errorf("%s does not name %s", what, sysusers)
		}
	}
	if want := "chown " + user + ":" + user + " " + keyDir + " " + state + "\n"; !bytes.Contains(post, []byte(want)) {
		t.Errorf("postinstall.sh has no %q", want)
	}
	hand := regexp.MustCompile(`(?m)^# cp brinell (\S+); `).FindSubmatch(unit)
	if hand == nil || path.Join(string(hand[1]), "brinell") != program {
		t.Errorf("by hand the program goes to %q, the unit runs %s", hand, program)
	}
}

// TestPackageScripts runs the scripts of the packages as dpkg and rpm do, with programs in
// their places that only note how they were called.
func TestPackageScripts(t *testing.T) {
	scripts := readReleases(t).Nfpms[0].Scripts
	all := []string{"systemd-sysusers", "systemctl", "chown", "useradd", "getent"}
	makes := "systemd-sysusers /usr/lib/sysusers.d/brinell.conf\nchown brinell:brinell /etc/brinell /var/lib/brinell\n"
	reload, restart := "systemctl daemon-reload\n", "systemctl try-restart brinell.service\n"
	stop := "systemctl disable --now brinell.socket brinell.service\n"
	for _, c := range []struct {
		name, script, args, without string
		fails                       bool // systemctl
		want                        string
	}{
		{"deb, new", "postinstall", "configure", "", false, makes + reload},
		{"deb, new, systemd does not run", "postinstall", "configure", "", true, makes + reload},
		{"deb, over another", "postinstall", "configure 1.2.0", "", false, makes + reload + restart},
		{"deb, a step back", "postinstall", "abort-upgrade 1.3.0", "", false, makes},
		{"rpm, new", "postinstall", "1", "", false, makes + reload},
		{"rpm, over another", "postinstall", "2", "", true, makes + reload + restart},
		{"no systemd", "postinstall", "configure", "systemd-sysusers systemctl", false, "getent passwd brinell\n" +
			"useradd --system --user-group --home-dir /var/lib/brinell --no-create-home --shell /usr/sbin/nologin brinell\n" +
			"chown brinell:brinell /etc/brinell /var/lib/brinell\n"},
		{"deb, goes", "preremove", "remove", "", false, stop},
		{"deb, makes way", "preremove", "upgrade 1.3.0", "", false, ""},
		{"rpm, goes", "preremove", "0", "", true, stop},
		{"rpm, makes way", "preremove", "1", "", false, ""},
		{"no systemd, goes", "preremove", "remove", "systemctl", false, ""},
		{"deb, has gone", "postremove", "remove", "", false, reload},
		{"rpm, has gone", "postremove", "0", "", true, reload},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range all {
				text := "#!/bin/sh\necho " + name + " \"$@\" >>" + filepath.Join(dir, "calls") + "\n"
				if name == "getent" || name == "systemctl" && c.fails {
					text += "exit 2\n"
				}
				if slices.Contains(strings.Fields(c.without), name) {
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			args := append([]string{filepath.Join(root, scripts[c.script])}, strings.Fields(c.args)...)
			cmd := exec.Command("/bin/sh", args...)
			cmd.Env = []string{"PATH=" + dir}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
			got, err := os.ReadFile(filepath.Join(dir, "calls"))
			if err != nil && c.want != "" || string(got) != c.want {
				t.Errorf("it called\n%swant\n%s", got, c.want)
			}
		})
	}
}
