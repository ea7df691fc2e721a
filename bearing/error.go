package bearing

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Kind is a group of errors that the edges treat alike. api maps it to an HTTP
// status, cmd to an exit code.
type Kind string

// The kinds. An error without a Kind is internal, and its text is not for users.
const (
	Malformed   Kind = "malformed"   // the bytes cannot be read
	Invalid     Kind = "invalid"     // readable, but without meaning or outside the limits
	TooLarge    Kind = "too_large"   // over a size limit
	Unsupported Kind = "unsupported" // a form that is not accepted
	NotFound    Kind = "not_found"   // no such thing
	Conflict    Kind = "conflict"    // contradicts what is stored
	Changed     Kind = "changed"     // was written by somebody else meanwhile
	Overloaded  Kind = "overloaded"  // try again later
	TooMany     Kind = "too_many"    // this caller has had its share: try again later

	Unauthorized Kind = "unauthorized" // who is it?
	Forbidden    Kind = "forbidden"    // not for this one
	Damaged      Kind = "damaged"      // what is stored is not what was stored
	Internal     Kind = "internal"     // our bug
)

// Error is an error for a user: a stable code in snake_case that programs may
// rely on, and a message that says what to do. Pointer names the place in the
// input where there is one (a JSON pointer, a parameter, a byte offset); Limit is one that
// was passed and Actual by what, where they are known.
type Error struct {
	Kind    Kind
	Code    string
	Message string
	Pointer string

	Limit, Actual float64
	Retry         time.Duration // after which it is worth trying again; 0 where that is not known, Never
}

func (e *Error) Error() string {
	if e.Pointer != "" {
		return e.Code + ": " + e.Message + " (at " + e.Pointer + ")"
	}
	return e.Code + ": " + e.Message
}

// Errorf returns an *Error with a formatted message. Client data in it is
// passed through Clip.
func Errorf(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// At returns a copy of e that points at a place in the input.
func (e *Error) At(pointer string) *Error {
	c := *e
	c.Pointer = pointer
	return &c
}

// Over returns a copy of e that states a limit and what passed it, 0 if that is not known.
func (e *Error) Over(limit, actual float64) *Error {
	c := *e
	c.Limit, c.Actual = limit, actual
	return &c
}

// Never is the Retry of what no waiting mends.
const Never time.Duration = -1

// After returns a copy of e that says when to try again.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.Retry = d
	return &c
}

// DiagnosisNotFound, AlarmNotFound and ResourceNotFound are the answers to an ID that is not
// there, and to one that is there and not for who asks: the two must not differ.
func DiagnosisNotFound(id string) *Error {
	return Errorf(NotFound, "diagnosis_not_found", "there is no diagnosis %q", Clip(id))
}

// AlarmNotFound is DiagnosisNotFound of an alarm.
func AlarmNotFound(id string) *Error {
	return Errorf(NotFound, "alarm_not_found", "there is no alarm %q", Clip(id))
}

// ResourceNotFound is DiagnosisNotFound of what users register.
func ResourceNotFound(kind, key string) *Error {
	return Errorf(NotFound, "resource_not_found", "there is no %s %q", kind, Clip(key))
}

// KindOf returns the Kind of the first *Error in err's chain, Internal if there
// is none, and "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the code of the first *Error in err's chain, "internal" if
// there is none, and "" for nil.
func CodeOf(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return string(Internal)
}

// clipLen is how much of a client's text an error repeats.
const clipLen = 64

// Clip cuts s to 64 bytes and escapes what is not printable, so that an error
// message can repeat a client's text.
func Clip(s string) string {
	cut := len(s) > clipLen
	if cut {
		s = s[:clipLen]
	}
	q := strconv.Quote(s)
	q = q[1 : len(q)-1]
	if cut {
		q += "..."
	}
	return q
}
