package bearing

import (
	"net/url"
	"time"
)

// Webhook is an address that is told of alarms.
type Webhook struct {
	Name     string `json:"name"`
	URL      string `json:"url" doc:"http or https"`
	Secret   string `json:"secret,omitempty" doc:"16 to 200 bytes that sign what is sent; never shown again, and kept if left out of a change"`
	Severity string `json:"severity,omitempty" enum:"warning,alarm" doc:"alarms of this severity and above; warning if left out"`
	Paused   bool   `json:"paused,omitempty" doc:"nothing is sent; what happens meanwhile is sent afterwards, for a day"`
}

// Validate checks a webhook by itself; where it may lead is checked when it is dialled.
func (w Webhook) Validate() error {
	u, err := url.Parse(w.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || len(w.URL) > maxText:
		return Errorf(Invalid, "webhook_url", "url %q is no address such as https://example.org/hook", Clip(w.URL)).At("/url")
	case u.User != nil || u.Fragment != "":
		return Errorf(Invalid, "webhook_url", "url must have no user, no password and no fragment").At("/url")
	case len(w.Secret) < 16 || len(w.Secret) > 200:
		return Errorf(Invalid, "webhook_secret", "secret must have 16 to 200 bytes: it signs what is sent; only a webhook that is there keeps its own if it is left out").At("/secret")
	case w.Severity != "" && w.Severity != "warning" && w.Severity != "alarm":
		return Errorf(Invalid, "field_invalid", "severity %q is neither warning nor alarm", Clip(w.Severity)).At("/severity")
	}
	return nil
}

// Delivery is how far a webhook is told.
type Delivery struct {
	Position  int64      `json:"position" doc:"number of the last change of an alarm that is settled"`
	Delivered int64      `json:"delivered" doc:"messages that were taken"`
	Dropped   int64      `json:"dropped" doc:"messages that were given up, a day after what they tell of"`
	Attempts  int        `json:"attempts" doc:"that failed since one did not"`
	Since     *time.Time `json:"since,omitempty" doc:"when the first of these was"`
	LastError string     `json:"last_error,omitempty" doc:"of the last attempt, empty if it went well"`
	LastAt    *time.Time `json:"last_at,omitempty" doc:"of the last attempt"`
}
