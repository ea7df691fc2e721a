package rig

// grantAttacks ask with no key, a wrong one, and ones that may do something else, for what
// belongs to whoever runs the plant: models, webhooks, inspections, baselines.
func grantAttacks() (out []attack) {
	ask := func(method, target, key string, status int, code string) {
		name := key
		if name == "" {
			name = "no"
		}
		out = append(out, attack{name: "grant: " + name + " key for " + method + " " + target, method: method, target: target, key: key, status: status, code: code})
	}
	for _, c := range []struct{ method, target, key string }{
		{"GET", "/v1/models", "ingest"}, {"GET", "/v1/models/none", "ingest"}, {"POST", "/v1/models", "read"}, {"POST", "/v1/models", "pumps"},
		{"POST", "/v1/models/none/promote", "read"}, {"POST", "/v1/models/none/promote", "ingest"}, {"POST", "/v1/models/rollback", "read"}, {"POST", "/v1/models/rollback", "pumps"},
		{"GET", "/v1/webhooks", "read"}, {"GET", "/v1/webhooks", "pumps"}, {"GET", "/v1/webhooks/h", "read"}, {"GET", "/v1/webhooks/h/delivery", "read"},
		{"PUT", "/v1/webhooks/h", "read"}, {"PUT", "/v1/webhooks/h", "ingest"}, {"DELETE", "/v1/webhooks/h", "read"}, {"POST", "/v1/webhooks/h/test", "ingest"},
		{"GET", "/v1/inspections", "ingest"}, {"GET", "/v1/inspections/i", "ingest"}, {"PUT", "/v1/inspections/i", "read"}, {"PUT", "/v1/inspections/i", "pumps"}, {"DELETE", "/v1/inspections/i", "read"},
		{"GET", "/v1/sensors/pump/baselines", "ingest"}, {"POST", "/v1/sensors/pump/baselines", "read"}, {"POST", "/v1/sensors/pump/baselines", "pumps"},
		{"POST", "/v1/alarms/none/acknowledge", "pumps"}, {"POST", "/v1/alarms/none/acknowledge", "ingest"},
	} {
		ask(c.method, c.target, c.key, 403, "scope_missing")
	}
	ask("GET", "/v1/sensors/fan/baselines", "pumps", 403, "sensor_forbidden")
	for _, c := range []struct{ method, target string }{
		{"GET", "/v1/models"}, {"POST", "/v1/models"}, {"POST", "/v1/models/none/promote"}, {"POST", "/v1/models/rollback"},
		{"GET", "/v1/webhooks"}, {"PUT", "/v1/webhooks/h"}, {"DELETE", "/v1/webhooks/h"}, {"POST", "/v1/webhooks/h/test"},
		{"GET", "/v1/inspections"}, {"PUT", "/v1/inspections/i"}, {"DELETE", "/v1/inspections/i"},
		{"GET", "/v1/sensors/pump/baselines"}, {"POST", "/v1/sensors/pump/baselines"},
	} {
		ask(c.method, c.target, "", 401, "key_missing")
		if c.method != "GET" {
			ask(c.method, c.target, "wrong", 401, "key_invalid")
		}
	}
	return out
}
