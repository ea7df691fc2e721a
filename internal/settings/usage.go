package settings

import "fmt"

// UsageError is a command line, a variable of the environment or a file of settings that makes
// no sense.
type UsageError struct{ err error }

func (e UsageError) Error() string { return e.err.Error() }
func (e UsageError) Unwrap() error { return e.err }

// Usage makes err one of those.
func Usage(err error) error { return UsageError{err} }

// Usagef makes one of a format, as fmt.Errorf does.
func Usagef(format string, args ...any) error { return Usage(fmt.Errorf(format, args...)) }
