package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestDist looks into what make release-snapshot, or release, has built: BRINELL_DIST is the directory.
func TestDist(t *testing.T) {
	dist := os.Getenv("BRINELL_DIST")
	if dist == "" {
		t.Skip("make release-snapshot runs this; BRINELL_DIST is the directory that it fills")
	}
	var about struct{ Version, Commit string }
	b, err := os.ReadFile(filepath.Join(dist, "metadata.json"))
	if err == nil {
		err = json.Unmarshal(b, &about)
	}
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string) // name to platform
	for _, platform := range []string{"linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64"} {
		name := fmt.Sprintf("brinell_%s_%s.tar.gz", about.Version, platform)
		files[name] = platform
		t.Run(name, func(t *testing.T) { distArchive(t, filepath.Join(dist, name), about.Version, platform) })
	}
	for _, pattern := range []string{"*_amd64.deb", "*_arm64.deb", "*.x86_64.rpm", "*.aarch64.rpm"} {
		found, err := filepath.Glob(filepath.Join(dist, pattern))
		if err != nil || len(found) != 1 {
			t.Errorf("%s: %v, %v; want 1", pattern, found, err)
			continue
		}
		files[filepath.Base(found[0])] = "linux"
		t.Run(filepath.Base(found[0]), func(t *testing.T) {
			if strings.HasSuffix(found[0], ".deb") {
				distDeb(t, found[0], about.Version)
			} else {
				distRPM(t, found[0])
			}
		})
	}
	sums := distSums(t, dist)
	for name := range files {
		for _, want := range []string{name, name + ".sbom.json"} {
			if !slices.Contains(sums, want) {
				t.Errorf("SHA256SUMS does not have %s", want)
			}
		}
		distSBOM(t, filepath.Join(dist, name+".sbom.json"))
	}
}

// distSums compares all checksums with the files, and returns their names.
func distSums(t *testing.T, dist string) (names []string) {
	t.Helper()
	f, err := os.Open(filepath.Join(dist, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		sum, name, ok := strings.Cut(s.Text(), "  ")
		b, err := os.ReadFile(filepath.Join(dist, name))
		is := sha256.Sum256(b)
		if !ok || err != nil || hex.EncodeToString(is[:]) != sum {
			t.Errorf("%s: %v", s.Text(), err)
		}
		names = append(names, name)
	}
	return names
}

// distSBOM: the list of an archive or package names what the program is linked from.
func distSBOM(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
		return
	}
	var doc struct {
		SpdxVersion string
		Packages    []struct{ Name, VersionInfo string }
	}
	if err := json.Unmarshal(b, &doc); err != nil || !strings.HasPrefix(doc.SpdxVersion, "SPDX-2") {
		t.Errorf("%s: %q, %v", file, doc.SpdxVersion, err)
	}
	for _, want := range []string{"modernc.org/sqlite", "github.com/prometheus/client_golang", "stdlib"} {
		if !slices.ContainsFunc(doc.Packages, func(p struct{ Name, VersionInfo string }) bool {
			return p.Name == want && p.VersionInfo != ""
		}) {
			t.Errorf("%s does not name %s", file, want)
		}
	}
}

// entry is one file of an archive.
type entry struct {
	mode int64
	body []byte
}

func untar(t *testing.T, r io.Reader) map[string]entry {
	t.Helper()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]entry)
	for tr := tar.NewReader(z); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(strings.TrimPrefix(h.Name, "."), "/")] = entry{h.Mode & 0o7777, b}
	}
}

func distArchive(t *testing.T, file, version, platform string) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	top := strings.TrimSuffix(filepath.Base(file), ".tar.gz") + "/"
	all := untar(t, f)
	for _, name := range []string{
		"README.md", "docs/upgrade.md", "deploy/brinell.service", "deploy/package/postinstall.sh", "deploy/grafana/datasource.yml",
	} {
		want, err := os.ReadFile(filepath.Join(root, name))
		if got, ok := all[top+name]; err != nil || !ok || !bytes.Equal(got.body, want) {
			t.Errorf("%s: there %v, as in the repository %v", name, ok, bytes.Equal(got.body, want))
		}
	}
	distProgram(t, all[top+"brinell"], version, platform)
}

