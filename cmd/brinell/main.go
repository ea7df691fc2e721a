// Command brinell is the whole program: the service, the trainer and the tools.
//
// This package is the only place that reads flags, the environment and
// configuration, and the only one that ties the others together. One file holds
// one command.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"brinell/internal/settings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	exitOK    = 0
	exitError = 1 // the command could not do what was asked
	exitUsage = 2 // the command line makes no sense
)

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	why := err.Error()
	if ctx.Err() != nil { // somebody pressed ^C, or the machine stops
		why = strings.ReplaceAll(why, context.Canceled.Error(), "interrupted before it was done")
	}
	text, code := fmt.Sprintf("brinell: %s\n", why), exitError
	if _, ok := errors.AsType[settings.UsageError](err); ok {
		text, code = text+"Run 'brinell --help', or 'brinell COMMAND --help', for usage.\n", exitUsage
	}
	say(stderr, text)
	return code
}
