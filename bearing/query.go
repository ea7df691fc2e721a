package bearing

import "time"

// Query selects stored diagnoses, newest start first. Zero fields do not filter.
type Query struct {
	Sensor string
	Fault  Fault
	From   time.Time // start at or after
	To     time.Time // start before
	Limit  int       // at most this many; 0 means DefaultPage
	Cursor string    // NextCursor of the page before
}

// Page sizes of a Query.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Page is one page of diagnoses. NextCursor is empty on the last one.
type Page struct {
	Diagnoses  []Diagnosis `json:"diagnoses"`
	NextCursor string      `json:"next_cursor"`
}
