// Package models holds what a trained classifier is: the zoo of architectures
// (Specs as data), Model (network, preprocessing, labels, provenance), its one
// file format, and Classifier, which runs a model on windows.
//
// Preprocessing belongs to the model: training and serving turn samples into
// network input by the same function, so they cannot drift apart.
//
// Training is in models/train, slimming in models/prune; this package needs
// neither.
package models
