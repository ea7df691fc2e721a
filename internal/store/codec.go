package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/klauspost/compress/zstd"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// codec turns samples into a blob: little-endian float32, the four bytes of all
// samples apart (all lowest bytes first), then zstd. Apart, the exponents of
// neighbours stand together and compress.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// maxBlob bounds what a damaged blob may inflate to.
const maxBlob = 1 << 30

func newCodec() (*codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxBlob), zstd.WithDecoderConcurrency(0))
	if err != nil {
		return nil, errors.Join(err, enc.Close())
	}
	return &codec{enc, dec}, nil
}

func (c *codec) close() {
	_ = c.enc.Close()
	c.dec.Close()
}

// encode returns the blob and the CRC-32C of the samples in their natural order.
func (c *codec) encode(x []float32) (blob []byte, crc uint32) {
	n := len(x)
	plain, apart := make([]byte, 0, 4*n), make([]byte, 4*n)
	for i, v := range x {
		b := math.Float32bits(v)
		plain = binary.LittleEndian.AppendUint32(plain, b)
		apart[i], apart[n+i], apart[2*n+i], apart[3*n+i] = byte(b), byte(b>>8), byte(b>>16), byte(b>>24)
	}
	return c.enc.EncodeAll(apart, plain[:0:0]), crc32.Checksum(plain, castagnoli)
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
	if crc32.Checksum(plain, castagnoli) != crc {
		return nil, fmt.Errorf("%w: checksum", errDamaged)
	}
	return x, nil
}