// distProgram runs the program, if it is for this machine.
func distProgram(t *testing.T, e entry, version, platform string) {
	t.Helper()
	if e.mode != 0o755 || len(e.body) < 1<<20 {
		t.Fatalf("the program has mode %o and %d bytes", e.mode, len(e.body))
	}
	if platform != runtime.GOOS+"_"+runtime.GOARCH {
		return
	}
	bin := filepath.Join(t.TempDir(), "brinell")
	if err := os.WriteFile(bin, e.body, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(bin, "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "brinell v"+version+", ") {
		t.Errorf("it says %s, %v; want v%s", out, err, version)
	}
}

// unar returns the members of an ar archive, as a deb is one. Reference: deb(5).
func unar(t *testing.T, file string) map[string][]byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rest, ok := bytes.CutPrefix(b, []byte("!<arch>\n"))
	all := make(map[string][]byte)
	for ok && len(rest) >= 60 {
		n, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil || n < 0 || 60+n > len(rest) {
			t.Fatalf("%s: a member of %q bytes", file, rest[48:58])
		}
		all[strings.TrimRight(string(rest[:16]), " /")] = rest[60 : 60+n]
		rest = rest[min(len(rest), 60+n+n%2):]
	}
	return all
}

func distDeb(t *testing.T, file, version string) {
	members := unar(t, file)
	control := untar(t, bytes.NewReader(members["control.tar.gz"]))
	data := untar(t, bytes.NewReader(members["data.tar.gz"]))
	fields := string(control["/control"].body)
	for _, want := range []string{"Package: brinell", "Version: " + strings.Replace(version, "-", "~", 1), "Section: science"} {
		if !strings.Contains(fields, want) {
			t.Errorf("no %q in\n%s", want, fields)
		}
	}
	if conf := string(control["/conffiles"].body); strings.TrimSpace(conf) != "/etc/brinell/brinell.yaml" {
		t.Errorf("conffiles %q", conf)
	}
	r := readReleases(t).Nfpms[0]
	for name, src := range map[string]string{"/postinst": "postinstall", "/prerm": "preremove", "/postrm": "postremove"} {
		want, err := os.ReadFile(filepath.Join(root, r.Scripts[src]))
		if got := control[name]; err != nil || got.mode != 0o755 || !bytes.Equal(got.body, want) {
			t.Errorf("%s has mode %o, is as in the repository: %v, %v", name, got.mode, bytes.Equal(got.body, want), err)
		}
	}
	for _, c := range r.Contents {
		got, ok := data[c.Dst]
		mode, err := strconv.ParseInt(c.FileInfo.Mode, 0, 64)
		if !ok || err != nil || got.mode != mode {
			t.Errorf("%s: there %v, mode %o; want %s", c.Dst, ok, got.mode, c.FileInfo.Mode)
		}
		if c.Type == "dir" {
			continue
		}
		if want, err := os.ReadFile(filepath.Join(root, c.Src)); err != nil || !bytes.Equal(got.body, want) {
			t.Errorf("%s is not as in the repository, %v", c.Dst, err)
		}
	}
	arch := regexp.MustCompile(`(?m)^Architecture: (\w+)$`).FindStringSubmatch(fields)
	if arch == nil {
		t.Fatalf("no architecture in\n%s", fields)
	}
	distProgram(t, data["/usr/bin/brinell"], version, "linux_"+arch[1])
}

func distRPM(t *testing.T, file string) {
	b, err := os.ReadFile(file)
	if err != nil || !bytes.HasPrefix(b, []byte{0xed, 0xab, 0xee, 0xdb}) {
		t.Fatalf("no RPM, %v", err)
	}
	tool, err := exec.LookPath("rpm")
	if err != nil {
		t.Skip("rpm, which lists what is in it, is not installed (Debian: apt-get install rpm)")
	}
	const format = "[%{FILEMODES:octal} %{FILENAMES}\\n]"
	out, err := exec.Command(tool, "-qp", "--nosignature", "--queryformat", format, file).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(out), "\n")
	for _, c := range readReleases(t).Nfpms[0].Contents {
		kind := "10" // a file
		if c.Type == "dir" {
			kind = "4"
		}
		if want := kind + c.FileInfo.Mode + " " + c.Dst; !slices.Contains(lines, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if !slices.Contains(lines, "100755 /usr/bin/brinell") {
		t.Errorf("no program in\n%s", out)
	}
	scripts, err := exec.Command(tool, "-qp", "--nosignature", "--scripts", file).Output()
	if err != nil || !bytes.Contains(scripts, []byte("systemd-sysusers")) ||
		!bytes.Contains(scripts, []byte("disable --now")) {
		t.Errorf("scripts, %v:\n%s", err, scripts)
	}
}
