package api

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"brinell/bearing"
)

// Bytes that a decoder takes for itself, which count as held.
const (
	gzipMemory = 64 << 10
	zstdWindow = 8 << 20 // the largest that a frame may ask for
)

var (
	gzips = sync.Pool{New: func() any { return new(gzip.Reader) }}
	zstds = sync.Pool{New: func() any {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			panic("api: " + err.Error()) // fixed options
		}
		return d
	}}
)

// encodingOf returns how a body is compressed, "" for not at all.
func encodingOf(r *http.Request) (string, error) {
	var encoding string
	for _, e := range r.Header.Values("Content-Encoding") {
		e = strings.ToLower(strings.TrimSpace(e))
		switch {
		case e == "identity" || e == "":
		case encoding == "" && (e == "gzip" || e == "zstd"):
			encoding = e
		default:
			return "", bearing.Errorf(bearing.Unsupported, "encoding_unsupported", "Content-Encoding %q is not read: send gzip, zstd, or the body as it is, and one of them only", bearing.Clip(e))
		}
	}
	return encoding, nil
}

// expanded returns a reader of the body as it was before it was compressed, with at
// most so many bytes of both, and what lets go of its memory.
func (s *server) expanded(w http.ResponseWriter, r *http.Request, own *share, most int64) (io.Reader, func(), error) {
	encoding, err := encodingOf(r)
	if err != nil {
		return nil, nil, err
	}
	wire := http.MaxBytesReader(w, r.Body, most)
	if encoding == "" {
		return wire, func() {}, nil
	}
	memory := int64(gzipMemory)
	if encoding == "zstd" {
		memory = zstdWindow
	}
	if !own.draw(memory) {
		return nil, nil, fullBudget()
	}
	if encoding == "gzip" {
		d := gzips.Get().(*gzip.Reader)
		if err := d.Reset(wire); err != nil {
			gzips.Put(d)
			return nil, nil, s.bodyFailed(corrupt(err))
		}
		return &bounded{d, bound(most), most}, func() { gzips.Put(d) }, nil
	}
	d := zstds.Get().(*zstd.Decoder)
	if err := d.Reset(wire); err != nil {
		zstds.Put(d)
		return nil, nil, s.bodyFailed(corrupt(err))
	}
	return &bounded{d, bound(most), most}, func() {
		_ = d.Reset(nil) // lets go of the body
		zstds.Put(d)
	}, nil
}

// bounded is what comes out of a decoder, up to so many bytes more.
type bounded struct {
	r          io.Reader
	left, most int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, bearing.Errorf(bearing.TooLarge, "decompressed_too_large", "the body is over the limit when it is decompressed: send shorter windows").Over(float64(b.most), 0)
	}
	if err != nil && err != io.EOF {
		err = corrupt(err)
	}
	return n, err
}

// corrupt is the error for a compressed body that cannot be read. One that was cut off
// on the wire, or came too slowly, keeps its own.
func corrupt(err error) error {
	_, long := errors.AsType[*http.MaxBytesError](err)
	_, ours := errors.AsType[*bearing.Error](err)
	if long || ours || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		return bearing.Errorf(bearing.TooLarge, "decompressed_too_large", "the zstd frame asks for a window over %d bytes: compress it with a smaller one", zstdWindow).Over(zstdWindow, 0)
	}
	return bearing.Errorf(bearing.Malformed, "encoding_corrupt", "the body cannot be decompressed: it is damaged or cut off")
}
