// Package library keeps model files in the store beside the diagnoses they gave, and says
// which of them is the active one. So a promotion is one transaction, a backup has the
// models, and a diagnosis of any day can be given again.
package library

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"brinell/bearing"
	"brinell/models"
)

// WarnUncalibrated tells the log that the probabilities of a model which is to judge are its own
// word, where they are.
func WarnUncalibrated(log *slog.Logger, m *models.Model) {
	if !m.Calibrated() {
		log.Warn("the model's probabilities are not calibrated: fit them with brinell calibrate", "model", m.Name, "digest", m.Digest[:12])
	}
}

// Limits of a library.
const (
	maxModels  = 100
	maxChanges = 100 // of the active model that are remembered
)

// Kinds of resources in the store.
const (
	kindFile   = "model"        // the file in base64, by digest
	kindNote   = "model_note"   // what there is to know of it, by digest: a list reads no files
	kindActive = "model_active" // the changes of the active one, under one key
	activeKey  = "active"
)

// Store keeps documents.
type Store interface {
	Resource(ctx context.Context, kind, key string) (bearing.Resource, error)
	Resources(ctx context.Context, kind, after string, limit int) ([]bearing.Resource, error)
	PutResource(ctx context.Context, kind, key string, doc []byte, match int64) (version int64, created bool, err error)
	DeleteResource(ctx context.Context, kind, key string, match int64) error
}

// Core judges by a model, and takes another while it runs.
type Core interface {
	Model() *models.Model
	Swap(m *models.Model) error
	Drop(digest string)
}

// Library is safe for concurrent use.
type Library struct {
	store    Store
	fallback *models.Model // embedded, or of --model
	source   string
	log      *slog.Logger
	now      func() time.Time

	proving chan struct{} // one file at a time is proved: each takes memory of its own
	mu      sync.Mutex    // of a change of the active model
	core    Core
}

// decode proves a model file.
func (l *Library) decode(ctx context.Context, b []byte) (m *models.Model, err error) {
	err = l.alone(ctx, func() error {
		m, err = models.Decode(b)
		return err
	})
	return m, err
}

