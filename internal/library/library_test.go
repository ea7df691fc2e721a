package library

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/models"
	"brinell/models/learn"
	"brinell/models/learn/autoencoder"
	"brinell/models/nn"
	"brinell/models/pretrained"
)

// shelf keeps documents.
type shelf map[string][]byte

func (s shelf) Resource(_ context.Context, kind, key string) (bearing.Resource, error) {
	doc, ok := s[kind+" "+key]
	if !ok {
		return bearing.Resource{}, bearing.Errorf(bearing.NotFound, "resource_not_found", "there is none")
	}
	return bearing.Resource{Key: key, Version: 1, Doc: doc}, nil
}

func (s shelf) Resources(_ context.Context, kind, _ string, limit int) (rows []bearing.Resource, err error) {
	for k, doc := range s {
		if rest, ok := bytes.CutPrefix([]byte(k), []byte(kind+" ")); ok && len(rows) < limit {
			rows = append(rows, bearing.Resource{Key: string(rest), Doc: doc})
		}
	}
	return rows, nil
}

func (s shelf) PutResource(_ context.Context, kind, key string, doc []byte, _ int64) (int64, bool, error) {
	s[kind+" "+key] = doc
	return 1, true, nil
}

func (s shelf) DeleteResource(ctx context.Context, kind, key string, _ int64) error {
	_, err := s.Resource(ctx, kind, key)
	delete(s, kind+" "+key)
	return err
}

// core judges nothing.
type core struct {
	m       *models.Model
	dropped []string
}

func (c *core) Model() *models.Model       { return c.m }
func (c *core) Swap(m *models.Model) error { c.m = m; return nil }
func (c *core) Drop(digest string)         { c.dropped = append(c.dropped, digest) }

// variant is the embedded model with its golden windows cut to n: a file of its own.
func variant(t *testing.T, n int) (digest string, file []byte) {
	t.Helper()
	m, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SetGolden(m.GoldenWindows()[:n]); err != nil {
		t.Fatal(err)
	}
	if file, err = m.Encode(); err != nil {
		t.Fatal(err)
	}
	if m, err = models.Decode(file); err != nil {
		t.Fatal(err)
	}
	return m.Digest, file
}

