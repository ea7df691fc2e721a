package diagnose

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"brinell/bearing"
	"brinell/features"
)

// Registry is a ResourceStore whose references hold: a sensor's machine and bearing exist,
// and a machine on which sensors sit cannot be deleted. It has the sensors at hand for
// every window.
type Registry struct {
	ResourceStore
	Models func(ctx context.Context, digest string) error // says whether there is one, which sensors may name; nil for none
	Retire func(ctx context.Context, sensor string) error // ends the alarms of one that is deleted; nil for no alarms

	Forgets func(ctx context.Context, sensor string) error // removes what is stored of one; nil for none

	Most int64 // bytes that the sensors at hand may take; zero for no bound

	store     Store
	catalogue Catalogue

	write   sync.Mutex // from the check of a reference until it is stored
	mu      sync.RWMutex
	sensors map[string]bearing.Sensor
	held    int64 // bytes that they take
}

// sensorBytes is not less than what a sensor takes at hand: it, its place in a map that grows, what
// it names, and its rule.
func sensorBytes(s *bearing.Sensor) int64 {
	const each, condition, fault = 448, 256, 32
	n := each + 2*len(s.Name) + len(s.Machine) + len(s.Unit) + len(s.Axis) + len(s.Bearing) + len(s.SpeedFrom) + len(s.Model)
	if s.Alarm != nil {
		n += condition
		for i := range s.Alarm.Conditions {
			c := &s.Alarm.Conditions[i]
			n += condition + len(c.Name) + len(c.Kind) + len(c.Severity) + len(c.Zone) + len(c.Feature) + fault*len(c.Faults)
		}
	}
	return int64(n)
}

// hold has a sensor at hand, as small as it is: older programs took rules that name a fault
// many times, and a slice that was read has room for more.
func (r *Registry) hold(name string, s bearing.Sensor) {
	if s.Alarm != nil {
		rule := *s.Alarm
		rule.Conditions = slices.Clip(slices.Clone(rule.Conditions))
		for i := range rule.Conditions {
			faults := &rule.Conditions[i].Faults
			var once []bearing.Fault
			for _, f := range *faults {
				if !slices.Contains(once, f) {
					once = append(once, f)
				}
			}
			*faults = slices.Clip(once)
		}
		s.Alarm = &rule
	}
	s.Name = name
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.sensors[name]; ok {
		r.held -= sensorBytes(&old)
	}
	r.sensors[name] = s
	r.held += sensorBytes(&s)
}

// room refuses a sensor that would take the bytes at hand over their bound, unless it takes no
// more than the one of its name before.
func (r *Registry) room(name string, s *bearing.Sensor) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	more := sensorBytes(s)
	if old, ok := r.sensors[name]; ok {
		more -= sensorBytes(&old)
	}
	if r.Most > 0 && more > 0 && r.held+more > r.Most {
		return bearing.Errorf(bearing.Conflict, "too_many_resources", "the %d sensors that are registered take %d KiB of memory, as much as they may: delete some, give them shorter alarm rules, or the service more with --memory", len(r.sensors), r.held>>10)
	}
	return nil
}

