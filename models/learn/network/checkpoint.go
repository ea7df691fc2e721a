package network

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"

	"brinell/bearing"
	"brinell/internal/clamp"
	"brinell/internal/files"
	"brinell/models/learn"
	"brinell/models/nn"
)

// EpochLine is what a log keeps of an epoch.
type EpochLine struct {
	Epoch      int      `json:"epoch"` // from 1 on
	Epochs     int      `json:"epochs"`
	Step       int      `json:"step"` // of the optimizer, at the epoch's end
	Loss       float64  `json:"loss"` // mean over the epoch, without the L1 term
	Accuracy   float64  `json:"accuracy"`
	Validation *float64 `json:"validation_accuracy"` // null if no window is held out
	LR         float64  `json:"learning_rate"`       // of the last step
	Seed       uint64   `json:"seed"`
	Seconds    float64  `json:"seconds"` // of training, those before a resumption too
	Time       string   `json:"time"`    // RFC 3339
}

// Run is what two fits must share to be the same fit.
type Run struct {
	Spec        nn.Spec `json:"spec"`
	Classes     int     `json:"classes"`
	Windows     int     `json:"windows"`
	Validation  int     `json:"validation_windows"`
	Data        uint32  `json:"data_crc32"` // of the training and validation windows and their labels
	Epochs      int     `json:"epochs"`
	Batch       int     `json:"batch"`
	Optimizer   string  `json:"optimizer"`
	LR          float64 `json:"peak_learning_rate"`
	WeightDecay float64 `json:"weight_decay"`
	Sparsity    float64 `json:"sparsity"`
	Subgradient bool    `json:"subgradient"`
	Seed        uint64  `json:"seed"`
}

// runOf returns it for a fit; cfg has its defaults and its λ.
func runOf(net *nn.Network, set, val learn.Set, cfg Config) Run {
	return Run{net.Spec, net.Classes, set.Len(), val.Len(), checksum(checksum(0, set), val), cfg.Epochs, cfg.Batch,
		cfg.Optimizer, cfg.LR, cfg.WeightDecay, cfg.Sparsity, cfg.Subgradient, cfg.Seed}
}

// checksum goes on with the CRC of a set's windows and labels.
func checksum(crc uint32, s learn.Set) uint32 {
	var buf []byte
	for i, y := range s.Y {
		buf = binary.LittleEndian.AppendUint64(buf[:0], uint64(y)) //nolint:gosec // labels are not negative
		for _, v := range s.X.At(i) {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		crc = crc32.Update(crc, castagnoli, buf)
	}
	return crc
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// differs names the first setting in which two fits are not the same.
func (s Run) differs(o Run) (name string, mine, other any) {
	a, b := s.fields(), o.fields()
	for _, name := range []string{"spec", "classes", "windows", "validation_windows", "data_crc32", "epochs", "batch", "optimizer",
		"peak_learning_rate", "weight_decay", "sparsity", "subgradient", "seed"} {
		if !bytes.Equal(a[name], b[name]) {
			return name, bearing.Clip(string(a[name])), bearing.Clip(string(b[name]))
		}
	}
	return "", nil, nil
}

func (s Run) fields() (f map[string]json.RawMessage) {
	b, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		panic("network: " + err.Error()) // numbers and texts
	}
	return f
}

// Checkpoint is a fit after a whole epoch: with the same settings and data it goes on as
// if it had never stopped.
type Checkpoint struct {
	Settings  Run
	History   []EpochLine
	Weights   [][]float32 // of Network.Params
	Optimizer nn.OptimizerState
	Order     []int    // of the windows
	Shuffle   []byte   // state of the source that shuffles them
	Random    [][]byte // states of the dropouts' sources
}

// A checkpoint file is its magic, the SHA-256 of what follows, and the gob of Checkpoint.
const (
	checkpointMagic = "brinell checkpoint 1\n"
	maxCheckpoint   = 1 << 30 // bytes
)

// Save writes the checkpoint so that path holds the old one or the new one, whole.
func (c *Checkpoint) Save(path string) error {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(c); err != nil {
		return err
	}
	sum := sha256.Sum256(b.Bytes())
	return files.Replace(path, append(append([]byte(checkpointMagic), sum[:]...), b.Bytes()...), nil)
}

// OpenCheckpoint reads what Save wrote. Invalid checkpoint_invalid if it is not that.
func OpenCheckpoint(path string) (*Checkpoint, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	invalid := func(why string) error {
		return bearing.Errorf(bearing.Invalid, "checkpoint_invalid", "%s %s: train anew without --resume", path, why)
	}
	if info.Size() > maxCheckpoint {
		return nil, invalid("is too large for a checkpoint")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	body, ok := bytes.CutPrefix(b, []byte(checkpointMagic))
	if !ok || len(body) < sha256.Size {
		return nil, invalid("is not a checkpoint of brinell train")
	}
	sum, body := [sha256.Size]byte(body), body[sha256.Size:]
	if sha256.Sum256(body) != sum {
		return nil, invalid("is damaged or cut off")
	}
	c := new(Checkpoint)
	if err := gob.NewDecoder(bytes.NewReader(body)).Decode(c); err != nil {
		return nil, invalid("is not read (" + err.Error() + ")")
	}
	return c, nil
}

// checkpoint returns the state after the epochs of history.
func (f *fitter) checkpoint() (*Checkpoint, error) {
	c := &Checkpoint{Settings: f.settings, History: append([]EpochLine(nil), f.history...), Order: append([]int(nil), f.order...)}
	for _, p := range f.net.Params() {
		c.Weights = append(c.Weights, append([]float32(nil), p.W...))
	}
	c.Optimizer = f.opt.State(f.net.Params())
	var err error
	if c.Shuffle, err = f.src.MarshalBinary(); err != nil {
		return nil, err
	}
	c.Random, err = f.net.RandomState()
	return c, err
}

// resume sets the fit to where c left it.
func (f *fitter) resume(c *Checkpoint) error {
	if name, mine, other := f.settings.differs(c.Settings); name != "" {
		return bearing.Errorf(bearing.Conflict, "checkpoint_foreign", "the checkpoint is of another run: its %s is %v, not %v; state what that run had, or train anew without --resume", name, other, mine)
	}
	params := f.net.Params()
	broken := len(c.Weights) != len(params) || len(c.Order) != len(f.order) || len(c.History) > f.cfg.Epochs
	seen := make([]bool, len(f.order))
	for i := 0; !broken && i < len(c.Order); i++ {
		o := c.Order[i]
		if broken = o < 0 || o >= len(seen) || seen[o]; !broken {
			seen[o] = true
		}
	}
	for i := 0; !broken && i < len(params); i++ {
		broken = len(c.Weights[i]) != len(params[i].W)
	}
	err := fmt.Errorf("weights or order do not fit")
	if !broken {
		err = errors.Join(f.opt.Restore(params, c.Optimizer), f.src.UnmarshalBinary(c.Shuffle), f.net.RestoreRandom(c.Random))
	}
	if err != nil {
		return bearing.Errorf(bearing.Invalid, "checkpoint_invalid", "the checkpoint does not fit the network: %v; train anew without --resume", err)
	}
	for i, p := range params {
		copy(p.W, c.Weights[i])
	}
	copy(f.order, c.Order)
	f.history = append(f.history, c.History...)
	if n := len(f.history); n > 0 {
		f.at = f.history[n-1].Step
		f.before = clamp.Seconds(f.history[n-1].Seconds)
	}
	return nil
}

// source is the shuffling source of a seed.
func source(seed uint64) *rand.PCG { return rand.NewPCG(seed, 0xf17) }
