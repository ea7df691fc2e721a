package network

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"brinell/bearing"
	"brinell/models/learn"
	"brinell/models/nn"
)

// toy is two classes of noise about two means, and a network with batch-norm and dropout,
// also inside of combinators: all that has a state.
func toy(t *testing.T) (nn.Spec, learn.Set) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	s := learn.Set{X: nn.NewTensor(50, 16, 1)}
	for i := range 50 {
		s.Y = append(s.Y, i%2)
		for j := range s.X.At(i) {
			s.X.At(i)[j] = float32(rng.NormFloat64() + float64(i%2)*float64(j%3))
		}
	}
	return nn.Spec{Name: "toy", Input: nn.Signal(16, 1), Layers: []nn.Layer{
		nn.Conv(4, 3, 1, nn.Same), nn.BatchNorm(), nn.ReLU(), nn.Residual(nn.Dropout(0.2)),
		nn.Branches([]nn.Layer{nn.Dropout(0.3)}, []nn.Layer{nn.ReLU()}), nn.Dense(6), nn.Dropout(0.5), nn.Logits()}}, s
}

func toyNet(t *testing.T, spec nn.Spec) *nn.Network {
	t.Helper()
	net, err := nn.New(spec, 2, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// TestResume stops after each epoch in turn and goes on from the file: the weights are
// those of the run that never stopped, to the bit, and so is the history.
func TestResume(t *testing.T) {
	spec, set := toy(t)
	for _, optimizer := range []string{"adam", "sgd"} {
		cfg := Config{Epochs: 4, Batch: 8, Optimizer: optimizer, Sparsity: 0.01, Seed: 9}
		whole := toyNet(t, spec)
		if _, err := Fit(context.Background(), whole, set, set, cfg); err != nil {
			t.Fatal(err)
		}
		for stop := 1; stop < cfg.Epochs; stop++ {
			path := filepath.Join(t.TempDir(), "checkpoint")
			errStop := errors.New("stop")
			first := cfg
			first.Keep = func(c *Checkpoint) error {
				if err := c.Save(path); err != nil || len(c.History) < stop {
					return err
				}
				return errStop
			}
			if _, err := Fit(context.Background(), toyNet(t, spec), set, set, first); !errors.Is(err, errStop) {
				t.Fatal(err)
			}
			c, err := OpenCheckpoint(path)
			if err != nil {
				t.Fatal(err)
			}
			second, net := cfg, toyNet(t, spec)
			epochs := []int{}
			second.Resume, second.Epoch = c, func(e EpochLine) error { epochs = append(epochs, e.Epoch); return nil }
			if _, err := Fit(context.Background(), net, set, set, second); err != nil {
				t.Fatal(err)
			}
			if len(epochs) != cfg.Epochs-stop || epochs[0] != stop+1 {
				t.Errorf("%s: after %d epochs it trained the epochs %v", optimizer, stop, epochs)
			}
			for i, p := range whole.Params() {
				if !slices.Equal(p.W, net.Params()[i].W) {
					t.Errorf("%s, stopped after %d epochs: %s differs", optimizer, stop, p.Name())
				}
			}
		}
	}
}

// TestResumeRefused goes on from what is of another run, or damaged.
func TestResumeRefused(t *testing.T) {
	spec, set := toy(t)
	cfg := Config{Epochs: 1, Batch: 8, Seed: 9}
	path := filepath.Join(t.TempDir(), "checkpoint")
	cfg.Keep = func(c *Checkpoint) error { return c.Save(path) }
	if _, err := Fit(context.Background(), toyNet(t, spec), set, learn.Set{}, cfg); err != nil {
		t.Fatal(err)
	}
	open := func() *Checkpoint {
		c, err := OpenCheckpoint(path)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	changed := set
	changed.Y = slices.Clone(set.Y)
	changed.Y[7] = 1 - changed.Y[7]
	for name, f := range map[string]func(*Config, *learn.Set, *Checkpoint) string{
		"seed":   func(c *Config, _ *learn.Set, _ *Checkpoint) string { c.Seed = 8; return "checkpoint_foreign" },
		"epochs": func(c *Config, _ *learn.Set, _ *Checkpoint) string { c.Epochs = 2; return "checkpoint_foreign" },
		"data":   func(_ *Config, s *learn.Set, _ *Checkpoint) string { *s = changed; return "checkpoint_foreign" },
		"order": func(_ *Config, _ *learn.Set, c *Checkpoint) string {
			c.Order[0] = c.Order[1]
			return "checkpoint_invalid"
		},
		"weights": func(_ *Config, _ *learn.Set, c *Checkpoint) string {
			c.Weights[0] = c.Weights[0][1:]
			return "checkpoint_invalid"
		},
		"moments": func(_ *Config, _ *learn.Set, c *Checkpoint) string {
			c.Optimizer.Moments = c.Optimizer.Moments[1:]
			return "checkpoint_invalid"
		},
		"random": func(_ *Config, _ *learn.Set, c *Checkpoint) string {
			c.Random = c.Random[1:]
			return "checkpoint_invalid"
		},
	} {
		cfg, s := cfg, set
		cfg.Resume = open()
		want := f(&cfg, &s, cfg.Resume)
		if _, err := Fit(context.Background(), toyNet(t, spec), s, learn.Set{}, cfg); bearing.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"cut": b[:len(b)-1], "empty": nil, "turned": append(b[:len(b)-1:len(b)-1], b[len(b)-1]^1)} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenCheckpoint(path); bearing.CodeOf(err) != "checkpoint_invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