// NewRegistry reads the registered sensors.
func NewRegistry(ctx context.Context, store Store, catalogue Catalogue) (*Registry, error) {
	r := &Registry{ResourceStore: store, store: store, catalogue: catalogue, sensors: make(map[string]bearing.Sensor)}
	for after := ""; ; {
		page, err := store.Resources(ctx, bearing.KindSensor, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, row := range page {
			var s bearing.Sensor
			if err := json.Unmarshal(row.Doc, &s); err != nil {
				return nil, fmt.Errorf("sensor %q: %w", row.Key, err)
			}
			r.hold(row.Key, s)
			after = row.Key
		}
		if len(page) < 1000 {
			return r, nil
		}
	}
}

// Sensor is Sensors of a Core.
func (r *Registry) Sensor(name string) (bearing.Sensor, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s, ok := r.sensors[name]
	return s, ok
}

// PutResource stores a resource whose document makes sense by itself, if what it refers
// to is there: Invalid machine_unknown, bearing_unknown, feature_unknown. It does not end
// with ctx, which would leave the sensors at hand and the stored ones apart.
func (r *Registry) PutResource(ctx context.Context, kind, key string, doc []byte, match int64) (version int64, created bool, err error) {
	if kind != bearing.KindSensor {
		return r.ResourceStore.PutResource(ctx, kind, key, doc, match)
	}
	var s bearing.Sensor
	if err := json.Unmarshal(doc, &s); err != nil {
		return 0, false, fmt.Errorf("sensor %q: %w", key, err)
	}
	r.write.Lock()
	defer r.write.Unlock()
	if s.Machine != "" {
		if _, err := r.Resource(ctx, bearing.KindMachine, s.Machine); bearing.CodeOf(err) == "resource_not_found" {
			return 0, false, bearing.Errorf(bearing.Invalid, "machine_unknown", "there is no machine %q: put it to /v1/machines/%s first", s.Machine, s.Machine).At("/machine")
		} else if err != nil {
			return 0, false, err
		}
	}
	if s.Alarm != nil {
		if err := KnownFeatures(s.Alarm, "/alarm"); err != nil {
			return 0, false, err
		}
	}
	if s.Bearing != "" {
		if _, ok := bearing.Fitted(r.catalogue, s.Bearing); !ok {
			return 0, false, bearing.Unknown(bearing.Invalid, r.catalogue, s.Bearing, "put its geometry or its orders to /v1/bearings first").At("/bearing")
		}
	}
	if s.Model != "" {
		err := r.known(ctx, s.Model)
		if bearing.KindOf(err) == bearing.NotFound {
			return 0, false, bearing.Errorf(bearing.Invalid, "model_unknown", "there is no model %q: send it to /v1/models first", bearing.Clip(s.Model)).At("/model")
		} else if err != nil {
			return 0, false, err
		}
	}
	s.Name = key
	if err := r.room(key, &s); err != nil {
		return 0, false, err
	}
	if err := ctx.Err(); err != nil {
		return 0, false, err
	}
	version, created, err = r.ResourceStore.PutResource(context.WithoutCancel(ctx), kind, key, doc, match)
	if err == nil {
		r.hold(key, s)
	}
	return version, created, err
}

// known says whether there is a model of that digest.
func (r *Registry) known(ctx context.Context, digest string) error {
	if r.Models == nil {
		return bearing.Errorf(bearing.NotFound, "model_not_found", "there are no models")
	}
	return r.Models(ctx, digest)
}

// KnownFeatures refuses a rule about an indicator that no window has, which could never
// raise anything: Invalid feature_unknown, with a pointer that begins with at.
func KnownFeatures(rule *bearing.AlarmRule, at string) error {
	x, err := features.New(features.Config{})
	if err != nil {
		return err
	}
	for i, c := range rule.Conditions {
		if c.Kind != bearing.OnFeature || slices.Contains(x.Names(), c.Feature) {
			continue
		}
		var single, bands []string
		for _, n := range x.Names() {
			if strings.HasPrefix(n, "band_rms_") {
				bands = append(bands, n)
			} else {
				single = append(single, n)
			}
		}
		return bearing.Errorf(bearing.Invalid, "feature_unknown", "no window has an indicator %q: state one of %s, or %s to %s",
			bearing.Clip(c.Feature), strings.Join(single, ", "), bands[0], bands[len(bands)-1]).At(fmt.Sprintf("%s/conditions/%d/feature", at, i))
	}
	return nil
}

// DeleteResource refuses a machine that sensors name, Conflict machine_in_use, and retires
// a sensor before it deletes it: after an error both are asked for again.
func (r *Registry) DeleteResource(ctx context.Context, kind, key string, match int64) error {
	r.write.Lock()
	defer r.write.Unlock()
	if kind == bearing.KindMachine {
		if s := r.on(key); s != "" {
			return bearing.Errorf(bearing.Conflict, "machine_in_use", "sensor %s sits on this machine: change or delete it first", s)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if kind == bearing.KindSensor && r.Retire != nil {
		if row, err := r.Resource(ctx, kind, key); err == nil && bearing.MatchVersion(row.Version, match) == nil { // else it is refused below
			if err := r.Retire(ctx, key); err != nil {
				return err
			}
		}
	}
	err := r.ResourceStore.DeleteResource(ctx, kind, key, match)
	if err == nil && kind == bearing.KindSensor {
		r.mu.Lock()
		if old, ok := r.sensors[key]; ok {
			r.held -= sensorBytes(&old)
			delete(r.sensors, key)
		}
		r.mu.Unlock()
	}
	return err
}

// Forget removes all that is stored of a sensor, its registration too if it has one of the
// version that must match. NotFound sensor_not_found says that nothing is known of it.
func (r *Registry) Forget(ctx context.Context, sensor string, match int64) error {
	if r.Forgets == nil {
		return sensorNotFound(sensor)
	}
	err := r.DeleteResource(ctx, bearing.KindSensor, sensor, match)
	if err != nil && bearing.CodeOf(err) != "resource_not_found" {
		return err
	}
	registered := err == nil
	if err = r.Forgets(context.WithoutCancel(ctx), sensor); registered && bearing.CodeOf(err) == "sensor_not_found" {
		return nil
	}
	return err
}

// Unregistered returns up to limit names after the given one, in their order, of sensors
// that sent windows and are not registered, which --max-sensors bounds.
func (r *Registry) Unregistered(ctx context.Context, after string, limit int) ([]string, error) {
	names, err := r.store.Sensors(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range names { // in their order
		if _, registered := r.Sensor(name); registered || name <= after {
			continue
		}
		if out = append(out, name); len(out) == limit {
			break
		}
	}
	return out, nil
}

// Without calls remove, which takes a bearing out of the catalogue, if no registered sensor
// is judged with it: Conflict bearing_in_use. None comes to be meanwhile.
func (r *Registry) Without(designation string, remove func() error) error {
	r.write.Lock()
	defer r.write.Unlock()
	if s := r.with(bearing.DesignationKey(designation)); s != "" {
		return bearing.Errorf(bearing.Conflict, "bearing_in_use", "sensor %s is registered with this bearing: change or delete it first", s)
	}
	return remove()
}

// with returns the name of a sensor that is judged with the bearing of a key, "" if none is.
func (r *Registry) with(key string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for name, s := range r.sensors {
		if s.Bearing == "" {
			continue
		}
		fitted, ok := bearing.Fitted(r.catalogue, s.Bearing)
		for b := &fitted; ok && b != nil; b = b.Beside {
			if bearing.DesignationKey(b.Designation) == key {
				return name
			}
		}
	}
	return ""
}

// on returns the name of a sensor that sits on a machine, "" if none does.
func (r *Registry) on(machine string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for name, s := range r.sensors {
		if s.Machine == machine {
			return name
		}
	}
	return ""
}
