package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"brinell/bearing"
)

// TestImage builds the binary by the command in the Dockerfile and runs it as
// the image would: in a root with nothing but it, as uid 65532, where only the
// data directory can be written to. No container engine is needed.
func TestImage(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("changing the root directory needs root")
	}
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	find := func(pattern string) string {
		t.Helper()
		m := regexp.MustCompile(pattern).FindSubmatch(text)
		if m == nil {
			t.Fatalf("the Dockerfile has no %s", pattern)
		}
		return string(m[1])
	}
	root := t.TempDir()
	build := strings.ReplaceAll(find(`(?m)^RUN (CGO_ENABLED=0 go build .*)$`), "/out/brinell", filepath.Join(root, "brinell"))
	// Paths in the program do not matter here, and with them the packages are compiled already.
	cmd := exec.Command("sh", "-c", strings.Replace(build, "-trimpath ", "", 1))
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "VERSION=image-test")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}
	data := filepath.Join(root, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(data, 65532, 65532); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root, 0o555); err != nil {
		t.Fatal(err)
	}
	env := append(strings.Fields(find(`(?m)^ENV (.*)$`)), "BRINELL_LISTEN=127.0.0.1:0")
	inside := func(args ...string) *exec.Cmd {
		c := exec.Command("/brinell", args...)
		c.Dir, c.Env = "/", env
		c.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		return c
	}
	p := startCommand(t, inside("serve", "--demo"))
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		page, err := p.client().Diagnoses(t.Context(), bearing.Query{})
		if err == nil && len(page.Diagnoses) >= 6 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no diagnoses: %v\n%s", err, p.logged())
		}
	}
	if out, err := inside("healthcheck", "--url", p.url+"/readyz").CombinedOutput(); err != nil {
		t.Errorf("healthcheck: %v %s", err, out)
	}
	if out, err := inside("--version").CombinedOutput(); err != nil || !strings.Contains(string(out), "image-test") {
		t.Errorf("version: %v %s", err, out)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Errorf("stopped: %v\n%s", err, p.logged())
	}
	left, err := os.ReadDir(root)
	if err != nil || len(left) != 2 {
		t.Errorf("the root holds %v (%v), want the binary and the data", left, err)
	}
}
