package store

import (
	_ "embed"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// dictionary1 is what documents are compressed with: a few diagnoses, so that of each
// document hardly more than its numbers is written. It is part of the format of the
// data directory and never changes; a better one gets the next number.
//
//go:embed dictionary1.json
var dictionary1 []byte

// dictionary1ID stands in each frame. Numbers below 32,768 are reserved by RFC 8878.
const dictionary1ID = 0x62720001

// maxDocument bounds what a damaged document may inflate to.
const maxDocument = 64 << 20

// documents packs the JSON of diagnoses as zstd frames with a dictionary, about a quarter
// of the size, and unpacks them. Documents of programs before it are plain JSON.
type documents struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newDocuments() (*documents, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true), zstd.WithEncoderDictRaw(dictionary1ID, dictionary1), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxDocument), zstd.WithDecoderConcurrency(0), zstd.WithDecoderDictRaw(dictionary1ID, dictionary1))
	if err != nil {
		return nil, err
	}
	return &documents{enc, dec}, nil
}

func (d *documents) close() {
	_ = d.enc.Close()
	d.dec.Close()
}

func (d *documents) pack(doc []byte) []byte { return d.enc.EncodeAll(doc, make([]byte, 0, len(doc)/3)) }

// packed says whether a stored document is a frame: JSON begins with a brace.
func packed(b []byte) bool { return len(b) > 0 && b[0] == 0x28 }

// into returns a destination of sql.Rows.Scan that puts a stored document into doc as
// JSON.
func (d *documents) into(doc *[]byte) *unpacker { return &unpacker{d: d, doc: doc} }

// reusing is into that writes over what doc has, if that has room.
func (d *documents) reusing(doc *[]byte) *unpacker {
	return &unpacker{d: d, doc: doc, room: (*doc)[:0]}
}

type unpacker struct {
	d    *documents
	doc  *[]byte
	room []byte
	old  bool // it was stored by a program before frames, whose documents lack later keys
}

// Scan implements sql.Scanner. The document is its own memory, or that which is used again.
func (u *unpacker) Scan(v any) (err error) {
	b, ok := v.([]byte)
	if !ok {
		return fmt.Errorf("stored document is of type %T", v)
	}
	if u.old = !packed(b); u.old {
		*u.doc = append(u.room, b...)
		return nil
	}
	room := u.room
	if room == nil {
		room = make([]byte, 0, 6<<10)
	}
	if *u.doc, err = u.d.dec.DecodeAll(b, room); err != nil {
		return fmt.Errorf("stored document is damaged: %w", err)
	}
	return nil
}
