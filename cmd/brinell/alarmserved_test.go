package main

import (
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"brinell/bearing"
)

// TestAlarmLogServed: an operator's way is in the log, with who did what, over a restart too,
// and no key is.
func TestAlarmLogServed(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "--data-dir", dir)
	a := raiseLoud(t, p, "press-1", "de", "x")
	alarm := "/v1/alarms/" + a.ID
	var got bearing.Alarm
	if status, _ := call(t, "POST", p.url+alarm+"/shelve", `{"seconds":3600,"by":"m.keller"}`, &got); status != 200 || got.ShelvedBy == nil || got.ShelvedBy.By != "m.keller" {
		t.Fatalf("shelve: %d %+v", status, got)
	}
	if status, _ := call(t, "POST", p.url+alarm+"/shelve", `{"seconds":3600,"by":"`+strings.Repeat("x", 101)+`"}`, nil); status != 422 {
		t.Errorf("shelved by 101 bytes: %d", status)
	}
	if status, _ := call(t, "POST", p.url+alarm+"/acknowledge", `{"by":"night shift","note":"greased"}`, nil); status != 200 {
		t.Fatalf("acknowledge: %d", status)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	log := p.logged()
	key, errs, ok := command(t, "keys", "create", "--data-dir", dir, "--name", "plant", "--scopes", "admin")
	if !ok {
		t.Fatal(errs)
	}
	p = start(t, "--data-dir", dir)
	got = bearing.Alarm{}
	if status, _ := call(t, "POST", p.url+alarm+"/shelve", `{"seconds":0,"by":"me"}`, &got, "Authorization", "Bearer "+key); status != 200 ||
		got.ShelvedBy == nil || got.ShelvedBy.By != "plant" {
		t.Fatalf("unshelve: %d %+v", status, got)
	}
	if status, _ := call(t, "DELETE", p.url+"/v1/sensors/de", "", nil, "Authorization", "Bearer "+key); status != 204 {
		t.Fatalf("delete: %d", status)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if log += p.logged(); strings.Contains(log, key) || strings.Contains(log, "greased") {
		t.Errorf("the key, or a note, is in the log: %s", log)
	}
	var story []string
	for line := range strings.Lines(log) {
		said := saidIn(line)
		if !strings.HasPrefix(said["msg"], "alarm ") {
			continue
		}
		if said["alarm"] != a.ID || said["machine"] != "press-1" || said["sensor"] != "de" || said["axis"] != "x" || said["severity"] != "warning" {
			t.Errorf("%s", line)
		}
		story = append(story, strings.TrimPrefix(said["msg"], "alarm ")+" "+said["by"])
	}
	if got := strings.Join(story, ", "); got != "raised , shelved m.keller, acknowledged night shift, unshelved plant, closed " {
		t.Errorf("the log has: %s", got)
	}
}

// saidIn returns the keys and values of a line of a text log.
func saidIn(line string) map[string]string {
	said := make(map[string]string)
	for _, m := range regexp.MustCompile(`([\w.]+)=("(?:[^"\\]|\\.)*"|\S*)`).FindAllStringSubmatch(line, -1) {
		said[m[1]] = m[2]
		if v, err := strconv.Unquote(m[2]); err == nil {
			said[m[1]] = v
		}
	}
	return said
}
