package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"sync"

	"github.com/klauspost/compress/zstd"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// codec turns samples into a blob: little-endian float32, the four bytes of all
// samples apart (all lowest bytes first), then zstd. Apart, the exponents of
// neighbours stand together and compress.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder

	scratch sync.Pool // of *[]byte, what encode needs beside the blob
}

// maxScratch is the largest scratch that is kept; most windows need a hundredth.
const maxScratch = 1 << 20

// maxBlob bounds what a damaged blob may inflate to.
const maxBlob = 1 << 30

func newCodec() (*codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxBlob), zstd.WithDecoderConcurrency(0), zstd.IgnoreChecksum(!verified))
	if err != nil {
		return nil, errors.Join(err, enc.Close())
	}
	return &codec{enc: enc, dec: dec}, nil
}

func (c *codec) close() {
	_ = c.enc.Close()
	c.dec.Close()
}

// encode returns the blob and the CRC-32C of the samples in their natural order.
func (c *codec) encode(x []float32) (blob []byte, crc uint32) {
	n := len(x)
	buf, _ := c.scratch.Get().(*[]byte)
	if buf == nil || len(*buf) < 8*n {
		b := make([]byte, 8*n)
		buf = &b
	}
	if len(*buf) <= maxScratch {
		defer c.scratch.Put(buf)
	}
	plain, apart := (*buf)[:4*n], (*buf)[4*n:8*n]
	b0, b1, b2, b3 := apart[:n], apart[n:2*n], apart[2*n:3*n], apart[3*n:]
	for i, v := range x {
		b := math.Float32bits(v)
		binary.LittleEndian.PutUint32(plain[4*i:], b)
		b0[i], b1[i], b2[i], b3[i] = byte(b), byte(b>>8), byte(b>>16), byte(b>>24)
	}
	// The blob is its own memory: it outlives the scratch.
	return c.enc.EncodeAll(apart, nil), crc32.Checksum(plain, castagnoli)
}

// errDamaged is for a blob that is not what was stored.
var errDamaged = errors.New("stored samples are damaged")

// decode returns the count samples of a blob, or errDamaged.
func (c *codec) decode(blob []byte, count int, crc uint32) ([]float32, error) {
	b, err := c.dec.DecodeAll(blob, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errDamaged, err)
	}
	if len(b) != 4*count {
		return nil, fmt.Errorf("%w: %d bytes for %d samples", errDamaged, len(b), count)
	}
	x := make([]float32, count)
	plain := make([]byte, 0, 4*count)
	for i := range x {
		v := uint32(b[i]) | uint32(b[count+i])<<8 | uint32(b[2*count+i])<<16 | uint32(b[3*count+i])<<24
		x[i] = math.Float32frombits(v)
		plain = binary.LittleEndian.AppendUint32(plain, v)
	}
	if verified && crc32.Checksum(plain, castagnoli) != crc {
		return nil, fmt.Errorf("%w: checksum", errDamaged)
	}
	return x, nil
}
