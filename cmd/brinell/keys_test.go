package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// command runs the program and returns what it prints to stdout, and whether it succeeded.
func command(t *testing.T, args ...string) (out string, errs string, ok bool) {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bin, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return strings.TrimSpace(stdout.String()), stderr.String(), err == nil
}

// TestKeys: on a loopback address the first key closes the service while it runs, and
// other addresses are refused without one.
func TestKeys(t *testing.T) {
	dir := t.TempDir()
	if _, errs, ok := command(t, "serve", "--listen", "0.0.0.0:0", "--data-dir", dir); ok || !strings.Contains(errs, "brinell keys create") {
		t.Errorf("listens for everybody without a key: %s", errs)
	}
	if _, errs, ok := command(t, "serve", "--listen", "127.0.0.1:0", "--data-dir", dir, "--debug-listen", "0.0.0.0:0"); ok || !strings.Contains(errs, "loopback") {
		t.Errorf("shows profiles to everybody: %s", errs)
	}
	file := filepath.Join(dir, "brinell.yaml")
	if err := os.WriteFile(file, []byte("log-level: info\nlisten: pump\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, ok := command(t, "config", "check", file); ok || !strings.Contains(errs, `:2: --listen "pump" is no address`) {
		t.Errorf("an address that is none passes the check: %s", errs)
	}
	p := start(t, "--data-dir", dir)
	if status, _ := call(t, "GET", p.url+"/v1/diagnoses", "", nil); status != 200 {
		t.Errorf("loopback without keys: %d", status)
	}
	reader, errs, ok := command(t, "keys", "create", "--data-dir", dir, "--name", "grafana", "--scopes", "read")
	if !ok {
		t.Fatal(errs)
	}
	if _, errs, ok := command(t, "keys", "create", "--data-dir", dir, "--name", "x", "--scopes", "root"); ok || !strings.Contains(errs, "ingest, read, admin") {
		t.Errorf("a key of no scope: %s", errs)
	}
	limited, errs, ok := command(t, "keys", "create", "--data-dir", dir, "--name", "gateway", "--rate", "100", "--new-sensors", "1")
	if !ok {
		t.Fatal(errs)
	}
	if _, errs, ok := command(t, "keys", "create", "--data-dir", dir, "--name", "x", "--rate", "-1"); ok || !strings.Contains(errs, "windows_per_second") {
		t.Errorf("a key of a negative rate: %s", errs)
	}
	wait := func(want int, header ...string) {
		t.Helper()
		got := 0
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if got, _ = call(t, "GET", p.url+"/v1/diagnoses", "", nil, header...); got == want {
				return
			}
		}
		t.Errorf("%d, want %d", got, want)
	}
	wait(401)
	wait(200, "Authorization", "Bearer "+reader)
	window := `{"start":"2026-01-31T12:00:00Z","sample_rate_hz":12000,"unit":"g","samples":[` + strings.Repeat("1,-1,", 2047) + `1,-1]}`
	for i, want := range []int{201, 429, 200} {
		var problem refusal
		status, _ := call(t, "POST", p.url+"/v1/sensors/"+[]string{"one", "two", "one"}[i]+"/windows", window, &problem, "Authorization", "Bearer "+limited)
		if status != want || want == 429 && problem.Code != "too_many_sensors" {
			t.Errorf("window %d: %d %+v, want %d", i, status, problem, want)
		}
	}
	list, _, _ := command(t, "keys", "list", "--data-dir", dir)
	if !strings.Contains(list, "grafana") || strings.Contains(list, reader[20:]) {
		t.Errorf("listed as %s", list)
	}
	if strings.Contains(p.logged(), reader[20:]) {
		t.Error("the log has the secret")
	}
	id := strings.Split(reader, "_")[1]
	if _, errs, ok := command(t, "keys", "revoke", id, "--data-dir", dir); !ok {
		t.Error(errs)
	}
	wait(401, "Authorization", "Bearer "+reader) // and does not open because the last key is gone
	if status, _ := call(t, "GET", p.url+"/healthz", "", nil); status != 200 {
		t.Errorf("healthz: %d", status)
	}
}

