package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
)

// TestVersionOf: a release is what it was told to be, else its tag.
func TestVersionOf(t *testing.T) {
	of := func(version string, settings ...debug.BuildSetting) debug.BuildInfo {
		return debug.BuildInfo{Main: debug.Module{Version: version}, Settings: settings}
	}
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123"}
	dirty := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	const after = "v1.2.4-0.20260131120000-0123456789ab"
	for _, c := range []struct {
		name, told         string
		info               debug.BuildInfo
		version, revisions string
	}{
		{"release", "v1.2.3", of(after, commit), "v1.2.3", "0123456789ab"},
		{"at a tag", "", of("v1.2.3", commit), "v1.2.3", "0123456789ab"},
		{"after a tag", "", of(after, commit), after, "0123456789ab"},
		{"changed", "", of("v1.2.3+dirty", commit, dirty), "v1.2.3+dirty", "0123456789ab+dirty"},
		{"in a test", "", of("(devel)"), "dev", "unknown"},
		{"nothing noted", "", of(""), "dev", "unknown"},
	} {
		if v, r := nameOf(c.told, c.info), revisionOf(c.info); v != c.version || r != c.revisions {
			t.Errorf("%s: %q, %q; want %q, %q", c.name, v, r, c.version, c.revisions)
		}
	}
}

// TestVersion: the command, the metric and the API's own description tell one version.
func TestVersion(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "brinell")
	cmd := exec.Command("go", "build", "-o", bin, "-ldflags", "-X main.version=v9.8.7-test", ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(bin, "version", "--json").Output()
	var v programVersion
	if err == nil {
		err = json.Unmarshal(out, &v)
	}
	if err != nil || v.Version != "v9.8.7-test" || v.Go == "" || !strings.Contains(v.Platform, "/") {
		t.Errorf("%s, %v", out, err)
	}
	for _, args := range []string{"version", "--version"} {
		if out, err := exec.Command(bin, args).Output(); err != nil || !strings.Contains(string(out), v.Version) {
			t.Errorf("%s: %s, %v", args, out, err)
		}
	}
	p := startCommand(t, exec.Command(bin, "serve", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir()))
	for path, want := range map[string]string{
		"/metrics":      `brinell_build_info\{[^}]*version="v9\.8\.7-test"\} 1`,
		"/openapi.json": `"version": *"v9\.8\.7-test"`,
	} {
		resp, err := http.Get(p.url + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !regexp.MustCompile(want).Match(b) {
			t.Errorf("%s has no %s, %v", path, want, err)
		}
	}
	if !strings.Contains(p.logged(), "version=v9.8.7-test") {
		t.Errorf("the log does not tell the version: %s", p.logged())
	}
}
