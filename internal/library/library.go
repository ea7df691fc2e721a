// Package library keeps model files in the store beside the diagnoses they gave, and says
// which of them is the active one. So a promotion is one transaction, a backup has the
// models, and a diagnosis of any day can be given again.
package library

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"brinell/internal/bearing"
	"brinell/models"
)

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
}

// Core judges by a model, and takes another while it runs.
type Core interface {
	Model() *models.Model
	Swap(m *models.Model) error
}

// Library is safe for concurrent use.
type Library struct {
	store    Store
	fallback *models.Model // embedded, or of --model
	source   string
	log      *slog.Logger
	now      func() time.Time

	mu   sync.Mutex // of a change of the active model
	core Core
}

// Open returns the library in a store and the model with which the service begins: the one
// that was promoted last, unless a file is stated, or it cannot be used, which is logged.
func Open(ctx context.Context, store Store, fallback *models.Model, file bool, log *slog.Logger) (*Library, *models.Model, error) {
	l := &Library{store: store, fallback: fallback, source: bearing.ModelEmbedded, log: log, now: time.Now}
	if file {
		l.source = bearing.ModelFile
		return l, fallback, nil
	}
	changes, _, err := l.changes(ctx)
	if err != nil || len(changes) == 0 {
		return l, fallback, err
	}
	m, err := l.load(ctx, changes[0].Digest)
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

// load returns a model by its digest, proved.
func (l *Library) load(ctx context.Context, digest string) (*models.Model, error) {
	if digest == l.fallback.Digest {
		return l.fallback, nil
	}
	row, err := l.store.Resource(ctx, kindFile, digest)
	if bearing.CodeOf(err) == "resource_not_found" {
		return nil, bearing.Errorf(bearing.NotFound, "model_not_found", "there is no model %q: see /v1/models", bearing.Clip(digest))
	}
	if err != nil {
		return nil, err
	}
	var b []byte
	if err := json.Unmarshal(row.Doc, &b); err != nil {
		return nil, fmt.Errorf("model %s: %w", digest, err)
	}
	return models.Decode(b)
}

// info describes a model.
func (l *Library) info(m *models.Model, source string) bearing.ModelInfo {
	_, total := m.Counts()
	i := bearing.ModelInfo{ModelRef: m.Ref(), Source: source, Active: l.core.Model().Digest == m.Digest, Labels: []string{}, Parameters: total.Params, MACs: total.MACs,
		Card: bearing.ModelCard{Corpus: m.Training.Corpus, Split: m.Training.Split, Licence: m.Licence, Calibrated: m.Calibration != nil, Scores: []bearing.ModelScore{}}}
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
	m, err := l.load(ctx, digest)
	if bearing.CodeOf(err) == "model_rejected" {
		return bearing.ModelInfo{}, bearing.Errorf(bearing.Damaged, "stored_data_corrupt", "the stored model %s is damaged: %v", digest, err)
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
// model_rejected, Invalid model_without_card, Conflict too_many_models, those of the store.
func (l *Library) Add(ctx context.Context, b []byte, by string) (i bearing.ModelInfo, created bool, err error) {
	m, err := models.Decode(b)
	if err != nil {
		return i, false, err
	}
	if m.Licence == "" || m.Training.Corpus == "" || len(m.Scores) == 0 && m.Calibration == nil {
		return i, false, bearing.Errorf(bearing.Invalid, "model_without_card", "the model says not enough of itself: it needs a corpus, a licence, and scores or a calibration, which brinell train, evaluate and select write")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if m.Digest == l.fallback.Digest {
		return l.info(l.fallback, l.source), false, nil
	}
	row, err := l.store.Resource(ctx, kindNote, m.Digest)
	if err == nil {
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
		return i, false, bearing.Errorf(bearing.Conflict, "too_many_models", "there are %d models: that is all there may be", len(rows))
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
	return l.promote(ctx, digest, by, match)
}

func (l *Library) promote(ctx context.Context, digest, by string, match int64) (i bearing.ModelInfo, err error) {
	if l.source == bearing.ModelFile {
		return i, bearing.Errorf(bearing.Conflict, "model_pinned", "the service was started with --model: change that file and send SIGHUP, or start it without")
	}
	m, err := l.load(ctx, digest)
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
		changes = slices.Insert(changes, 0, bearing.ModelChange{Digest: digest, At: l.now().UTC(), By: by})
		doc, err := json.Marshal(changes[:min(len(changes), maxChanges)])
		if err == nil {
			version, _, err = l.store.PutResource(context.WithoutCancel(ctx), kindActive, activeKey, doc, version)
		}
		if err != nil {
			return i, errors.Join(err, l.core.Swap(before))
		}
	}
	l.log.Info("model promoted", "model", m.Name, "digest", digest, "by", by)
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

// Rollback makes the model active again that was so before the present one. Conflict
// nothing_before says that there was none.
func (l *Library) Rollback(ctx context.Context, by string, match int64) (i bearing.ModelInfo, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changes, _, err := l.changes(ctx)
	if err != nil {
		return i, err
	}
	if len(changes) < 2 {
		return i, bearing.Errorf(bearing.Conflict, "nothing_before", "no model was promoted: there is nothing to go back to")
	}
	if i, err = l.promote(ctx, changes[1].Digest, by, match); err != nil {
		return i, fmt.Errorf("roll back to %s: %w", changes[1].Digest, err)
	}
	return i, nil
}
