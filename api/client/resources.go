package client

import (
	"context"
	"iter"
	"net/http"

	"brinell/bearing"
)

// List says which part of a list is wanted: at most Limit from Cursor on, which is
// NextCursor of the page before. Zero fields mean the first page, of the service's length.
type List struct {
	Limit  int
	Cursor string
}

func (l List) values(pairs ...string) []string {
	return append(pairs, "limit", whole(l.Limit), "cursor", l.Cursor)
}

// Page is a part of a list, by name. NextCursor is "" in the last one.
type Page[T any] struct {
	Items      []T
	NextCursor string
}

// All goes through all pages of a list: page returns the items after a cursor, and the
// next one. It ends with the first error, which stands beside a zero item.
//
//	machines := client.All(func(cursor string) ([]bearing.Machine, string, error) {
//		p, err := c.Machines(ctx, client.List{Cursor: cursor})
//		return p.Items, p.NextCursor, err
//	})
func All[T any](page func(cursor string) (items []T, next string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor := ""; ; {
			items, next, err := page(cursor)
			for _, v := range items {
				if !yield(v, nil) {
					return
				}
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			if cursor = next; cursor == "" {
				return
			}
		}
	}
}

// remove deletes what stands at a path.
func (c *Client) remove(ctx context.Context, path string, want Tag, query ...string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: path, query: values(query...)}.wanting(want))
}

// Machines returns a page of the machines.
func (c *Client) Machines(ctx context.Context, l List) (Page[bearing.Machine], error) {
	p, _, err := fetch[struct {
		Machines []bearing.Machine `json:"machines"`
		Next     string            `json:"next_cursor"`
	}](ctx, c, get("/v1/machines", values(l.values()...)))
	return Page[bearing.Machine]{p.Machines, p.Next}, err
}

// Machine returns a machine. Error: NotFound resource_not_found.
func (c *Client) Machine(ctx context.Context, name string) (bearing.Machine, Tag, error) {
	return fetch[bearing.Machine](ctx, c, get(pathOf("/v1/machines/", name), nil))
}

// PutMachine makes or replaces the machine of m.Name. Errors: Invalid field_invalid, Changed
// version_mismatch.
func (c *Client) PutMachine(ctx context.Context, m bearing.Machine, want Tag) (bearing.Machine, Tag, error) {
	return write[bearing.Machine](ctx, c, http.MethodPut, pathOf("/v1/machines/", m.Name), m, want)
}

// DeleteMachine removes a machine. Errors: NotFound resource_not_found, Conflict
// machine_in_use, Changed version_mismatch.
func (c *Client) DeleteMachine(ctx context.Context, name string, want Tag) error {
	return c.remove(ctx, pathOf("/v1/machines/", name), want)
}

// SensorList is a List of sensors: where Registered points at false, of those that windows
// brought in by their names alone.
type SensorList struct {
	List
	Registered *bool
}

// Sensors returns a page of the sensors.
func (c *Client) Sensors(ctx context.Context, l SensorList) (Page[bearing.Sensor], error) {
	p, _, err := fetch[struct {
		Sensors []bearing.Sensor `json:"sensors"`
		Next    string           `json:"next_cursor"`
	}](ctx, c, get("/v1/sensors", values(l.values("registered", truth(l.Registered))...)))
	return Page[bearing.Sensor]{p.Sensors, p.Next}, err
}

// Sensor returns what is registered of a sensor. Error: NotFound resource_not_found.
func (c *Client) Sensor(ctx context.Context, name string) (bearing.Sensor, Tag, error) {
	return fetch[bearing.Sensor](ctx, c, get(pathOf("/v1/sensors/", name), nil))
}

// PutSensor registers the sensor of s.Name, or registers it anew. Errors: Invalid
// field_invalid and what else s.Validate says, machine_unknown, model_unknown, Changed
// version_mismatch.
func (c *Client) PutSensor(ctx context.Context, s bearing.Sensor, want Tag) (bearing.Sensor, Tag, error) {
	return write[bearing.Sensor](ctx, c, http.MethodPut, pathOf("/v1/sensors/", s.Name), s, want)
}

// What DeleteSensor does with what is stored of the sensor.
const (
	KeepWindows   = "keep"   // only the registration goes
	DeleteWindows = "delete" // all goes, of a sensor that is registered or not
)

// DeleteSensor removes a sensor, and with DeleteWindows its windows, diagnoses and alarms.
// Errors: NotFound resource_not_found, Changed version_mismatch.
func (c *Client) DeleteSensor(ctx context.Context, name, windows string, want Tag) error {
	return c.remove(ctx, pathOf("/v1/sensors/", name), want, "windows", windows)
}

// InspectionList is a List of inspections, of one sensor where Sensor names it.
type InspectionList struct {
	List
	Sensor string
}

// Inspections returns a page of the inspections.
func (c *Client) Inspections(ctx context.Context, l InspectionList) (Page[bearing.Inspection], error) {
	p, _, err := fetch[struct {
		Inspections []bearing.Inspection `json:"inspections"`
		Next        string               `json:"next_cursor"`
	}](ctx, c, get("/v1/inspections", values(l.values("sensor", l.Sensor)...)))
	return Page[bearing.Inspection]{p.Inspections, p.Next}, err
}