// TestKeysGone: a service that has had keys demands them though their file is gone, after a
// start too, until it is told to take everybody; a page by another name gets nothing.
func TestKeysGone(t *testing.T) {
	dir := t.TempDir()
	status := func(p *process, host string, header ...string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", p.url+"/v1/diagnoses", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	p := start(t, "--data-dir", dir)
	if a, b := status(p, "localhost"), status(p, "evil.example"); a != 200 || b != 403 {
		t.Errorf("without keys: %d by our name and %d by another", a, b)
	}
	if err := p.stop(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	token, errs, ok := command(t, "keys", "create", "--data-dir", dir, "--name", "ops", "--scopes", "read")
	if !ok {
		t.Fatal(errs)
	}
	p = start(t, "--data-dir", dir)
	if a, b := status(p, "evil.example", "Authorization", "bearer "+token), status(p, "localhost"); a != 200 || b != 401 {
		t.Errorf("with keys: %d with one and %d without", a, b)
	}
	if err := p.stop(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "keys.json")); err != nil {
		t.Fatal(err)
	}
	p = start(t, "--data-dir", dir)
	if got := status(p, "localhost"); got != 401 || !strings.Contains(p.logged(), "nobody gets in") {
		t.Errorf("the file of keys is gone: %d, log %s", got, p.logged())
	}
	if err := p.stop(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p = start(t, "--data-dir", dir, "--insecure")
	if got := status(p, "localhost"); got != 200 {
		t.Errorf("with --insecure: %d", got)
	}
}

// writeCertificate writes a certificate of 127.0.0.1 and its key. A later serial makes the files newer.
func writeCertificate(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	k, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{keyFile: {Type: "PRIVATE KEY", Bytes: k}, certFile: {Type: "CERTIFICATE", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_ = os.Chtimes(certFile, time.Now(), time.Now().Add(time.Duration(serial)*time.Second))
}

// TestTLS: HTTPS with a certificate that is renewed while the service runs, metrics on a
// listener of their own.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	renew := func(serial int64) { writeCertificate(t, certFile, keyFile, serial) }
	renew(1)
	p := start(t, "--data-dir", filepath.Join(dir, "data"), "--tls-cert", certFile, "--tls-key", keyFile, "--require-keys", "--metrics-listen", "127.0.0.1:0", "--log-format", "text")
	if !strings.HasPrefix(p.url, "https://") {
		t.Fatalf("listens at %s", p.url)
	}
	serial := func() int64 {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		defer client.CloseIdleConnections()
		resp, err := client.Get(p.url + "/healthz")
		if err != nil {
			return 0
		}
		defer resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("healthz: %d", resp.StatusCode)
		}
		return resp.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	if n := serial(); n != 1 {
		t.Errorf("certificate %d", n)
	}
	renew(2)
	for end := time.Now().Add(10 * time.Second); serial() != 2; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the renewed certificate is not used")
		}
	}
	if _, err := tls.Dial("tcp", strings.TrimPrefix(p.url, "https://"), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is taken")
	}
	_, after, ok := strings.Cut(p.logged(), "for=metrics address=")
	if !ok {
		t.Fatalf("no listener for metrics: %s", p.logged())
	}
	addr, _, _ := strings.Cut(after, "\n")
	if status, _ := call(t, "GET", "http://"+addr+"/metrics", "", nil); status != 200 {
		t.Errorf("metrics without a key on their own listener: %d", status)
	}
	if status, _ := call(t, "GET", "http://"+addr+"/v1/diagnoses", "", nil); status != 404 {
		t.Errorf("diagnoses there: %d", status)
	}
}

// TestConnections: beyond the limit the connection that has been idle longest makes
// room, and one in use does not.
func TestConnections(t *testing.T) {
	p := start(t, "--data-dir", t.TempDir(), "--max-connections", "3")
	addr := strings.TrimPrefix(p.url, "http://")
	dial := func() net.Conn {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		return c
	}
	ask := func(c net.Conn) error {
		if _, err := c.Write([]byte("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			return err
		}
		_, err := c.Read(make([]byte, 4096))
		return err
	}
	var conns []net.Conn
	for range 3 {
		c := dial()
		if err := ask(c); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		time.Sleep(20 * time.Millisecond) // until the server calls it idle
	}
	if err := ask(dial()); err != nil {
		t.Errorf("one more: %v", err)
	}
	if err := ask(conns[0]); err == nil {
		t.Error("the one that was idle longest is still open")
	}
	if err := ask(conns[2]); err != nil {
		t.Errorf("the one that was idle shortest: %v", err)
	}
}
