package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKeysByRoot makes and revokes keys as root of a service that runs as a user of its own,
// as that of deploy/ does: the first one, and one beside others, hold within a second.
func TestKeysByRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root starts a service as another user")
	}
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	const uid = 12321
	dirs := make(map[string]string)
	base, err := os.MkdirTemp("", "brinell-keys-") // t.TempDir may lie below what others may not enter
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bin", "etc", "data"} {
		dirs[name] = filepath.Join(base, name)
		if err := os.Mkdir(dirs[name], 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(dirs[name], uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dirs["bin"], "brinell")
	if err := os.WriteFile(copied, b, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dirs["etc"], "keys.json")
	cmd := exec.Command(copied, "serve", "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "BRINELL_DATA_DIR="+dirs["data"], "BRINELL_KEYS="+file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	p := startCommand(t, cmd)
	within := func(what, key string, want int) {
		t.Helper()
		begin, got := time.Now(), 0
		var header []string
		if key != "" {
			header = []string{"Authorization", "Bearer " + key}
		}
		for time.Since(begin) < 10*time.Second {
			if got, _ = call(t, http.MethodGet, p.url+"/v1/diagnoses", "", nil, header...); got == want {
				break
			}
			time.Sleep(100 * time.Millisecond) // who guesses more often is not answered at all
		}
		if took := time.Since(begin); got != want || took > 1500*time.Millisecond { // half a second for a busy machine
			t.Errorf("%s: status %d after %v, want %d within a second\n%s", what, got, took, want, p.logged())
		}
	}
	create := func(name string) string {
		t.Helper()
		key, errs, ok := command(t, "keys", "create", "--keys", file, "--name", name, "--scopes", "admin")
		if !ok {
			t.Fatal(errs)
		}
		return key
	}
	within("before the first key", "", http.StatusOK)
	first := create("first")
	within("without the first key", "", http.StatusUnauthorized)
	within("the first key", first, http.StatusOK)
	within("the second key", create("second"), http.StatusOK)
	if _, errs, ok := command(t, "keys", "revoke", "--keys", file, strings.Split(first, "_")[1]); !ok {
		t.Fatal(errs)
	}
	within("the first key, revoked", first, http.StatusUnauthorized)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 || info.Sys().(*syscall.Stat_t).Uid != uid {
		t.Errorf("the file is %+v, %v", info, err)
	}
}
