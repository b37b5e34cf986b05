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

// A CommandOption says something about a command: [CommandHelp], [CommandUsage].
type CommandOption interface{ ApplyCommand(*CommandInfo) }

// CommandHelp says what a command is for. Its first line stands in the list of all commands.
type CommandHelp string

// CommandUsage is what may follow a command's name: "NAME [--admin]".
type CommandUsage string

// ApplyCommand implements [CommandOption].
func (h CommandHelp) ApplyCommand(i *CommandInfo) { i.Help = string(h) }

// ApplyCommand implements [CommandOption].
func (u CommandUsage) ApplyCommand(i *CommandInfo) { i.Usage = string(u) }

// A CommandInfo describes a command, for listings.
type CommandInfo struct {
	Name  string // its words: "import", or "user create" for one of the group user
	Usage string // "" if it was not said
	Help  string // "" if it was not said
	Site  Site   // where it was registered
}

// command is one of the app's.
type command struct {
	CommandInfo
	run CommandFunc
}

// CommandGroup is the group of a blueprint's commands, in place of its registered name: a word, or several for a group in a
// group. The empty one puts them beside the app's own.
//
// Source: cli_group of flask.Blueprint.
type CommandGroup string

// ApplyBlueprint implements [BlueprintOption].
func (g CommandGroup) ApplyBlueprint(s *BlueprintSettings) { s.CommandGroup = (*string)(&g) }

// Command registers f under a name, for the command line of package cli, for [App.RunCommand] and for test runners. The name is a
// word of small letters, digits, "-" and "_"; of several words all but the last are groups:
//
//	app.Command("user create", createUser, carafe.CommandUsage("NAME"), carafe.CommandHelp("Create a user."))
//
// Source: app.cli.command, flask.cli.AppGroup.
func (a *App) Command(name string, f func(ac *AppContext, args []string, out io.Writer) error, opts ...CommandOption) {
	a.setup("Command", func(site Site) error {
		if err := CheckCommand(name, f); err != nil {
			return err
		}
		return a.addCommand(site, name, f, opts)
	})
}

// CheckCommand says why a command cannot have this name or function: for what registers commands for an App.
func CheckCommand(name string, f CommandFunc) error {
	if f == nil {
		return fmt.Errorf("Command(%q, nil): give a function", name)
	}
	for _, word := range strings.Split(name, " ") {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" || word[0] == '-' {
			return fmt.Errorf("Command(%q): a command's name has small letters, digits, - and _, and single spaces between the words of groups", name)
		}
	}
	return nil
}

// addCommand refuses a name that is taken, as a command or as a group.
func (a *App) addCommand(site Site, name string, f CommandFunc, opts []CommandOption) error {
	for other, c := range a.commands {
		switch {
		case other == name:
			return fmt.Errorf("there is a command %q already, registered at %s", name, c.Site)
		case strings.HasPrefix(other, name+" "), strings.HasPrefix(name, other+" "):
			return fmt.Errorf("the commands %q and %q (registered at %s) exclude each other: a group is no command", name, other, c.Site)
		}
	}
	c := &command{CommandInfo{Name: name, Site: site}, f}
	for _, o := range opts {
		o.ApplyCommand(&c.CommandInfo)
	}
	if a.commands == nil {
		a.commands = map[string]*command{}
	}
	a.commands[name] = c
	return nil
}

// AddCommand adds a blueprint's command in its group; "" is none. The same command again, of a blueprint that is registered once
// more with the same group, changes nothing.
func (r *Registrar) AddCommand(site Site, group, name string, f CommandFunc, opts ...CommandOption) error {
	name = strings.Join(append(strings.Fields(group), name), " ")
	if old := r.app.commands[name]; old != nil && old.Site == site {
		return nil
	}
	return r.app.addCommand(site, name, f, opts)
}

// Commands are the names of the app's commands, sorted.
func (a *App) Commands() []string { return slices.Sorted(maps.Keys(a.commands)) }

// CommandList describes the app's commands, sorted by their names.
func (a *App) CommandList() []CommandInfo {
	var list []CommandInfo
	for _, name := range a.Commands() {
		list = append(list, a.commands[name].CommandInfo)
	}
	return list
}

// RunCommand runs the command that args begins with, in an app context of its own, and returns its error joined with what
// failed during teardown. A panic of the command becomes a *PanicError.
func (a *App) RunCommand(ctx context.Context, out io.Writer, args ...string) error {
	if len(args) == 0 {
		return errors.New("carafe: no command is named: " + a.knownCommands(""))
	}
	f, rest := a.findCommand(args)
	if f == nil {
		return a.noCommand(args)
	}
	return a.AppContext(ctx).With(func(ctx context.Context) (err error) {
		defer rescue(&err)
		return f(ctx.(*AppContext), rest, out)
	})
}

// findCommand takes from args the words of a command's name. No name is the beginning of another.
func (a *App) findCommand(args []string) (f CommandFunc, rest []string) {
	for n := 1; n <= len(args); n++ {
		if c := a.commands[strings.Join(args[:n], " ")]; c != nil {
			return c.run, args[n:]
		}
	}
	return nil, nil
}

func (a *App) noCommand(args []string) error {
	group := ""
	for n := 1; n <= len(args); n++ {
		prefix := strings.Join(args[:n], " ") + " "
		if slices.ContainsFunc(a.Commands(), func(name string) bool { return strings.HasPrefix(name, prefix) }) {
			group = prefix
		}
	}
	if strings.TrimSpace(group) == strings.Join(args, " ") {
		return fmt.Errorf("carafe: %q is a group of commands: %s", strings.TrimSpace(group), a.knownCommands(group))
	}
	return fmt.Errorf("carafe: there is no command %q: %s", strings.Join(args[:1+strings.Count(group, " ")], " "), a.knownCommands(group))
}

func (a *App) knownCommands(group string) string {
	var names []string
	for _, name := range a.Commands() {
		if strings.HasPrefix(name, group) {
			names = append(names, name)
		}
	}
	if names == nil {
		return "the app has none, App.Command registers them"
	}
	return "the app has " + strings.Join(names, ", ")
}
