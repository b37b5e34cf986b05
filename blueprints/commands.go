package blueprints

import (
	"io"

	"github.com/carafeweb/carafe"
)

// A command is one that the blueprint brings.
type command struct {
	name string
	run  carafe.CommandFunc
	opts []carafe.CommandOption
	site carafe.Site
}

// Command registers f as a command of the app that the blueprint is registered with, in a group of the blueprint's registered name
// ("users", "admin.users" if it lies in another) or of the [carafe.CommandGroup] that was given, when registering or else to
// New. It runs in an app context, as [carafe.App.Command] has it.
//
//	users := blueprints.New("users")
//	users.Command("create", createUser)           // shop users create
//
// Unlike Flask, where the last of two commands of one name is the one there is, that is refused when registering.
//
// Source: flask.Blueprint.cli.
func (b *Blueprint) Command(name string, f func(ac *carafe.AppContext, args []string, out io.Writer) error, opts ...carafe.CommandOption) {
	carafe.Setup(b, "Command", func(site carafe.Site) error {
		if err := carafe.CheckCommand(name, f); err != nil {
			return err
		}
		b.commands = append(b.commands, command{name, f, opts, site})
		return nil
	})
}

// addCommands puts the commands into their group.
func (b *Blueprint) addCommands(s *SetupState, given carafe.BlueprintSettings) error {
	group := s.FullName()
	if g := first(given.CommandGroup, b.settings.CommandGroup); g != nil {
		group = *g
	}
	for _, c := range b.commands {
		if err := s.located(c.site, s.registrar.AddCommand(c.site, group, c.name, c.run, c.opts...)); err != nil {
			return err
		}
	}
	return nil
}
