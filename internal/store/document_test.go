package store

import (
	"bytes"
	"os"
	"testing"
)

func TestDocuments(t *testing.T) {
	d, err := newDocuments()
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	all, err := os.ReadFile("testdata/diagnoses.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var plain, small int
	for doc := range bytes.Lines(all) {
		b := d.pack(doc)
		plain, small = plain+len(doc), small+len(b)
		var got []byte
		u := d.into(&got)
		if err := u.Scan(b); err != nil || u.old || !bytes.Equal(got, doc) {
			t.Errorf("%v, old %v: %s", err, u.old, got)
		}
		if err := u.Scan(doc); err != nil || !u.old || !bytes.Equal(got, doc) {
			t.Errorf("plain: %v, old %v: %s", err, u.old, got)
		}
		b[len(b)/2] ^= 0x10
		if err := u.Scan(b); err == nil {
			t.Error("a damaged document is read")
		}
	}
	t.Logf("%d bytes become %d", plain, small)
	if small > plain*2/5 {
		t.Errorf("%d bytes become %d, want at most two fifths", plain, small)
	}
}

func BenchmarkDocuments(b *testing.B) {
	d, err := newDocuments()
	if err != nil {
		b.Fatal(err)
	}
	defer d.close()
	all, err := os.ReadFile("testdata/diagnoses.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	doc, _, _ := bytes.Cut(all, []byte("\n"))
	b.Run("pack", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			d.pack(doc)
		}
	})
	b.Run("unpack", func(b *testing.B) {
		p := d.pack(doc)
		var got []byte
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			if err := d.into(&got).Scan(p); err != nil {
				b.Fatal(err)
			}
		}
	})
}
