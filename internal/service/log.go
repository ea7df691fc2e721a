package service

import (
	"bytes"
	"io"
	"log/slog"

	"brinell/internal/logs"
	"brinell/internal/settings"
)

// newLog returns a log for people or for programs, in which what repeats is counted.
func newLog(w io.Writer, format string, level slog.Level) (*slog.Logger, error) {
	h, err := logHandler(w, format, level)
	if err != nil {
		return nil, err
	}
	return slog.New(logs.Limit(h)), nil
}

func logHandler(w io.Writer, format string, level slog.Level) (slog.Handler, error) {
	o := &slog.HandlerOptions{Level: level}
	switch format {
	case "text":
		return slog.NewTextHandler(w, o), nil
	case "json":
		return slog.NewJSONHandler(w, o), nil
	}
	return nil, settings.Usagef("--log-format %q is neither text nor json", format)
}

// LeftOut is the line about lines for which there was no room, as the log has lines.
func (c *Config) LeftOut(lost int) []byte {
	var b bytes.Buffer
	if h, err := logHandler(&b, c.logFormat, slog.LevelWarn); err == nil {
		slog.New(h).Warn("lines are left out of the log, which is not read as fast as it is written", "lines", lost)
	}
	return b.Bytes()
}
