package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// ToolMain is the main of command carafe: the command line of any program's package. It ends the process. more are commands of the tool
// itself beside those of this package.
//
//	carafe routes ./cmd/shop     build the program, and ask it for its routes
//	carafe run --debug           develop the program of the working directory
//	carafe serve -w 4 ./shop     serve any program that takes LISTEN_FDS, built or to be built
//	carafe import . users.csv    a command of the app
func ToolMain(more ...*cobra.Command) {
	s := &session{ctx: context.Background(), out: os.Stdout, err: os.Stderr}
	root := toolTree(s, more)
	os.Exit(s.execute(root, os.Args[1:], func(words []string) ([]string, error) { return addAsked(root, s, words) }))
}

// toolTree is the commands that every program has.
func toolTree(s *session, more []*cobra.Command) *cobra.Command {
	root := newRoot(s, "carafe")
	root.Short = "Work with Carafe apps"
	root.Long = "Build a Go program with a Carafe app, and run it, serve it, or ask it what it consists of. A PACKAGE is the folder of a main\n" +
		"package, or a program that was built; without one it is the working directory. A command that is not listed is taken for\n" +
		"one of the app: carafe NAME [PACKAGE] [ARGS]..."
	p := &built{s}
	root.AddCommand(
		withEnv("run", toolRun(s)), toolServe(s), ctlCommand(), withEnv("routes", routesCommand(s, p)), withEnv("config", configCommand(s, p)),
		withEnv("check", checkCommand(s, p)), versionCommand(s),
	)
	root.AddCommand(more...)
	return root
}

// addAsked adds the commands of the app, if the first word is none of the tool's: the program is built and asked for them. The word
// behind it may be the package, which is taken out.
func addAsked(root *cobra.Command, s *session, words []string) ([]string, error) {
	if len(words) == 0 || strings.HasPrefix(words[0], "_") || slices.Contains(builtIn, words[0]) {
		return words, nil
	}
	if cmd, _, _ := root.Find(words[:1]); cmd != root {
		return words, nil
	}
	pkg := "."
	rest := words[1:]
	if len(rest) > 0 && isPath(rest[0]) {
		pkg, rest = rest[0], rest[1:]
	}
	t, err := findTarget(pkg)
	if err == nil {
		err = t.build(s.ctx)
	}
	if err == nil {
		err = t.addCommands(root, s)
	}
	if err != nil {
		return nil, usageError{fmt.Errorf("%q is no command of the tool, and the app cannot be asked whether it is one of its: %w", words[0], err)}
	}
	return slices.Concat(words[:1], rest), nil
}

// addCommands asks the program for the commands of its app.
func (t *target) addCommands(root *cobra.Command, s *session) error {
	ctx, cancel := context.WithTimeout(s.ctx, answerTime)
	defer cancel()
	answer, err := t.ask(ctx, s.err, s.err, []string{"inspect"})
	if err != nil {
		return err
	}
	for _, info := range answer.Inspection.Commands {
		addOwnCommand(root, s, info, func(args []string) error {
			_, err := t.ask(s.ctx, s.out, s.err, slices.Concat(strings.Split(info.Name, " "), args))
			return err
		})
	}
	return nil
}

// toolServe serves a program, whatever it is made with.
func toolServe(s *session) *cobra.Command {
	var all *serverFlags
	cmd := &cobra.Command{
		Use: "serve [OPTIONS] [PACKAGE [ARGS]...]", Short: "Run the production server for a program",
		Long:                  serveLong + "\n\nThe program is any one that serves the sockets it is left by LISTEN_FDS, and any Carafe program is. HUP builds a package anew.",
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return serveTarget(s, all, args)
		},
	}
	all = addServerFlags(cmd, "command")
	cmd.Flags().SetInterspersed(false)
	return cmd
}
