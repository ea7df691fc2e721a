package diagnose

import (
	"context"
	"time"

	"brinell/bearing"
)

// Store is what the core and its registry keep what they know in. What it promises beyond these
// signatures is what storetest.Run holds it to: what is acknowledged is durable, what a window
// changes is stored with it or not at all, and history comes back in the order in which it was
// stored.
type Store interface {
	// Append returns after the diagnosis, the window and what they change beside themselves are
	// durable: d itself, or the first diagnosis of a repeated window with Duplicate set.
	Append(ctx context.Context, d bearing.Diagnosis, w *bearing.Window, also *bearing.Effects) (bearing.Diagnosis, error)
	// Sensors returns the names of all of which something is stored, in their order, and Axes
	// the axes of one.
	Sensors(ctx context.Context) ([]string, error)
	Axes(ctx context.Context, sensor string) ([]string, error)
	// ForgetSensor removes all that is stored of a sensor but what is registered and its alarms:
	// NotFound sensor_not_found if there is nothing.
	ForgetSensor(ctx context.Context, sensor string) error
	Past
	States
	Alarms
	ResourceStore
}

// Past is what a window is judged again from: the windows before it, and what was done to the
// baselines of its sensor.
type Past interface {
	// History calls each with the stored diagnoses of all axes of a sensor, in the order in which
	// they were stored.
	History(ctx context.Context, sensor string, each func(bearing.Diagnosis) error) error
	// Resource returns a resource, or NotFound resource_not_found.
	Resource(ctx context.Context, kind, key string) (bearing.Resource, error)
}

// States keeps what sensors have taught beside their diagnoses, so that a core that starts anew
// reads little of what is stored.
type States interface {
	State(ctx context.Context, sensor, axis string) (bearing.StoredState, error)
	PutStates(ctx context.Context, sensor string, folded bool, states ...bearing.AxisState) error
	Unfolded(ctx context.Context) ([]string, error)
}

// Alarms keeps alarms and the machines that raise them, and tells when sensors sent.
type Alarms interface {
	AlarmMachine(ctx context.Context, sensor, axis string) ([]byte, error)
	PutAlarms(ctx context.Context, sensor, axis string, e *bearing.Effects) error
	Alarm(ctx context.Context, id string) (bearing.Alarm, error)
	AlarmAxes(ctx context.Context, sensor string) ([]string, error)
	DueShelves(ctx context.Context, now time.Time, after, limit int) (ids []string, err error)
	Arrivals(ctx context.Context, each func(sensor, axis string, starts, received []time.Time)) error
}

// ResourceStore keeps what users register.
type ResourceStore interface {
	PutResource(ctx context.Context, kind, key string, doc []byte, match int64) (version int64, created bool, err error)
	DeleteResource(ctx context.Context, kind, key string, match int64) error
	Resource(ctx context.Context, kind, key string) (bearing.Resource, error)
	ResourceVersion(ctx context.Context, kind, key string) (version int64, err error)
	Resources(ctx context.Context, kind, after string, limit int) ([]bearing.Resource, error)
	ResourcesOf(ctx context.Context, kind string, of bearing.Parts, after bearing.Part, limit int) ([]bearing.Resource, error)
	CountOf(ctx context.Context, kind string, of bearing.Parts, most int) (int, error)
}
