package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"brinell/bearing"
	"brinell/internal/store"
	"brinell/models"
	"brinell/models/nn"
	"brinell/models/pretrained"
	"brinell/models/prune"
)

// otherModel is a model file that runs and is not the embedded one, and its digest.
func otherModel(t *testing.T) (file []byte, digest string) {
	t.Helper()
	m, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	prune.Weights(m.Network(), 0.8, 8, nil).Apply(m.Network())
	m.SetNetwork(prune.Declare(m.Network(), func(nn.Path, *nn.Param) int { return 8 }))
	if err := m.SetGolden(m.GoldenWindows()); err != nil {
		t.Fatal(err)
	}
	if file, err = m.Encode(); err != nil {
		t.Fatal(err)
	}
	return file, m.Digest
}

// promote sends a model, promotes it, and goes back and forth.
func promote(t *testing.T, url string) {
	file, digest := otherModel(t)
	for i, path := range []string{"/v1/models", "/v1/models/" + digest + "/promote", "/v1/models/rollback", "/v1/models/" + digest + "/promote", "/v1/models/rollback"} {
		body := file
		if i > 0 {
			body = nil
		}
		req, err := http.NewRequestWithContext(t.Context(), "POST", url+path, bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		if body != nil { // what has none says no type
			req.Header.Set("Content-Type", "application/octet-stream")
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode >= 300 {
			t.Errorf("%s: %s %s", path, resp.Status, b)
		}
	}
}

// verifyModel looks for the promotions that were acknowledged: each is noted, and the model
// that is noted last is there whole.
func verifyModel(ctx context.Context, db *store.DB, acked []string) error {
	promotions := 0
	for _, id := range acked {
		if strings.HasPrefix(id, "model ") {
			promotions++
		}
	}
	row, err := db.Resource(ctx, "model_active", "active")
	if bearing.CodeOf(err) == "resource_not_found" && promotions == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	var changes []bearing.ModelChange
	if err := json.Unmarshal(row.Doc, &changes); err != nil {
		return err
	}
	if len(changes)-1 < promotions {
		return fmt.Errorf("%d promotions were acknowledged, %d are noted", promotions, len(changes)-1)
	}
	file, err := db.Resource(ctx, "model", changes[0].Digest)
	if bearing.CodeOf(err) == "resource_not_found" {
		m, err := pretrained.Default()
		if err == nil && m.Digest != changes[0].Digest {
			err = fmt.Errorf("the active model %s is not there", changes[0].Digest)
		}
		return err
	}
	if err != nil {
		return err
	}
	var b []byte
	if err := json.Unmarshal(file.Doc, &b); err != nil {
		return err
	}
	_, err = models.Decode(b)
	return err
}
