package main

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestSamePictures: the service's picture of a window is the one that the command draws of its
// file, with a bearing and a speed and without, in both formats and another size.
func TestSamePictures(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "--data-dir", dir)
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	for sensor, c := range map[string]struct{ file, query string }{
		"de": {"inner_race_105.npy", "&unit=g&sample_rate_hz=12000&shaft_speed_rpm=1797&bearing=6205-2RS"},
		"fe": {"normal_97.npy", "&unit=m/s2&sample_rate_hz=48000&axis=x"},
	} {
		status, d, body := post(t, p.url+"/v1/sensors/"+sensor+"/windows?start=2026-01-31T12:00:00Z"+c.query,
			"application/octet-stream", raw(excerpt(t, c.file).Samples[:12000]))
		if status != 201 {
			t.Fatalf("%d %s", status, body)
		}
		file := filepath.Join(t.TempDir(), "window.json")
		if err := os.WriteFile(file, fetch(t, p.url+"/v1/windows/"+d.ID, 200), 0o600); err != nil {
			t.Fatal(err)
		}
		samePictures(t, p.url, dir, bin, file, d.ID)
	}
	for _, path := range []string{"plot.png", "plot.svg"} {
		if b := fetch(t, p.url+"/v1/windows/nothing/"+path, 404); !bytes.Contains(b, []byte("diagnosis_not_found")) {
			t.Errorf("%s: %s", path, b)
		}
	}
}

// samePictures demands that the service's pictures of a window are those that the command
// draws of its file, byte for byte, and that HEAD says of them what GET does but for the length.
func samePictures(t *testing.T, url, dir, bin, file, id string) {
	t.Helper()
	for format, media := range map[string]string{"png": "image/png", "svg": "image/svg+xml"} {
		drawn := filepath.Join(t.TempDir(), "drawn."+format)
		out, err := exec.Command(bin, "diagnose", "--data-dir", dir, "--plot", drawn, file).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		want, err := os.ReadFile(drawn)
		if err != nil {
			t.Fatal(err)
		}
		address := url + "/v1/windows/" + id + "/plot." + format
		if got := fetch(t, address, 200); !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, the command's picture has %d", address, len(got), len(want))
		}
		resp, err := http.Head(address)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if h := resp.Header; resp.StatusCode != 200 || h.Get("Content-Type") != media ||
			resp.ContentLength != -1 { // nothing is drawn for it
			t.Errorf("HEAD %s: %s, %v", address, resp.Status, h)
		}
		if small := fetch(t, address+"?width=480&height=500", 200); bytes.Equal(small, want) {
			t.Errorf("%s: the size counts for nothing", address)
		}
	}
}

// TestAddresses: the log of the demo has an address of the documentation and one of the picture
// of damage, and both are there.
func TestAddresses(t *testing.T) {
	p := start(t, "--data-dir", t.TempDir(), "--demo")
	line := regexp.MustCompile(`msg="([^"]*browser)".* address=(\S+)`)
	var found [][]string
	for end := time.Now().Add(30 * time.Second); len(found) < 2 &&
		time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		found = line.FindAllStringSubmatch(p.logged(), -1)
	}
	if len(found) != 2 || found[0][2] != p.url+"/docs" {
		t.Fatalf("%q in\n%s", found, p.logged())
	}
	if log := p.logged(); !regexp.MustCompile(`fault=inconclusive likeliest=\w+ probability=0\.\d`).MatchString(log) || strings.Contains(log, "probability=0 ") || strings.Contains(log, "probability=0\n") {
		t.Errorf("the demo says nothing of what is likeliest:\n%s", log)
	}
	fetch(t, found[0][2], 200)
	if b := fetch(t, found[1][2], 200); !bytes.HasPrefix(b, []byte("\x89PNG")) {
		t.Errorf("%s is no PNG", found[1][2])
	}
}
