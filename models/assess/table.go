package assess

import (
	"context"
	"fmt"
	"slices"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/models"
	"brinell/models/prune"
)

// Outer is what the outer folds found: answers about bearings that neither training
// nor selection had seen, by protocol and seed.
type Outer struct {
	Folds   map[int]Choice `json:"folds"` // by the size that is left out
	Shipped Choice         `json:"shipped"`
	FromFan Choice         `json:"from_fan_end"`
	Size    [][]Answer     `json:"size"`  // leave one fault size out
	Aside   [][]Answer     `json:"aside"` // the same at 3 and 12 o'clock
	Sensor  [][]Answer     `json:"sensor"`
	ToFan   [][]Answer     `json:"drive_to_fan"`
	ToDrive [][]Answer     `json:"fan_to_drive"`
	MFPT    [][]Answer     `json:"mfpt"`
	Healthy [][]Answer     `json:"healthy"`
}

// Run selects and judges everything.
func (l *Lab) Run(ctx context.Context, seeds int) (*Outer, error) {
	o := &Outer{Folds: map[int]Choice{}}
	var err error
	for _, out := range sizes {
		inner := slices.DeleteFunc(slices.Clone(sizes), func(s int) bool { return s == out })
		if o.Folds[out], err = l.Select(ctx, l.DE, inner, seeds); err != nil {
			return nil, err
		}
	}
	if o.Shipped, err = l.Select(ctx, l.DE, sizes, seeds); err != nil {
		return nil, err
	}
	if o.FromFan, err = l.Select(ctx, l.FE, sizes, seeds); err != nil {
		return nil, err
	}
	all := func(*bearing.Recording) bool { return true }
	for s := range seeds {
		var size7, aside, sensor, healthy []Answer
		for _, out := range sizes {
			c := o.Folds[out]
			training := whole(l.DE, func(r *bearing.Recording) bool { return !size(out)(r) })
			test := l.plusHealthy(slices.Concat(whole(l.DE, size(out)), sensorParts(l.Sensor, out)))
			l.Progress(fmt.Sprintf("leave %d mil out, seed %d", out, s+1))
			a, err := l.cell(ctx, c.Recipe, uint64(s+1), training, test, c.calibration(s))
			if err != nil {
				return nil, err
			}
			for _, x := range a {
				switch {
				case x.Truth == bearing.Normal:
					healthy = append(healthy, x)
				case x.Recording[len(x.Recording)-2:] == "FE":
					if x.Position == "" || x.Position == "6" {
						sensor = append(sensor, x)
					}
				case x.Position == "" || x.Position == "6":
					size7 = append(size7, x)
				default:
					aside = append(aside, x)
				}
			}
		}
		o.Size, o.Aside = append(o.Size, size7), append(o.Aside, aside)
		o.Sensor, o.Healthy = append(o.Sensor, sensor), append(o.Healthy, healthy)

		l.Progress(fmt.Sprintf("drive end to fan end and MFPT, seed %d", s+1))
		a, err := l.cell(ctx, o.Shipped.Recipe, uint64(s+1), whole(l.DE, all), slices.Concat(whole(l.FE, standard(all)), whole(l.MFPT, nil)), o.Shipped.calibration(s))
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(a, func(x Answer) bool { return x.Specimen[:2] != "FE" })
		o.ToFan, o.MFPT = append(o.ToFan, a[:i]), append(o.MFPT, a[i:])

		l.Progress(fmt.Sprintf("fan end to drive end, seed %d", s+1))
		a, err = l.cell(ctx, o.FromFan.Recipe, uint64(s+1), whole(l.FE, all), whole(l.DE, standard(all)), o.FromFan.calibration(s))
		if err != nil {
			return nil, err
		}
		o.ToDrive = append(o.ToDrive, a)
	}
	return o, nil
}

func sensorParts(recs []bearing.Recording, mil int) []dataset.Part {
	return whole(recs, standard(size(mil)))
}

// Ship trains the default model: the shipped recipe on all drive-end bearings, slimmed,
// with the calibration that answers about left-out sizes gave. It returns the network
// before slimming too.
func (l *Lab) Ship(ctx context.Context, o *Outer, seed int) (wide, slim *models.Model, err error) {
	parts := whole(l.DE, nil)
	recipe, fold, sets, err := l.prepare(o.Shipped.Recipe, parts, uint64(seed))
	if err != nil {
		return nil, nil, err
	}
	settings := prune.Settings{Method: prune.NetworkSlimming, Ratio: 0.5, Passes: 2, Floor: 8, Epochs: 6}.Fill()
	recipe.Fit.Budget = settings.Budget
	job := prune.Job{Recipe: recipe, Fold: fold, Sets: sets}
	if wide, err = recipe.TrainOn(ctx, fold, l.labels, sets); err != nil {
		return nil, nil, err
	}
	if slim, err = job.Prune(ctx, wide, settings); err != nil {
		return nil, nil, err
	}
	// Two sizes teach more than the one of the inner folds: the outer answers are the
	// nearest to what the shipped weights will give.
	k := Calibrate(slices.Concat(o.Size[seed-1], o.Healthy[seed-1]))
	wide.Calibration, slim.Calibration = &k, &k
	return wide, slim, nil
}
