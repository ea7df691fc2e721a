// Package ingest says where windows come from: a source runs into a sink.
//
// The source is the directory into which files are dropped (package internal/watch); what
// comes by HTTP, as the demo does, is submitted to the same sink by package api, a request
// at a time. The sink is the core, which alone decides on order, quota and repeats.
package ingest

import (
	"context"

	"brinell/bearing"
	"brinell/internal/admit"
)

// Sink takes windows.
type Sink interface {
	// Cut divides a recording, which is a window of any length, into the windows that are
	// judged one after the other. They share its samples.
	Cut(recording *bearing.Window) ([]*bearing.Window, error)

	// Submit judges a window and stores it: when it returns without error, it is on disk. A
	// window that is there already is answered with its first diagnosis, marked as a
	// duplicate. Of one sensor, what is submitted later counts as later.
	Submit(ctx context.Context, w *bearing.Window, e admit.Entry) (bearing.Diagnosis, error)
}

// Source brings windows until its context ends, or it has no more.
type Source interface {
	Run(ctx context.Context, to Sink)
}
