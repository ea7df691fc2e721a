package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"brinell/internal/settings"
)

// healthcheckCommand is for container images without a shell or curl.
func healthcheckCommand() *cobra.Command {
	var url string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a running service whether it is ready; exit 0 if it is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			req, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, url, nil)
			if err != nil {
				return settings.Usagef("--url: %w", err)
			}
			client := http.Client{Timeout: timeout}
			resp, err := client.Do(req)
			if err != nil {
				return fmt.Errorf("no answer: %w", err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return fmt.Errorf("%s answers %s", url, resp.Status)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&url, "url", "http://127.0.0.1:8080/readyz", "address to ask")
	cmd.Flags().DurationVar(&timeout, "timeout", 2*time.Second, "how long to wait")
	return cmd
}
