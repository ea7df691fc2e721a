package client

import (
	"context"
	"net/http"

	"brinell/bearing"
)

// Models returns all models, and the changes of the active one. The tag is that of these
// changes, which PromoteModel and RollbackModel may expect.
func (c *Client) Models(ctx context.Context) (bearing.ModelList, Tag, error) {
	return fetch[bearing.ModelList](ctx, c, get("/v1/models", nil))
}

// Model has a model verified, and returns what it says of itself. Error: NotFound
// model_not_found.
func (c *Client) Model(ctx context.Context, digest string) (bearing.ModelInfo, error) {
	i, _, err := fetch[bearing.ModelInfo](ctx, c, get(pathOf("/v1/models/", digest), nil))
	return i, err
}

// ModelFile has a model verified, and returns its file. Error: NotFound model_not_found.
func (c *Client) ModelFile(ctx context.Context, digest string) ([]byte, error) {
	b, _, err := c.read(ctx, get(pathOf("/v1/models/", digest, "/file"), nil))
	return b, err
}

// AddModel has a model file verified and kept; windows are judged by it once it is promoted,
// or registered for a sensor. The same file again is the same model. Errors:
// Invalid model_rejected and model_without_card, Conflict model_rejected.
func (c *Client) AddModel(ctx context.Context, file []byte) (bearing.ModelInfo, error) {
	k := call{method: http.MethodPost, path: "/v1/models", media: "application/octet-stream", body: file}
	i, _, err := fetch[bearing.ModelInfo](ctx, c, k)
	return i, err
}

// PromoteModel has windows judged by a model from now on. Errors: NotFound model_not_found,
// Changed version_mismatch.
func (c *Client) PromoteModel(ctx context.Context, digest string, want Tag) (bearing.ModelInfo, Tag, error) {
	k := call{method: http.MethodPost, path: pathOf("/v1/models/", digest, "/promote")}
	return fetch[bearing.ModelInfo](ctx, c, k.wanting(want))
}

// RollbackModel has windows judged by the model before again; a second time, by the one
// before that. Errors: Changed version_mismatch, Conflict nothing_before.
func (c *Client) RollbackModel(ctx context.Context, want Tag) (bearing.ModelInfo, Tag, error) {
	return fetch[bearing.ModelInfo](ctx, c, call{method: http.MethodPost, path: "/v1/models/rollback"}.wanting(want))
}

// DeleteModel removes a stored model. Errors: NotFound model_not_found, Conflict
// model_active, model_builtin and model_pinned.
func (c *Client) DeleteModel(ctx context.Context, digest string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: pathOf("/v1/models/", digest)})
}
