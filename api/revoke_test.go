package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"brinell/bearing"
	"brinell/internal/keys"
)

// TestHolders: what lasts is cut off at the next look after its key holds no more, again and
// again until it ends, and what is done is let alone; nothing goes on when nobody is there.
func TestHolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := map[string]bool{"a": true, "b": true}
		h := holders{check: func(token string, _ *keys.Key) bool { return good[token] }}
		var a, b holder
		var kicks deadlines
		cut := func(x *holder) bool {
			h.mu.Lock() // orders what a look has done before
			defer h.mu.Unlock()
			return x.gone.Load()
		}
		a.token, a.w = "a", &kicks
		b.token, b.w = "b", &deadlines{}
		h.enter(&a)
		h.enter(&b)
		h.leave(&b)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if cut(&a) || cut(&b) {
			t.Error("cut off with a good key")
		}
		h.mu.Lock()
		good["a"], good["b"] = false, false
		h.mu.Unlock()
		time.Sleep(checkHolders)
		synctest.Wait()
		if !cut(&a) || cut(&b) || kicks.read.Load() == 0 || kicks.write.Load() != 0 {
			t.Errorf("after a look: %v, %v, %d, %d", cut(&a), cut(&b), kicks.read.Load(), kicks.write.Load())
		}
		time.Sleep(checkHolders)
		synctest.Wait()
		if !cut(&a) || kicks.read.Load() != 2 || kicks.write.Load() != 1 {
			t.Errorf("after another: %d, %d", kicks.read.Load(), kicks.write.Load())
		}
		h.leave(&a)
		time.Sleep(10 * checkHolders)
		synctest.Wait()
		if !cut(&a) || kicks.read.Load() != 2 {
			t.Error("cut off after its end")
		}
	})
	if 3*checkHolders+500*time.Millisecond > 2*time.Second {
		t.Error("a look at the file, at the holders, and another do not fit into two seconds")
	}
}

// deadlines are a connection that counts how often it is given a deadline.
type deadlines struct {
	http.ResponseWriter
	read, write atomic.Int64
}

func (d *deadlines) SetReadDeadline(time.Time) error  { d.read.Add(1); return nil }
func (d *deadlines) SetWriteDeadline(time.Time) error { d.write.Add(1); return nil }

// demanding are the keys of a file, demanded once there is one.
type demanding struct{ *keys.Ring }

func (d demanding) Required() bool { return d.Keys().Len() > 0 }

// bigModel is Models with a file that no socket holds.
type (
	noModels = Models
	bigModel struct{ noModels }
)

func (bigModel) File(context.Context, string) ([]byte, error) { return make([]byte, 64<<20), nil }

