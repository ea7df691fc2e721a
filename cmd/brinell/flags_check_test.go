package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckTakesFlags: what stands on the command line or in the environment goes before the
// file, as it does for serve.
func TestCheckTakesFlags(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "brinell.yaml")
	if err := os.WriteFile(path, []byte("listen: 0.0.0.0:0\ndata-dir: "+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		env  string
		want string
	}{
		{want: "no API key"},
		{args: []string{"--listen", "127.0.0.1:0"}},
		{args: []string{"--insecure"}},
		{env: "127.0.0.1:0"},
		{args: []string{"--listen", "0.0.0.0:0"}, env: "127.0.0.1:0", want: "no API key"},
	} {
		t.Run(fmt.Sprint(c.args, c.env), func(t *testing.T) {
			if c.env != "" {
				t.Setenv("BRINELL_LISTEN", c.env)
			}
			root := newRoot()
			root.SetArgs(append([]string{"config", "check", path}, c.args...))
			root.SetOut(io.Discard)
			err := root.Execute()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
}
