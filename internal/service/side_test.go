package service

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// TestSideConnections: a server beside the API has 64 connections open; for one more the one that
// has been idle longest is closed.
func TestSideConnections(t *testing.T) {
	s, err := side("127.0.0.1:0", http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	closed := func(c net.Conn, wait time.Duration) bool {
		_ = c.SetReadDeadline(time.Now().Add(wait))
		_, err := c.Read(make([]byte, 1))
		return !errors.Is(err, os.ErrDeadlineExceeded)
	}
	first := dial()
	for range 63 {
		dial()
	}
	if closed(first, 300*time.Millisecond) {
		t.Fatal("of 64 connections the first was closed")
	}
	dial()
	if !closed(first, 3*time.Second) { // before the server gives up waiting for its head
		t.Error("of 65 connections the first is open")
	}
}
