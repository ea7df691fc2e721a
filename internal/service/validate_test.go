package service

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"brinell/internal/settings"
)

// TestCheckRefusesWhatServeRefuses has both read the same files of settings: what one refuses
// the other does, for the same reason, and config check names the line.
func TestCheckRefusesWhatServeRefuses(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	data, drop := filepath.Join(dir, "data"), filepath.Join(dir, "drop")
	for _, d := range []string{data, drop} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	text := file("text", "no such thing\n")
	bearings := file("bearings.csv",
		"designation,elements,element_mm,pitch_mm,contact_deg,source,licence\nown-1,9,7.94,39.04,0,drawing,own\n")
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	one := probe.Addr().String()
	if err := probe.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(one)
	for _, c := range []struct{ name, settings, want string }{
		{"right", "listen: 127.0.0.1:0\nwatch: " + drop + "\nbearings: " + bearings, ""},
		{"any port twice", "listen: 127.0.0.1:0\nmetrics-listen: 127.0.0.1:0", ""},
		{"others, insecure", "listen: 0.0.0.0:0\ninsecure: true", ""},
		{"others without keys",
			"listen: 0.0.0.0:0", ":1: --listen 0.0.0.0:0 is reached by others, and there is no API key"},
		{"behind a proxy without keys", "trusted-proxies: 10.0.0.1", ":1: --listen .* make one with brinell keys create"},
		{"keys that are none", "listen: 127.0.0.1:0\nkeys: " + text, ":2: --keys: "},
		{"no file of bearings",
			"listen: 127.0.0.1:0\nbearings: " + filepath.Join(dir, "none.csv"), ":2: --bearings: .*no such file"},
		{"bearings that are none", "listen: 127.0.0.1:0\nbearings: " + text, ":2: --bearings: "},
		{"no model", "listen: 127.0.0.1:0\nmodel: " + filepath.Join(dir, "none.bml"), ":2: --model: .*no such file"},
		{"a model that is none", "listen: 127.0.0.1:0\nmodel: " + text, ":2: --model: "},
		{"metrics on the same address",
			"listen: " + one + "\nmetrics-listen: " + one, ":2: --metrics-listen .* is taken by --listen"},
		{"metrics on the same port of all",
			"listen: " + one + "\nmetrics-listen: :" + port, ":2: --metrics-listen .* is taken by --listen"},
		{"profiles where metrics are",
			"listen: 127.0.0.1:0\nmetrics-listen: " + one + "\ndebug-listen: " + one, ":3: --debug-listen .* is taken by --metrics-listen"},
		{"another machine's address",
			"listen: 192.0.2.1:8080\ninsecure: true", ":1: --listen 192.0.2.1:8080 is no address of this machine"},
		{"a port that is none", "listen: 127.0.0.1:65536", ":1: --listen .* is no address"},
		{"no address", "listen: 127.0.0.1", ":1: --listen .* is no address"},
		{"no certificate", "listen: 127.0.0.1:0\ntls-cert: " + text + "\ntls-key: " + text, ":2: --tls-cert: "},
		{"no directory to watch",
			"listen: 127.0.0.1:0\nwatch: " + drop + "s", ":2: --watch .*drops: there is no such directory; make it with mkdir -p "},
		{"a file to watch", "listen: 127.0.0.1:0\nwatch: " + text, ":2: --watch .*text is no directory"},
		{"its own data to watch", "listen: 127.0.0.1:0\nwatch: " + data, ":2: --watch .* is the data directory"},
		{"a directory in a file", "listen: 127.0.0.1:0\ndata-dir: " + text + "/data", ":2: --data-dir: "},
		{"more workers than memory", "listen: 127.0.0.1:0\nmemory: 192MiB\nworkers: 500", ":[23]: --workers 500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(c.settings, "data-dir") {
				c.settings += "\ndata-dir: " + data
			}
			path := filepath.Join(t.TempDir(), "brinell.yaml")
			if err := os.WriteFile(path, []byte(c.settings+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			var checked Config
			flags := new(pflag.FlagSet)
			checked.Settings(flags)
			says := checked.Check(path, flags)
			var served Config
			flags = new(pflag.FlagSet)
			served.Flags(flags)
			if err := flags.Set(settings.FileFlag, path); err != nil {
				t.Fatal(err)
			}
			if err := settings.Configure(flags); err != nil {
				t.Fatal(err)
			}
			s, err := New(t.Context(), served, Program{}, io.Discard)
			if err == nil {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			if c.want == "" {
				if says != nil || err != nil {
					t.Fatalf("check: %v; serve: %v", says, err)
				}
				return
			}
			if says == nil || err == nil || !strings.HasSuffix(says.Error(), err.Error()) {
				t.Fatalf("check: %v\nserve: %v", says, err)
			}
			if !regexp.MustCompile(c.want).MatchString(says.Error()) {
				t.Errorf("%s\nwant %s", says, c.want)
			}
		})
	}
}