// Inspection returns an inspection. Error: NotFound resource_not_found.
func (c *Client) Inspection(ctx context.Context, name string) (bearing.Inspection, Tag, error) {
	return fetch[bearing.Inspection](ctx, c, get(pathOf("/v1/inspections/", name), nil))
}

// PutInspection makes or replaces the inspection of i.Name. Errors: Invalid field_invalid,
// Changed version_mismatch.
func (c *Client) PutInspection(ctx context.Context, i bearing.Inspection, want Tag) (bearing.Inspection, Tag, error) {
	return write[bearing.Inspection](ctx, c, http.MethodPut, pathOf("/v1/inspections/", i.Name), i, want)
}

// DeleteInspection removes an inspection. Errors: NotFound resource_not_found, Changed
// version_mismatch.
func (c *Client) DeleteInspection(ctx context.Context, name string, want Tag) error {
	return c.remove(ctx, pathOf("/v1/inspections/", name), want)
}

// Webhooks returns a page of the webhooks, without their secrets.
func (c *Client) Webhooks(ctx context.Context, l List) (Page[bearing.Webhook], error) {
	p, _, err := fetch[struct {
		Webhooks []bearing.Webhook `json:"webhooks"`
		Next     string            `json:"next_cursor"`
	}](ctx, c, get("/v1/webhooks", values(l.values()...)))
	return Page[bearing.Webhook]{p.Webhooks, p.Next}, err
}

// Webhook returns a webhook without its secret. Error: NotFound resource_not_found.
func (c *Client) Webhook(ctx context.Context, name string) (bearing.Webhook, Tag, error) {
	return fetch[bearing.Webhook](ctx, c, get(pathOf("/v1/webhooks/", name), nil))
}

// PutWebhook makes or replaces the webhook of w.Name; one without a secret keeps the one
// that it had. Errors: Invalid field_invalid, webhook_url and webhook_secret, Changed
// version_mismatch.
func (c *Client) PutWebhook(ctx context.Context, w bearing.Webhook, want Tag) (bearing.Webhook, Tag, error) {
	return write[bearing.Webhook](ctx, c, http.MethodPut, pathOf("/v1/webhooks/", w.Name), w, want)
}

// DeleteWebhook removes a webhook: it is told nothing more. Errors: NotFound
// resource_not_found, Changed version_mismatch.
func (c *Client) DeleteWebhook(ctx context.Context, name string, want Tag) error {
	return c.remove(ctx, pathOf("/v1/webhooks/", name), want)
}

// TestWebhook has a message sent that is about nothing, and returns nil if it was
// taken. Errors: NotFound resource_not_found, Conflict webhook_failed.
func (c *Client) TestWebhook(ctx context.Context, name string) error {
	return c.do(ctx, call{method: http.MethodPost, path: pathOf("/v1/webhooks/", name, "/test")})
}

// Delivery returns how far a webhook is told. Error: NotFound resource_not_found.
func (c *Client) Delivery(ctx context.Context, name string) (bearing.Delivery, error) {
	d, _, err := fetch[bearing.Delivery](ctx, c, get(pathOf("/v1/webhooks/", name, "/delivery"), nil))
	return d, err
}

// Bearings returns a page of the catalogue, by designation.
func (c *Client) Bearings(ctx context.Context, l List) (Page[bearing.CatalogueEntry], error) {
	p, _, err := fetch[struct {
		Bearings []bearing.CatalogueEntry `json:"bearings"`
		Next     string                   `json:"next_cursor"`
	}](ctx, c, get("/v1/bearings", values(l.values()...)))
	return Page[bearing.CatalogueEntry]{p.Bearings, p.Next}, err
}

// Bearing returns the bearing that a window with a designation is judged with: "6205 2Z"
// finds a 6205. Error: NotFound bearing_unknown.
func (c *Client) Bearing(ctx context.Context, designation string) (bearing.CatalogueEntry, Tag, error) {
	return fetch[bearing.CatalogueEntry](ctx, c, get(pathOf("/v1/bearings/", designation), nil))
}

// PutBearing adds a bearing to the catalogue, or replaces one that was added: by its
// geometry (mm, radians) or by its stated orders. Errors: Invalid bearing_name and
// bearing_invalid, Conflict bearing_builtin, Changed version_mismatch.
func (c *Client) PutBearing(
	ctx context.Context, b bearing.KnownBearing, want Tag,
) (bearing.CatalogueEntry, Tag, error) {
	e := b.Entry()
	doc := struct {
		Geometry *bearing.GeometryEntry `json:"geometry,omitempty"`
		Orders   *bearing.OrdersEntry   `json:"orders,omitempty"`
		Source   string                 `json:"source,omitempty"`
		Licence  string                 `json:"licence,omitempty"`
	}{Geometry: e.Geometry, Source: b.Source, Licence: b.Licence}
	if e.Geometry == nil {
		doc.Orders = &e.Orders
	}
	return write[bearing.CatalogueEntry](ctx, c, http.MethodPut, pathOf("/v1/bearings/", b.Designation), doc, want)
}

// DeleteBearing removes a bearing that was added. Errors: NotFound bearing_unknown, Conflict
// bearing_builtin and bearing_in_use, Changed version_mismatch.
func (c *Client) DeleteBearing(ctx context.Context, designation string, want Tag) error {
	return c.remove(ctx, pathOf("/v1/bearings/", designation), want)
}