// alone calls f while no other file is read or proved.
func (l *Library) alone(ctx context.Context, f func() error) error {
	select {
	case l.proving <- struct{}{}:
		defer func() { <-l.proving }()
		return f()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// read reads a stored model and proves it.
func (l *Library) read(ctx context.Context, digest string) (b []byte, m *models.Model, err error) {
	err = l.alone(ctx, func() (err error) {
		if b, err = Read(ctx, l.store, digest); err == nil {
			m, err = models.Decode(b)
		}
		return err
	})
	return b, m, err
}

// Open returns the library in a store and the model with which the service begins: the one
// that was promoted last, unless a file is stated, or it cannot be used, which is logged.
func Open(ctx context.Context, store Store, fallback *models.Model, file bool, log *slog.Logger) (*Library, *models.Model, error) {
	l := &Library{store: store, fallback: fallback, source: bearing.ModelEmbedded, log: log, now: time.Now, proving: make(chan struct{}, 1)}
	if file {
		l.source = bearing.ModelFile
		return l, fallback, nil
	}
	changes, _, err := l.changes(ctx)
	if err != nil || len(changes) == 0 {
		return l, fallback, err
	}
	m, err := l.Load(ctx, changes[0].Digest)
	if err != nil {
		log.Error("the promoted model cannot be used: the embedded one is", "digest", changes[0].Digest, "err", err)
		return l, fallback, nil
	}
	return l, m, nil
}

// Serve tells the library which core it changes.
func (l *Library) Serve(c Core) { l.core = c }

// changes returns those of the active model, the newest first.
func (l *Library) changes(ctx context.Context) (list []bearing.ModelChange, version int64, err error) {
	row, err := l.store.Resource(ctx, kindActive, activeKey)
	if bearing.CodeOf(err) == "resource_not_found" {
		return nil, bearing.NoVersion, nil
	}
	if err == nil {
		err = json.Unmarshal(row.Doc, &list)
	}
	return list, row.Version, err
}

// Reader is what a stored model is read from.
type Reader interface {
	Resource(ctx context.Context, kind, key string) (bearing.Resource, error)
}

// Read returns the file of a stored model by its digest, as it came. NotFound
// model_not_found says that there is none.
func Read(ctx context.Context, from Reader, digest string) (b []byte, err error) {
	row, err := from.Resource(ctx, kindFile, digest)
	if bearing.CodeOf(err) == "resource_not_found" {
		return nil, notFound(digest)
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(row.Doc, &b); err != nil {
		return nil, fmt.Errorf("model %s: %w", digest, err)
	}
	return b, nil
}

func notFound(digest string) error {
	return bearing.Errorf(bearing.NotFound, "model_not_found", "there is no model %q: see /v1/models", bearing.Clip(digest))
}

// File returns the file of a model, proved, so that what is kept elsewhere is whole. The
// errors are those of Model.
func (l *Library) File(ctx context.Context, digest string) ([]byte, error) {
	if digest == l.fallback.Digest {
		return l.fallback.Encode()
	}
	b, _, err := l.read(ctx, digest)
	if bearing.CodeOf(err) == "model_rejected" {
		return nil, damaged(digest, err)
	}
	return b, err
}

func damaged(digest string, err error) error {
	return bearing.Errorf(bearing.Damaged, "stored_data_corrupt", "the stored model %s is damaged: %v", digest, err)
}

// Load returns a model by its digest, proved: NotFound model_not_found.
func (l *Library) Load(ctx context.Context, digest string) (*models.Model, error) {
	if digest == l.fallback.Digest {
		return l.fallback, nil
	}
	_, m, err := l.read(ctx, digest)
	return m, err
}

// Has says whether there is a model of that digest: NotFound model_not_found if not.
func (l *Library) Has(ctx context.Context, digest string) error {
	if digest == l.fallback.Digest {
		return nil
	}
	_, err := l.store.Resource(ctx, kindNote, digest)
	if bearing.CodeOf(err) == "resource_not_found" {
		return notFound(digest)
	}
	return err
}

// ForSensor is Load for a sensor that names the model. One that cannot be used is logged.
func (l *Library) ForSensor(ctx context.Context, digest string) (*models.Model, error) {
	m, err := l.Load(ctx, digest)
	if err == nil {
		err = m.CheckTask()
	}
	if bearing.KindOf(err) == bearing.Invalid {
		l.log.Error("a model that sensors name cannot be used: their windows are judged by the active one", "digest", digest, "err", err)
	}
	return m, err
}

// info describes a model.
func (l *Library) info(m *models.Model, source string) bearing.ModelInfo {
	_, total := m.Counts()
	i := bearing.ModelInfo{ModelRef: m.Ref(), Source: source, Active: l.core.Model().Digest == m.Digest, Labels: []string{}, Parameters: total.Params, MACs: total.MACs,
		Card: bearing.ModelCard{Corpus: m.Training.Corpus, Split: m.Training.Split, Licence: m.Licence, Calibrated: m.Calibrated(), Scores: []bearing.ModelScore{}}}
	for _, label := range m.Labels {
		i.Labels = append(i.Labels, label.Name)
	}
	for _, s := range m.Scores {
		i.Card.Scores = append(i.Card.Scores, bearing.ModelScore{Split: s.Split, Fold: s.Fold, Accuracy: s.Accuracy, MacroF1: s.MacroF1, Windows: s.Windows, Specimens: s.Specimens, SpecimensSeen: s.SpecimensSeen})
	}
	return i
}

// Models returns all models, as they were when they came.
func (l *Library) Models(ctx context.Context) (out bearing.ModelList, err error) {
	out = bearing.ModelList{Models: []bearing.ModelInfo{l.info(l.fallback, l.source)}, Changes: []bearing.ModelChange{}}
	rows, err := l.store.Resources(ctx, kindNote, "", maxModels)
	if err != nil {
		return out, err
	}
	for _, row := range rows {
		i, err := l.noted(row)
		if err != nil {
			return out, err
		}
		out.Models = append(out.Models, i)
	}
	changes, version, err := l.changes(ctx)
	out.Changes, out.Version = append(out.Changes, changes...), max(version, 0)
	return out, err
}

// noted reads the note of a stored model.
func (l *Library) noted(row bearing.Resource) (i bearing.ModelInfo, err error) {
	if err := json.Unmarshal(row.Doc, &i); err != nil {
		return i, fmt.Errorf("model %s: %w", row.Key, err)
	}
	i.Active = l.core.Model().Digest == i.Digest
	return i, nil
}

// Model proves one model: sizes, checksums, finite weights, and the logits of its golden
// windows. Errors: NotFound model_not_found, Damaged stored_data_corrupt.
func (l *Library) Model(ctx context.Context, digest string) (bearing.ModelInfo, error) {
	m, err := l.Load(ctx, digest)
	if bearing.CodeOf(err) == "model_rejected" {
		return bearing.ModelInfo{}, damaged(digest, err)
	}
	if err != nil {
		return bearing.ModelInfo{}, err
	}
	if m == l.fallback {
		return l.info(m, l.source), nil
	}
	row, err := l.store.Resource(ctx, kindNote, digest)
	if err != nil {
		return bearing.ModelInfo{}, err
	}
	return l.noted(row)
}

// Add proves a model file and stores it; what is stored already is left as it is. Errors:
// model_rejected, Conflict model_conflict of a file that differs in what the digest leaves out,
// Invalid model_not_classifier and model_without_card, Conflict too_many_models, those of the store.
func (l *Library) Add(ctx context.Context, b []byte, by string) (i bearing.ModelInfo, created bool, err error) {
	m, err := l.decode(ctx, b)
	if err != nil {
		return i, false, err
	}
	if err := cmp.Or(m.CheckTask(), m.CheckCard()); err != nil {
		return i, false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if m.Digest == l.fallback.Digest {
		return l.info(l.fallback, l.source), false, nil
	}
	row, err := l.store.Resource(ctx, kindNote, m.Digest)
	if err == nil {
		stored, err := Read(ctx, l.store, m.Digest)
		if err == nil && !bytes.Equal(stored, b) {
			err = bearing.Errorf(bearing.Conflict, "model_conflict", "another file with the same weights is there as %s, with other labels, preprocessing or calibration: take that one away with DELETE /v1/models/%s first, and if it is the active one, promote another before", m.Digest, m.Digest)
		}
		if err != nil {
			return i, false, err
		}
		i, err = l.noted(row)
		return i, false, err
	}
	if bearing.CodeOf(err) != "resource_not_found" {
		return i, false, err
	}
	rows, err := l.store.Resources(ctx, kindNote, "", maxModels)
	if err != nil {
		return i, false, err
	}
	if len(rows) >= maxModels {
		return i, false, bearing.Errorf(bearing.Conflict, "too_many_models", "there are %d models, as many as there may be: take one away with DELETE /v1/models/{digest}", len(rows))
	}
	i = l.info(m, bearing.ModelStored)
	i.Bytes, i.Added = len(b), &bearing.ModelChange{Digest: m.Digest, At: l.now().UTC(), By: by}
	note, err := json.Marshal(i)
	if err != nil {
		return i, false, err
	}
	file, err := json.Marshal(b) // documents of the store are JSON
	if err != nil {
		return i, false, err
	}
	for _, w := range []struct { // the note last: what it names is there
		kind string
		doc  []byte
	}{{kindFile, file}, {kindNote, note}} {
		if _, _, err := l.store.PutResource(context.WithoutCancel(ctx), w.kind, m.Digest, w.doc, bearing.AnyVersion); err != nil {
			return i, false, err
		}
	}
	return i, true, nil
}

// Promote makes a model the active one: it is proved and warmed up, then noted on disk, and
// windows are judged by it. If it cannot be noted, the one before goes on. match is
// the Version of the ModelList that must hold, as for PutResource. Errors: model_not_found,
// model_rejected, Changed version_mismatch, Conflict model_pinned, those of the store.
func (l *Library) Promote(ctx context.Context, digest, by string, match int64) (i bearing.ModelInfo, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.promote(ctx, digest, by, match, false)
}

func (l *Library) promote(ctx context.Context, digest, by string, match int64, back bool) (i bearing.ModelInfo, err error) {
	if l.source == bearing.ModelFile {
		return i, bearing.Errorf(bearing.Conflict, "model_pinned", "the service was started with --model: change that file and send SIGHUP, or start it without")
	}
	m, err := l.Load(ctx, digest)
	if err != nil {
		return i, err
	}
	changes, version, err := l.changes(ctx)
	if err != nil {
		return i, err
	}
	if err := bearing.MatchVersion(max(version, 0), match); err != nil {
		return i, err
	}
	before := l.core.Model()
	if err := l.core.Swap(m); err != nil {
		return i, bearing.Errorf(bearing.Conflict, "model_rejected", "the model does not run here: %v", err)
	}
	if len(changes) == 0 {
		changes = []bearing.ModelChange{{Digest: before.Digest}} // what there was from the start
	}
	if changes[0].Digest != digest {
		changes = slices.Insert(changes, 0, bearing.ModelChange{Digest: digest, At: l.now().UTC(), By: by, Back: back})
		doc, err := json.Marshal(changes[:min(len(changes), maxChanges)])
		if err == nil {
			version, _, err = l.store.PutResource(context.WithoutCancel(ctx), kindActive, activeKey, doc, version)
		}
		if err != nil {
			return i, errors.Join(err, l.core.Swap(before))
		}
	}
	if before.Digest != digest {
		l.log.Info("model promoted", "model", m.Name, "digest", digest, "by", by)
		WarnUncalibrated(l.log, m)
	}
	i = l.info(m, l.sourceOf(m))
	i.Version = max(version, 0)
	return i, nil
}

func (l *Library) sourceOf(m *models.Model) string {
	if m == l.fallback {
		return l.source
	}
	return bearing.ModelStored
}

// past returns the digests of promotions that stand, the newest last: a way back takes off
// what it went back over, so that the next one goes on from there.
func past(changes []bearing.ModelChange) (digests []string) {
	for _, c := range slices.Backward(changes) {
		if c.Back {
			for len(digests) > 0 {
				digests = digests[:len(digests)-1]
				if n := len(digests); n > 0 && digests[n-1] == c.Digest {
					break
				}
			}
			if len(digests) > 0 {
				continue
			}
		}
		digests = append(digests, c.Digest)
	}
	return digests
}

// Rollback makes the model active again that was so before the present one was promoted; a
// second one goes one promotion further back. Models that are no longer there are passed
// over. Conflict nothing_before says that there is none before.
func (l *Library) Rollback(ctx context.Context, by string, match int64) (i bearing.ModelInfo, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changes, _, err := l.changes(ctx)
	if err != nil {
		return i, err
	}
	digests := past(changes)
	for n := len(digests) - 2; n >= 0; n-- {
		if digests[n] == changes[0].Digest {
			continue
		}
		i, err = l.promote(ctx, digests[n], by, match, true)
		if bearing.CodeOf(err) == "model_not_found" {
			continue
		}
		if err != nil {
			return i, fmt.Errorf("roll back to %s: %w", digests[n], err)
		}
		return i, nil
	}
	return i, bearing.Errorf(bearing.Conflict, "nothing_before", "no model was promoted before the active one that is still there: promote one by its digest, see /v1/models")
}

// Delete removes a stored model. Diagnoses that it gave can be given again only with its
// file from then on. Errors: model_not_found, Conflict model_active, model_builtin,
// model_pinned, those of the store.
func (l *Library) Delete(ctx context.Context, digest, by string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if digest == l.fallback.Digest {
		if l.source == bearing.ModelFile {
			return bearing.Errorf(bearing.Conflict, "model_pinned", "the model is that of serve --model: it is not among the stored ones")
		}
		return bearing.Errorf(bearing.Conflict, "model_builtin", "the model is the program's own: it stays")
	}
	changes, _, err := l.changes(ctx)
	if err != nil {
		return err
	}
	if l.core.Model().Digest == digest || len(changes) > 0 && changes[0].Digest == digest {
		return bearing.Errorf(bearing.Conflict, "model_active", "the model is the active one: promote another, or roll back, before it is deleted")
	}
	gone := 0
	for _, kind := range []string{kindNote, kindFile} { // the note first: what it names is there
		err := l.store.DeleteResource(context.WithoutCancel(ctx), kind, digest, bearing.AnyVersion)
		if bearing.CodeOf(err) == "resource_not_found" {
			gone++
		} else if err != nil {
			return err
		}
	}
	if gone == 2 {
		return notFound(digest)
	}
	l.core.Drop(digest)
	l.log.Info("model deleted", "digest", digest, "by", by)
	return nil
}
