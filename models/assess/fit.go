package assess

import (
	"slices"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/models"
)

// leastBearings and leastConditions are what a calibration is fitted to at least. Of one
// condition, or of a bearing of each, there is no rate of errors to learn.
const (
	leastBearings   = 3
	leastConditions = 2
)

// CalibrateOn fits the calibration of a model to parts of recordings that it has not seen,
// and notes on what. Of a bearing that it has seen at another time the answers are surer
// than those of a plant will be: the note says how many those are. The codes of errors are
// leaks_training_data and calibration_data.
func CalibrateOn(m *models.Model, parts []dataset.Part) (models.Calibration, error) {
	for _, p := range parts {
		if err := m.LeakError(p.Rec.Name, p.From, p.To); err != nil {
			return models.Calibration{}, err
		}
	}
	bare := *m
	bare.Calibration = nil // evidence has none in it, verdicts would
	answers, err := JudgeAll(&bare, parts)
	if err != nil {
		return models.Calibration{}, err
	}
	// Classes of one's own are the network's, no verdict names them.
	answers = slices.DeleteFunc(answers, func(a Answer) bool { return !a.Truth.Known() })
	var fit models.Fit
	var conditions []bearing.Fault
	fit.Groups = len(answers)
	for _, a := range answers {
		if !slices.Contains(fit.Specimens, a.Specimen) {
			fit.Specimens = append(fit.Specimens, a.Specimen)
			if m.SawSpecimen(a.Specimen) {
				fit.Seen++
			}
		}
		if !slices.Contains(conditions, a.Truth) {
			conditions = append(conditions, a.Truth)
		}
	}
	if len(fit.Specimens) < leastBearings || len(conditions) < leastConditions {
		return models.Calibration{}, bearing.Errorf(bearing.Invalid, "calibration_data",
			"%d bearings in %d of the conditions that a verdict names (normal, inner_race, outer_race, ball) have %g s of signal in a row to calibrate on, need %d in %d: add recordings, or longer ones, of bearings that training has not seen",
			len(fit.Specimens), len(conditions), GroupSeconds, leastBearings, leastConditions)
	}
	c := Calibrate(answers)
	c.Fit = &fit
	return c, nil
}
