package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"brinell/bearing"
	"brinell/internal/report"
	"brinell/internal/settings"
	"brinell/models/learn/network"
)

// runFlags say what a training run leaves behind, and where it goes on.
type runFlags struct {
	log, curves, checkpoint, resume string
}

func (r *runFlags) add(f *pflag.FlagSet) {
	f.StringVar(&r.log, "log", "", "write JSON lines to this file: the settings, then a line an epoch")
	f.StringVar(&r.curves, "curves", "", "draw loss, accuracy and learning rate to this .svg or .png file")
	f.StringVar(&r.checkpoint, "checkpoint", "", "keep the state after each epoch in this file (default that of --resume)")
	f.StringVar(&r.resume, "resume", "", "go on from this checkpoint; every other flag as in the run that wrote it")
}

// check refuses what would fail only after the training.
func (r *runFlags) check() error {
	if err := checkPicture("curves", r.curves); err != nil {
		return err
	}
	for name, path := range map[string]string{"log": r.log, "curves": r.curves, "checkpoint": r.checkpoint} {
		if path == "" {
			continue
		}
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
			return settings.Usagef("--%s %s: its directory is not there", name, path)
		}
	}
	if r.resume != "" && r.checkpoint == "" {
		r.checkpoint = r.resume
	}
	return nil
}

// trainRun keeps the epochs of a training run.
type trainRun struct {
	flags  runFlags
	head   runHead
	epochs []network.EpochLine
	log    *os.File
}

// runHead is the first line of a log.
type runHead struct {
	Version string `json:"version"` // of the program
	Corpus  string `json:"corpus"`
	Labels  string `json:"labels"`
	Split   string `json:"split"`
	Fold    string `json:"fold"`
	network.Run
}

// begin puts the run's functions into a fit.
func (r runFlags) begin(head runHead, cfg *network.Config) (*trainRun, error) {
	u := &trainRun{flags: r, head: head}
	if r.resume != "" {
		c, err := network.OpenCheckpoint(r.resume)
		if err != nil {
			return nil, err
		}
		cfg.Resume = c
	}
	cfg.Epoch = u.epoch
	if r.checkpoint != "" {
		cfg.Keep = func(c *network.Checkpoint) error { return c.Save(r.checkpoint) }
	}
	cfg.Start = u.start
	return u, nil
}

// start writes the settings, and the epochs before a resumption: the log of a resumed run
// has each epoch once, like that of one that was never stopped.
func (u *trainRun) start(s network.Run, past []network.EpochLine) (err error) {
	u.head.Run = s
	u.epochs = append(u.epochs, past...)
	if u.flags.log == "" {
		return nil
	}
	if u.log, err = os.Create(u.flags.log); err != nil {
		return err
	}
	if err := u.write(u.head); err != nil {
		return err
	}
	for _, e := range past {
		if err := u.write(e); err != nil {
			return err
		}
	}
	return nil
}

func (u *trainRun) epoch(e network.EpochLine) error {
	if math.IsNaN(e.Loss) || math.IsInf(e.Loss, 0) {
		return bearing.Errorf(bearing.Invalid, "training_diverged", "the loss of epoch %d is not a number: lower --lr", e.Epoch)
	}
	u.epochs = append(u.epochs, e)
	if u.log == nil {
		return nil
	}
	return u.write(e)
}

func (u *trainRun) write(v any) error {
	b, err := json.Marshal(v)
	if err == nil {
		_, err = u.log.Write(append(b, '\n'))
	}
	return err
}

// stopped says of a run that was interrupted how to go on with it. Other errors stay as they are.
func (u *trainRun) stopped(err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	switch n := len(u.epochs); {
	case n > 0 && u.flags.checkpoint != "":
		return fmt.Errorf("interrupted after %d whole epochs: the same flags with --resume %s go on from there", n, u.flags.checkpoint)
	case u.flags.checkpoint != "":
		return errors.New("interrupted before an epoch was whole: there is nothing to go on from, start again")
	}
	return errors.New("interrupted, and nothing is kept: start again, with --checkpoint FILE for a run that can be gone on with")
}

// close ends the log and draws the curves of the epochs that there are.
func (u *trainRun) close() (err error) {
	if u.log != nil {
		err = u.log.Close()
	}
	if u.flags.curves != "" && len(u.epochs) > 0 {
		if e := report.PlotCurves(u.flags.curves, fmt.Sprintf("%s, %s, split %s, seed %d", u.head.Spec.Name, u.head.Corpus, u.head.Split, u.head.Seed), u.epochs); err == nil {
			err = e
		}
	}
	return err
}

// validation says how the last epoch did on the windows held out.
func (u *trainRun) validation() string {
	if n := len(u.epochs); n > 0 && u.epochs[n-1].Validation != nil {
		return fmt.Sprintf("validation accuracy %.4f", *u.epochs[n-1].Validation)
	}
	return "no validation windows"
}
