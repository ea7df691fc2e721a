package api

import "brinell/internal/keys"

// open is the scope of routes that need no key.
const open keys.Scope = ""

// scopes says which scope a key needs for each route. A route that is not here is not
// served: a test and the start of the service compare the table with the router.
var scopes = map[string]keys.Scope{
	"GET /healthz":      open,
	"GET /readyz":       open,
	"GET /openapi.json": open,
	"GET /docs":         open,
	"GET /docs/*":       open,

	"POST /v1/sensors/{sensor}/windows": keys.Ingest,
	"POST /v1/windows":                  keys.Ingest,

	"GET /metrics":                     keys.Read,
	"GET /v1/diagnoses":                keys.Read,
	"GET /v1/diagnoses/{id}":           keys.Read,
	"GET /v1/windows/{id}":             keys.Read,
	"GET /v1/windows/{id}/spectrum":    keys.Read,
	"GET /v1/windows/{id}/envelope":    keys.Read,
	"GET /v1/sensors/{name}/trends":    keys.Read,
	"GET /v1/bearings":                 keys.Read,
	"GET /v1/bearings/{designation}":   keys.Read,
	"GET /v1/machines":                 keys.Read,
	"GET /v1/machines/{name}":          keys.Read,
	"GET /v1/sensors":                  keys.Read,
	"GET /v1/sensors/{name}":           keys.Read,
	"GET /v1/sensors/{name}/baselines": keys.Read,
	"GET /v1/models":                   keys.Read,
	"GET /v1/models/{digest}":          keys.Read,
	"GET /v1/models/{digest}/file":     keys.Read,
	"GET /v1/inspections":              keys.Read,
	"GET /v1/inspections/{name}":       keys.Read,
	"GET /v1/alarms":                   keys.Read,
	"GET /v1/alarms/{id}":              keys.Read,
	"GET /v1/stream":                   keys.Read,

	"PUT /v1/bearings/{designation}":    keys.Admin,
	"PUT /v1/machines/{name}":           keys.Admin,
	"DELETE /v1/machines/{name}":        keys.Admin,
	"PUT /v1/sensors/{name}":            keys.Admin,
	"DELETE /v1/sensors/{name}":         keys.Admin,
	"POST /v1/sensors/{name}/baselines": keys.Admin,
	"PUT /v1/inspections/{name}":        keys.Admin,
	"DELETE /v1/inspections/{name}":     keys.Admin,
	"GET /v1/webhooks":                  keys.Admin,
	"GET /v1/webhooks/{name}":           keys.Admin,
	"PUT /v1/webhooks/{name}":           keys.Admin,
	"DELETE /v1/webhooks/{name}":        keys.Admin,
	"GET /v1/webhooks/{name}/delivery":  keys.Admin,
	"POST /v1/webhooks/{name}/test":     keys.Admin,
	"POST /v1/models":                   keys.Admin,
	"POST /v1/models/{digest}/promote":  keys.Admin,
	"POST /v1/models/rollback":          keys.Admin,
	"DELETE /v1/models/{digest}":        keys.Admin,
	"POST /v1/alarms/{id}/acknowledge":  keys.Admin,
	"POST /v1/alarms/{id}/shelve":       keys.Admin,
	"POST /v1/alarms/{id}/close":        keys.Admin,
}
