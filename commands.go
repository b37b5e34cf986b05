package carafe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// A CommandFunc is what an app does when it is asked to from a command line: args are what follows the command's name, out is
// where its answer goes. It runs in a pushed app context.
type CommandFunc = func(ac *AppContext, args []string, out io.Writer) error

// Command registers f under a name of letters, digits, "-" and "_", for [App.RunCommand] and for test runners.
//
// Source: app.cli.command.
func (a *App) Command(name string, f func(ac *AppContext, args []string, out io.Writer) error) {
	a.setup("Command", func(Site) error {
		switch {
		case name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" || name[0] == '-':
			return fmt.Errorf("Command(%q): a command's name has small letters, digits, - and _", name)
		case f == nil:
			return fmt.Errorf("Command(%q, nil): give a function", name)
		case a.commands[name] != nil:
			return fmt.Errorf("there is a command %q already", name)
		}
		if a.commands == nil {
			a.commands = map[string]CommandFunc{}
		}
		a.commands[name] = f
		return nil
	})
}

// Commands are the names of the app's commands, sorted.
func (a *App) Commands() []string { return slices.Sorted(maps.Keys(a.commands)) }

// RunCommand runs the command that args begins with, in an app context of its own, and returns its error joined with what
// failed during teardown. A panic of the command becomes a *PanicError.
func (a *App) RunCommand(ctx context.Context, out io.Writer, args ...string) error {
	if len(args) == 0 {
		return errors.New("carafe: no command is named: " + a.knownCommands())
	}
	f, ok := a.commands[args[0]]
	if !ok {
		return fmt.Errorf("carafe: there is no command %q: %s", args[0], a.knownCommands())
	}
	return a.AppContext(ctx).With(func(ctx context.Context) (err error) {
		defer rescue(&err)
		return f(ctx.(*AppContext), args[1:], out)
	})
}

func (a *App) knownCommands() string {
	if len(a.commands) == 0 {
		return "the app has none, App.Command registers them"
	}
	return "the app has " + strings.Join(a.Commands(), ", ")
}
