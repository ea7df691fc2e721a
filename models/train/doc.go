// Package train fits networks and scores them: Fit, Report, and the path from
// the parts of a split to network input.
//
// It never sees a test part while fitting: a Set for training and one for
// validation go in, a network comes out. Reports always name split, fold and
// seed, and how many of the test's physical bearings were seen in training.
package train
