package store

import (
	"fmt"
	"testing"

	"brinell/bearing"
)

// TestResources: versions rise over writes and deletions, a write that asks for another
// version is refused and changes nothing, and all of it is there after a restart.
func TestResources(t *testing.T) {
	dir := t.TempDir()
	db := open(t, Config{Dir: dir})
	ctx := t.Context()
	v1, created, err := db.PutResource(ctx, "machine", "m1", []byte(`{"a":1}`), bearing.NoVersion)
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	if _, _, err := db.PutResource(ctx, "machine", "m1", []byte(`{"a":2}`), bearing.NoVersion); bearing.CodeOf(err) != "version_mismatch" {
		t.Errorf("made twice: %v", err)
	}
	v2, created, err := db.PutResource(ctx, "machine", "m1", []byte(`{"a":3}`), v1)
	if err != nil || created || v2 <= v1 {
		t.Errorf("version %d after %d, created %v, %v", v2, v1, created, err)
	}
	if _, _, err := db.PutResource(ctx, "machine", "m1", []byte(`{"a":4}`), v1); bearing.CodeOf(err) != "version_mismatch" {
		t.Errorf("an old version: %v", err)
	}
	if _, _, err := db.PutResource(ctx, "machine", "m2", []byte(`{}`), bearing.SomeVersion); bearing.CodeOf(err) != "version_mismatch" {
		t.Errorf("any version of what is not there: %v", err)
	}
	if v2, _, err = db.PutResource(ctx, "machine", "m1", []byte(`{"a":3}`), bearing.SomeVersion); err != nil {
		t.Errorf("any version of what is there: %v", err)
	}
	if _, _, err := db.PutResource(ctx, "machine", "m2", []byte(`{}`), v2); bearing.CodeOf(err) != "version_mismatch" {
		t.Errorf("a version of what is not there: %v", err)
	}
	if err := db.DeleteResource(ctx, "machine", "m1", v1); bearing.CodeOf(err) != "version_mismatch" {
		t.Errorf("delete an old version: %v", err)
	}
	if r, err := db.Resource(ctx, "machine", "m1"); err != nil || string(r.Doc) != `{"a":3}` || r.Version != v2 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := db.DeleteResource(ctx, "machine", "m1", v2); err != nil {
		t.Error(err)
	}
	if err := db.DeleteResource(ctx, "machine", "m1", 0); bearing.CodeOf(err) != "resource_not_found" {
		t.Errorf("delete twice: %v", err)
	}
	v3, created, err := db.PutResource(ctx, "machine", "m1", []byte(`{"a":5}`), bearing.AnyVersion)
	if err != nil || !created || v3 <= v2 {
		t.Errorf("version %d after %d, created %v, %v: an ETag must not come back", v3, v2, created, err)
	}
	for i := range 5 {
		if _, _, err := db.PutResource(ctx, "sensor", fmt.Sprint("s", i), []byte(`{}`), 0); err != nil {
			t.Fatal(err)
		}
	}
	shut(t, db)
	db = open(t, Config{Dir: dir})
	page, err := db.Resources(ctx, "sensor", "s1", 2)
	if err != nil || len(page) != 2 || page[0].Key != "s2" || page[1].Key != "s3" {
		t.Errorf("%+v, %v", page, err)
	}
	if r, err := db.Resource(ctx, "machine", "m1"); err != nil || r.Version != v3 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := db.Check(ctx); err != nil {
		t.Error(err)
	}
}
