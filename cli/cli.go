package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/server"
	"github.com/spf13/cobra"
)

// Main runs what the command line says on app, and ends the process. It does not return.
//
// Source: flask.cli.main.
func Main(app *carafe.App, opts ...Option) {
	MainFunc(func() (*carafe.App, error) { return app, nil }, opts...)
}

// MainFunc is Main for an app that load makes, once, when it is first needed.
func MainFunc(load func() (*carafe.App, error), opts ...Option) {
	os.Exit(New(load, opts...).Run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// An Option says something about a command line: [Name], [SetDebug], [Source].
type Option interface{ apply(*CLI) }

// Name is what the command line calls the program. Without it that is the name of its file.
type Name string

// SetDebug(false) leaves the app's debug mode as its config says, unless --debug or --no-debug is given.
//
// Source: set_debug_flag of flask.cli.FlaskGroup.
type SetDebug bool

// Source is the folder of the program's main package, for check. Without it that is found by what the program was built of.
type Source string

func (n Name) apply(c *CLI)     { c.name = string(n) }
func (d SetDebug) apply(c *CLI) { c.keepDebug = !bool(d) }
func (s Source) apply(c *CLI)   { c.source = string(s) }

// A CLI is the command line of an app. It may be run any number of times; the app is made once.
//
// Source: flask.cli.FlaskGroup, flask.cli.ScriptInfo.
type CLI struct {
	name      string
	keepDebug bool
	source    string
	load      func() (*carafe.App, error)
	app       *carafe.App // once it was loaded
	err       error
	loaded    bool
}

// New makes the command line of the app that load makes.
func New(load func() (*carafe.App, error), opts ...Option) *CLI {
	c := &CLI{name: programName(os.Args[0]), load: load}
	for _, o := range opts {
		o.apply(c)
	}
	return c
}

// Run runs the command that args say, and returns the exit code. A program that was started by the carafe tool, or by a server that
// passes sockets to it (LISTEN_FDS), does what it was started for.
func (c *CLI) Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if startedToServe(args) {
		return report(stderr, nil, c.obey(ctx))
	}
	s := &session{ctx: ctx, out: stdout, err: stderr}
	root := c.tree(s)
	return s.execute(root, args, func(words []string) ([]string, error) {
		c.addOwn(root, s, first(words))
		return words, nil
	})
}

// first is the word that names the command, "" if there is none.
func first(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// startedToServe says that nobody has typed a command. A worker of our own serve has its arguments, which it reads as its master did.
func startedToServe(args []string) bool {
	if server.IsWorker() {
		return len(args) == 0 || args[0] != "serve"
	}
	passed := os.Getenv("LISTEN_FDS") != "" && os.Getenv("LISTEN_PID") == fmt.Sprint(os.Getpid())
	return os.Getenv(carafe.CommandEnv) != "" || len(args) == 0 && passed
}

// obey does what another program has started this one for. A worker of a master gets its configuration from that.
func (c *CLI) obey(ctx context.Context) error {
	if err := loadEnv(); err != nil {
		return err
	}
	app, err := c.App()
	switch {
	case err != nil:
		return err
	case server.IsWorker():
		app.Config.Debug = false
		return server.Run(ctx, app, server.Config{})
	case !c.keepDebug:
		app.Config.Debug = debugFromEnv()
	}
	return app.Run()
}

// Command is the command line as a command to be put below another program's. Environment files and debug mode are the same; the
// app's own commands are in it if the app can be made.
func (c *CLI) Command() *cobra.Command {
	s := &session{ctx: context.Background(), out: os.Stdout, err: os.Stderr}
	root := c.tree(s)
	c.addOwn(root, s, "")
	return root
}

// App is the app, made when it is first asked for. What the function that makes it panics with is an error.
//
// Source: ScriptInfo.load_app.
func (c *CLI) App() (*carafe.App, error) {
	if !c.loaded {
		c.loaded = true
		c.app, c.err = c.make()
	}
	return c.app, c.err
}

// settled is the app in the debug mode that was asked for.
func (c *CLI) settled(s *session) (*carafe.App, error) {
	app, err := c.App()
	if err == nil && (!c.keepDebug || s.debug || s.noDebug) {
		app.Config.Debug = debugFromEnv()
	}
	return app, err
}

func (c *CLI) make() (app *carafe.App, err error) {
	defer func() {
		if v := recover(); v != nil {
			app, err = nil, loadingPanic(v)
		}
	}()
	if app, err = c.load(); err != nil {
		return nil, fmt.Errorf("the app could not be made: %w", err)
	}
	if app == nil {
		return nil, errors.New("the app could not be made: the function that makes it returned neither an app nor an error")
	}
	for _, name := range app.Commands() {
		if word, _, _ := strings.Cut(name, " "); slices.Contains(builtIn, word) {
			return nil, fmt.Errorf("the app has a command %q, but %s is built in: choose another name", name, word)
		}
	}
	return app, nil
}

// builtIn are the names of the commands that every app has.
var builtIn = []string{"run", "serve", "ctl", "routes", "config", "check", "version", "completion", "help"}

// tree is the commands that need no app to be listed.
func (c *CLI) tree(s *session) *cobra.Command {
	root := newRoot(s, c.name)
	root.Short = "The command line of a Carafe app"
	root.Long = "The command line of a Carafe app: its servers, what it consists of, and its own commands."
	p := &linked{c, s}
	root.AddCommand(
		withEnv("run", linkedRun(c, s)), linkedServe(c, s), ctlCommand(), withEnv("routes", routesCommand(s, p)),
		withEnv("config", configCommand(s, p)), withEnv("check", checkCommand(s, p)), versionCommand(s),
	)
	return root
}

// addOwn adds the app's own commands, if word is not a built-in one. That the app cannot be made is said, and is no hindrance.
func (c *CLI) addOwn(root *cobra.Command, s *session, word string) {
	if slices.Contains(builtIn, word) && word != "help" {
		return
	}
	app, err := c.App()
	if err != nil {
		fmt.Fprintf(s.err, "Error: %v\n\n", err)
		return
	}
	for _, info := range app.CommandList() {
		addOwnCommand(root, s, info, func(args []string) error {
			if err := s.ready(); err != nil {
				return err
			}
			if _, err := c.settled(s); err != nil {
				return err
			}
			return app.RunCommand(s.ctx, s.out, append(strings.Split(info.Name, " "), args...)...)
		})
	}
}
