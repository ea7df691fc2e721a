package bearing

import "time"

// Where a model comes from.
const (
	ModelEmbedded = "embedded" // in the program
	ModelFile     = "file"     // serve --model
	ModelStored   = "stored"   // sent to /v1/models
)

// ModelInfo is what there is to know of a model without reading all of it.
type ModelInfo struct {
	ModelRef
	Source     string       `json:"source" enum:"embedded,file,stored"`
	Active     bool         `json:"active" doc:"windows are judged by it"`
	Labels     []string     `json:"labels" nullable:"false"`
	Parameters int          `json:"parameters"`
	MACs       int          `json:"multiply_accumulates"`
	Bytes      int          `json:"bytes,omitempty" doc:"of the file"`
	Card       ModelCard    `json:"card"`
	Added      *ModelChange `json:"added,omitempty"`
	Version    int64        `json:"-"` // of the changes, where it was made the active one just now
}

// ModelCard is what a model says of its making and its worth.
type ModelCard struct {
	Corpus  string `json:"corpus" doc:"it was trained on"`
	Split   string `json:"split"`
	Licence string `json:"licence"`
	// A network on evidence is judged with the other witnesses, and has a calibration in
	// place of scores of its own.
	Calibrated bool         `json:"calibrated"`
	Scores     []ModelScore `json:"scores" nullable:"false"`
}

// ModelScore is how a model did on what it had not seen, or had.
type ModelScore struct {
	Split         string  `json:"split"`
	Fold          string  `json:"fold,omitempty"`
	Accuracy      float64 `json:"accuracy"`
	MacroF1       float64 `json:"macro_f1"`
	Windows       int     `json:"windows"`
	Specimens     int     `json:"test_bearings"`
	SpecimensSeen int     `json:"test_bearings_seen_in_training"`
}

// ModelChange says when a model was added or made the active one, and by whom.
type ModelChange struct {
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
	By     string    `json:"by,omitempty"`
	Back   bool      `json:"back,omitempty" doc:"by a rollback"`
}

// ModelList are all models, with the changes of the active one, the newest first.
type ModelList struct {
	Models  []ModelInfo   `json:"models" nullable:"false"`
	Changes []ModelChange `json:"changes" nullable:"false"`
	Version int64         `json:"-"` // of the changes, 0 for none
}
