package api

import "brinell/internal/keys"

// open is the scope of routes that need no key.
const open keys.Scope = ""

// reach says what a route is about, for keys that are limited to some sensors.
type reach int

const (
	own    reach = iota // one sensor, or a list: its handler asks covers, or leaves out what is not covered
	shared              // nothing of a sensor: every key with the scope may
	fleet               // all sensors, or what all are judged by: refused to limited keys
)

// rule is what a route asks of a key.
type rule struct {
	scope keys.Scope
	reach reach
}

// scopes says which scope a key needs for each route, and whether it may be limited to
// some sensors. A route that is not here is not served: a test and the start of the
// service compare the table with the router.
var scopes = map[string]rule{
	"GET /healthz":      {open, shared},
	"GET /readyz":       {open, shared},
	"GET /openapi.json": {open, shared},
	"GET /docs":         {open, shared},
	"GET /docs/*":       {open, shared},

	"POST /v1/sensors/{sensor}/windows": {keys.Ingest, own},
	"POST /v1/windows":                  {keys.Ingest, own},

	"GET /metrics":                     {keys.Read, fleet},
	"GET /v1/diagnoses":                {keys.Read, own},
	"GET /v1/diagnoses/{id}":           {keys.Read, own},
	"GET /v1/windows/{id}":             {keys.Read, own},
	"GET /v1/windows/{id}/spectrum":    {keys.Read, own},
	"GET /v1/windows/{id}/envelope":    {keys.Read, own},
	"GET /v1/windows/{id}/plot.png":    {keys.Read, own},
	"GET /v1/windows/{id}/plot.svg":    {keys.Read, own},
	"GET /v1/sensors/{name}/trends":    {keys.Read, own},
	"GET /v1/bearings":                 {keys.Read, shared},
	"GET /v1/bearings/{designation}":   {keys.Read, shared},
	"GET /v1/machines":                 {keys.Read, fleet},
	"GET /v1/machines/{name}":          {keys.Read, fleet},
	"GET /v1/sensors":                  {keys.Read, own},
	"GET /v1/sensors/{name}":           {keys.Read, own},
	"GET /v1/sensors/{name}/baselines": {keys.Read, own},
	"GET /v1/models":                   {keys.Read, shared},
	"GET /v1/models/{digest}":          {keys.Read, shared},
	"GET /v1/models/{digest}/file":     {keys.Read, shared},
	"GET /v1/inspections":              {keys.Read, own},
	"GET /v1/inspections/{name}":       {keys.Read, own},
	"GET /v1/alarms":                   {keys.Read, own},
	"GET /v1/alarms/{id}":              {keys.Read, own},
	"GET /v1/stream":                   {keys.Read, own},

	"PUT /v1/bearings/{designation}":    {keys.Admin, fleet},
	"DELETE /v1/bearings/{designation}": {keys.Admin, fleet},
	"PUT /v1/machines/{name}":           {keys.Admin, fleet},
	"DELETE /v1/machines/{name}":        {keys.Admin, fleet},
	"PUT /v1/sensors/{name}":            {keys.Admin, own},
	"DELETE /v1/sensors/{name}":         {keys.Admin, own},
	"POST /v1/sensors/{name}/baselines": {keys.Admin, own},
	"PUT /v1/inspections/{name}":        {keys.Admin, own},
	"DELETE /v1/inspections/{name}":     {keys.Admin, own},
	"GET /v1/webhooks":                  {keys.Admin, fleet},
	"GET /v1/webhooks/{name}":           {keys.Admin, fleet},
	"PUT /v1/webhooks/{name}":           {keys.Admin, fleet},
	"DELETE /v1/webhooks/{name}":        {keys.Admin, fleet},
	"GET /v1/webhooks/{name}/delivery":  {keys.Admin, fleet},
	"POST /v1/webhooks/{name}/test":     {keys.Admin, fleet},
	"POST /v1/models":                   {keys.Admin, fleet},
	"POST /v1/models/{digest}/promote":  {keys.Admin, fleet},
	"POST /v1/models/rollback":          {keys.Admin, fleet},
	"DELETE /v1/models/{digest}":        {keys.Admin, fleet},
	"POST /v1/alarms/{id}/acknowledge":  {keys.Admin, own},
	"POST /v1/alarms/{id}/shelve":       {keys.Admin, own},
	"POST /v1/alarms/{id}/close":        {keys.Admin, own},
}
