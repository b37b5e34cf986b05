package cli

import (
	"context"

	"github.com/carafeweb/carafe"
)

// A program is where an app is: in this process, or in one that is built of a package and asked.
type program interface {
	// ask has the app answer words as carafe.App.Answer has them. args are the words of the command line that say where the app is.
	ask(ctx context.Context, args []string, words ...string) (*carafe.Answer, error)
	// place is how a command line says where the app is: "" or "[PACKAGE]".
	place() string
	// sources is the folder of the program's main package and its import path, relative or not; "" if they are not known.
	sources(args []string) (dir, pkg string)
}

// linked is the app that is in this process.
type linked struct {
	c *CLI
	s *session
}

func (l *linked) place() string { return "" }

func (l *linked) ask(ctx context.Context, _ []string, words ...string) (*carafe.Answer, error) {
	app, err := l.c.settled(l.s)
	if err != nil {
		return nil, err
	}
	return app.Answer(ctx, l.s.out, words...)
}

// sources is what the option Source says, else what the binary was built of.
func (l *linked) sources([]string) (dir, pkg string) {
	if l.c.source != "" {
		return l.c.source, "."
	}
	app, err := l.c.App()
	if err != nil {
		return "", ""
	}
	return app.RootPath(), mainPackage()
}