// TestRevoked: whatever lasts, over a connection that sends or takes slowly or without end,
// ends within two seconds of the moment at which its key is revoked, expires, may do less, or
// is first demanded.
func TestRevoked(t *testing.T) {
	window := "POST /v1/sensors/pump/windows?start=2026-01-31T12:00:00Z&sample_rate_hz=12000&unit=g HTTP/1.1\r\nContent-Type: application/octet-stream\r\n"
	bulk := "POST /v1/windows HTTP/1.1\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n"
	stream := "GET /v1/stream?sensor=pump HTTP/1.1\r\n"
	line := `{"sensor":"pump","axis":"x","start":"2026-01-31T12:00:00Z","sample_rate_hz":12000,"unit":"g","samples":[1,2]}` + "\n"
	revoke := func(file string, k keys.Key) error { return keys.Revoke(file, k.ID) }
	edit := func(old, new string) func(string, keys.Key) error {
		return func(file string, _ keys.Key) error {
			b, err := os.ReadFile(file)
			if !bytes.Contains(b, []byte(old)) {
				return fmt.Errorf("no %s in %s", old, b)
			}
			return errors.Join(err, os.WriteFile(file, bytes.Replace(b, []byte(old), []byte(new), 1), 0o600))
		}
	}
	for _, c := range []struct {
		name, head string
		more       string // sent without end
		pause      time.Duration
		change     func(file string, k keys.Key) error
		key        keys.Key
		life       time.Duration
	}{
		{name: "a stream", head: stream + "\r\n", change: revoke},
		{name: "a stream of a key that expires", head: stream + "\r\n", life: 2 * time.Second},
		{name: "a stream of a key that may read no more", head: stream + "\r\n", change: edit(`"admin"`, `"ingest"`)},
		{name: "a stream of a key that is limited", head: stream + "\r\n", change: edit(`"scopes"`, `"sensors":["fan"],"scopes"`)},
		{name: "an upload that stands still", head: bulk + "\r\n", change: revoke},
		{name: "an upload of many lines", head: bulk + "\r\n", more: fmt.Sprintf("%x\r\n%s\r\n", len(line), line), pause: 5 * time.Millisecond, change: revoke},
		{name: "an upload of lines without end", head: bulk + "\r\n", more: fmt.Sprintf("%x\r\n%s\r\n", 4096, strings.Repeat(" ", 4096)), pause: 10 * time.Millisecond, change: revoke},
		{name: "a window that comes slowly", head: window + "Content-Length: 60000\r\n\r\n", more: "a", pause: 10 * time.Millisecond, change: revoke},
		{name: "a window that stands still", head: window + "Content-Length: 60000\r\n\r\nabc", change: revoke},
		{name: "a large window", head: window + "Content-Length: 16000000\r\n\r\n", more: strings.Repeat("a", 4000), pause: 10 * time.Millisecond, change: revoke},
		{name: "a document", head: "PUT /v1/machines/m HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{", more: " ", pause: 10 * time.Millisecond, change: revoke},
		{name: "an answer that nobody takes", head: "GET /v1/models/x/file HTTP/1.1\r\n\r\n", change: revoke},
		{name: "a stream without a key", head: stream + "\r\n", key: keys.Key{Name: "none"}, change: func(file string, _ keys.Key) error {
			_, _, err := keys.Create(file, keys.Key{Name: "first", Scopes: []keys.Scope{keys.Read}}, time.Now())
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file, token := filepath.Join(t.TempDir(), "keys.json"), ""
			k := c.key
			if c.life > 0 {
				k.Expires = time.Now().Add(c.life)
			}
			if k.Name == "" {
				k.Name, k.Scopes = "k", []keys.Scope{keys.Admin}
				var err error
				if k, token, err = keys.Create(file, k, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			ring, err := keys.Open(file, slog.New(slog.DiscardHandler), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			f := &fake{submitCtx: func(ctx context.Context, w *bearing.Window) (bearing.Diagnosis, error) {
				return bearing.Diagnosis{ID: w.ID()}, ctx.Err()
			}}
			b := backend(f)
			b.Events, b.Models = noEvents{}, bigModel{}
			h, err := New(Config{Keys: demanding{ring}}, b)
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(h)
			defer srv.Close()
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			auth := "Host: localhost\r\n"
			if token != "" {
				auth += "Authorization: Bearer " + token + "\r\n"
			}
			_, _ = io.WriteString(conn, strings.Replace(c.head, "HTTP/1.1\r\n", "HTTP/1.1\r\n"+auth, 1))
			var sending sync.WaitGroup
			sending.Go(func() {
				for c.more != "" {
					if _, err := io.WriteString(conn, c.more); err != nil {
						return
					}
					time.Sleep(c.pause)
				}
			})
			time.Sleep(300 * time.Millisecond)
			began := time.Now()
			if c.change != nil {
				if err := c.change(file, k); err != nil {
					t.Fatal(err)
				}
			} else {
				began = k.Expires
			}
			if strings.Contains(c.name, "nobody takes") {
				time.Sleep(2 * time.Second) // then what is on the way ends in the middle
			}
			_ = conn.SetReadDeadline(began.Add(4 * time.Second))
			n, err := io.Copy(io.Discard, conn)
			took := time.Since(began)
			if errors.Is(err, os.ErrDeadlineExceeded) || took > 2500*time.Millisecond || took < 0 || n >= 64<<20 {
				t.Errorf("it ended %s after, with %d bytes, %v", took, n, err)
			}
			conn.Close()
			sending.Wait()
			if strings.Contains(c.name, "window") && len(f.windows) > 0 {
				t.Error("a window was taken of a key that holds no more")
			}
		})
	}
}