// open returns a library with the embedded model and those that are added, by their digests.
func open(t *testing.T, s shelf, files ...[]byte) (*Library, *core) {
	t.Helper()
	m, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	l, m, err := Open(t.Context(), s, m, false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c := &core{m: m}
	l.Serve(c)
	for _, b := range files {
		if _, _, err := l.Add(t.Context(), b, "me"); err != nil {
			t.Fatal(err)
		}
	}
	return l, c
}

// counted is a shelf that notes how many files are read at a time.
type counted struct {
	shelf
	now, most *atomic.Int64
}

func (c counted) Resource(ctx context.Context, kind, key string) (bearing.Resource, error) {
	if kind == kindFile {
		c.most.Store(max(c.most.Load(), c.now.Add(1)))
		time.Sleep(time.Millisecond)
		defer c.now.Add(-1)
	}
	return c.shelf.Resource(ctx, kind, key)
}

// TestAlone: files are read and proved one at a time, and who goes away meanwhile waits no more.
func TestAlone(t *testing.T) {
	c := counted{shelf{}, new(atomic.Int64), new(atomic.Int64)}
	l, _ := open(t, shelf{})
	l.store = c
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := l.File(t.Context(), "none"); bearing.CodeOf(err) != "model_not_found" {
				t.Error(err)
			}
			if _, err := l.Model(t.Context(), "none"); bearing.CodeOf(err) != "model_not_found" {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if c.most.Load() != 1 {
		t.Errorf("%d files are read at a time", c.most.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = l.alone(t.Context(), func() error {
		if _, err := l.File(ctx, "none"); !errors.Is(err, context.Canceled) {
			t.Errorf("gone: %v", err)
		}
		return nil
	})
}

// TestSameWeights: a file with the weights of a stored one and other labels is refused, not dropped;
// the same file again is no new one.
func TestSameWeights(t *testing.T) {
	digest, file := variant(t, 1)
	l, _ := open(t, shelf{}, file)
	if _, created, err := l.Add(t.Context(), file, "me"); err != nil || created {
		t.Errorf("the same again: created %t, %v", created, err)
	}
	m, err := models.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	m.Labels[1], m.Labels[2] = m.Labels[2], m.Labels[1]
	other, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if same, err := models.Decode(other); err != nil || same.Digest != digest {
		t.Fatalf("another digest: %v", err)
	}
	if _, _, err := l.Add(t.Context(), other, "me"); bearing.CodeOf(err) != "model_conflict" {
		t.Errorf("other labels: %v", err)
	}
}

// TestRollback: each way back goes one promotion further back, over a restart and over
// models that were deleted, and what is promoted after it is what the next one comes from.
func TestRollback(t *testing.T) {
	a, fa := variant(t, 1)
	b, fb := variant(t, 2)
	s := shelf{}
	l, c := open(t, s, fa, fb)
	embedded := c.m.Digest
	promote := func(digest string) {
		t.Helper()
		if _, err := l.Promote(t.Context(), digest, "me", bearing.AnyVersion); err != nil {
			t.Fatal(err)
		}
	}
	back := func(want string) {
		t.Helper()
		_, err := l.Rollback(t.Context(), "me", bearing.AnyVersion)
		if want == "" && bearing.CodeOf(err) == "nothing_before" {
			return
		}
		if err != nil || c.m.Digest != want {
			t.Errorf("went back to %s, %v; want %s", c.m.Digest, err, want)
		}
	}
	back("")
	promote(a)
	promote(b)
	back(a)
	l, c = open(t, s)
	back(embedded)
	back("")
	promote(b)
	promote(a)
	promote(b)
	back(a)
	promote(embedded)
	back(a)
	back(b)
	back(embedded)
	back("")

	promote(a)
	promote(b)
	if err := l.Delete(t.Context(), a, "me"); err != nil {
		t.Fatal(err)
	}
	back(embedded)
	list, err := l.Models(t.Context())
	if err != nil || len(list.Models) != 2 || !list.Changes[0].Back || list.Changes[1].Back {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestPast: what a history leaves of promotions, also one whose beginning is cut off.
func TestPast(t *testing.T) {
	for history, want := range map[string]string{ // the oldest first; a dot before a way back
		"": "", "a": "a", "a b": "a b", "a b .a": "a", "a b c .b .a": "a", "a b a .b c": "a b c", "a b a .b .a": "a", ".a b": "a b", "b .a .c d": "c d",
	} {
		var changes []bearing.ModelChange
		for _, f := range bytes.Fields([]byte(history)) {
			digest, back := bytes.CutPrefix(f, []byte("."))
			changes = slices.Insert(changes, 0, bearing.ModelChange{Digest: string(digest), Back: back})
		}
		if got := fmt.Sprint(past(changes)); got != "["+want+"]" {
			t.Errorf("%s: %s, want %s", history, got, want)
		}
	}
}

// TestDelete: the active model and the embedded one stay, another goes with its file, and
// makes room.
func TestDelete(t *testing.T) {
	a, fa := variant(t, 1)
	b, fb := variant(t, 2)
	s := shelf{}
	l, c := open(t, s, fa)
	embedded := c.m.Digest
	if _, err := l.Promote(t.Context(), a, "me", bearing.AnyVersion); err != nil {
		t.Fatal(err)
	}
	for digest, code := range map[string]string{embedded: "model_builtin", a: "model_active", b: "model_not_found"} {
		if err := l.Delete(t.Context(), digest, "me"); bearing.CodeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
	if _, err := l.Rollback(t.Context(), "me", bearing.AnyVersion); err != nil {
		t.Fatal(err)
	}
	for i := range maxModels - 1 {
		s[fmt.Sprint(kindNote, " ", i)] = []byte("{}")
	}
	if _, _, err := l.Add(t.Context(), fb, "me"); bearing.CodeOf(err) != "too_many_models" {
		t.Errorf("one too many: %v", err)
	}
	if got, err := l.File(t.Context(), a); err != nil || !bytes.Equal(got, fa) {
		t.Errorf("%d bytes, %v; want the %d that came", len(got), err, len(fa))
	}
	if err := l.Delete(t.Context(), a, "me"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.File(t.Context(), a); bearing.CodeOf(err) != "model_not_found" || s[kindFile+" "+a] != nil {
		t.Errorf("after it was deleted: %v", err)
	}
	if !slices.Equal(c.dropped, []string{a}) {
		t.Errorf("the core still has it: dropped %v", c.dropped)
	}
	if _, _, err := l.Add(t.Context(), fb, "me"); err != nil {
		t.Errorf("with room: %v", err)
	}
}

// TestNoClassifier: a model that names no condition is not taken, and Has reads no files.
func TestNoClassifier(t *testing.T) {
	m, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	pre, s := m.Preprocessing, &autoencoder.Settings{Config: autoencoder.Config{Hidden: []int{4}, Epochs: 1, LR: 0.01}}
	set := learn.Set{X: nn.NewTensor(8, pre.Shape().Len(), pre.Shape().C)}
	for i := range set.X.Data {
		set.X.Data[i] = float32(i%7) / 7
	}
	p := learn.Problem{Task: learn.Novelty, Input: pre.Shape(), Outputs: 1}
	n := &models.Model{Manifest: models.Manifest{Name: "strange", Version: "1", Task: learn.Novelty, Learner: "autoencoder", Preprocessing: pre,
		Licence: "test", Training: models.Training{Corpus: "own"}, Scores: []models.Score{{Split: "time"}}}}
	if n.Estimator, err = learn.Fit(t.Context(), s, p, set, learn.Options{}); err != nil {
		t.Fatal(err)
	}
	if n.Settings, err = json.Marshal(s); err != nil {
		t.Fatal(err)
	}
	if err := n.SetGolden(m.GoldenWindows()); err != nil {
		t.Fatal(err)
	}
	file, err := n.Encode()
	if err != nil {
		t.Fatal(err)
	}
	store := make(shelf)
	l, _ := open(t, store)
	if _, _, err := l.Add(t.Context(), file, "test"); bearing.CodeOf(err) != "model_not_classifier" {
		t.Errorf("a model of novelty: %v", err)
	}
	digest, file := variant(t, 1)
	if err := l.Has(t.Context(), digest); bearing.CodeOf(err) != "model_not_found" {
		t.Errorf("before it came: %v", err)
	}
	if _, _, err := l.Add(t.Context(), file, "test"); err != nil {
		t.Fatal(err)
	}
	if err := l.Has(t.Context(), digest); err != nil {
		t.Error(err)
	}
	if err := l.Has(t.Context(), m.Digest); err != nil {
		t.Errorf("the one that the program brings: %v", err)
	}
}
