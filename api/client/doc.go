// Package client speaks to a Brinell service over HTTP: one method an operation of the
// service's OpenAPI document (GET /openapi.json). It imports package bearing, whose types
// it takes and returns, and the standard library alone.
//
// Times are of time.Time, frequencies and shaft speeds in Hz, acceleration in g and
// velocity in mm/s, as in package bearing.
//
// # Errors
//
// What the service refuses comes back as a *Refusal that wraps a *bearing.Error, whose
// Kind and Code programs may rely on:
//
//	if e, ok := errors.AsType[*bearing.Error](err); ok && e.Code == "window_conflict" { ... }
//
// bearing.CodeOf and bearing.KindOf say the same. Any other error is of the connection, of
// the context, or an answer that is none of the service's. A window whose method returned
// nil is on disk.
//
// # Concurrent writes
//
// What can be written has a version, its Tag. Each read and write returns it, and a write
// that is given one is done only while it still holds: else it is refused with code
// version_mismatch.
package client
