package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/carafeweb/carafe"
	"github.com/spf13/cobra"
)

// A session is one run of a command line.
type session struct {
	ctx      context.Context
	out, err io.Writer

	envFile        string
	debug, noDebug bool
	prepared       bool
	environ        []string // without what .env and .carafeenv say: who reads those anew follows their changes
}

// A usageError is a command line that cannot be understood: exit code 2.
type usageError struct{ error }

// Unwrap gives what is wrong.
func (e usageError) Unwrap() error { return e.error }

// Usage makes err one of a command line that cannot be understood: for commands given to [ToolMain].
func Usage(err error) error { return usageError{err} }

// An exitError ends the process with a code of its own, and is not printed.
type exitError int

// Error is for those who see it all the same.
func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// programName is the name of a program's file.
func programName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), ".exe")
}

// newRoot is the command that has the others, with the options that all of them have.
func newRoot(s *session, name string) *cobra.Command {
	root := &cobra.Command{
		Use: name + " [OPTIONS] COMMAND [ARGS]...", DisableFlagsInUseLine: true, Version: carafe.Version, SilenceErrors: true, SilenceUsage: true, TraverseChildren: true,
		RunE: func(cmd *cobra.Command, args []string) error { return unknownCommand(cmd, args) },
		Args: cobra.ArbitraryArgs, SuggestionsMinimumDistance: 2,
	}
	root.SetVersionTemplate(versionText())
	flags := root.PersistentFlags()
	flags.StringVarP(&s.envFile, "env-file", "e", "", "load environment variables from this `file`, before those of .env and .carafeenv")
	flags.BoolVar(&s.debug, "debug", false, "set debug mode")
	flags.BoolVar(&s.noDebug, "no-debug", false, "set debug mode off")
	flags.SortFlags = false
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := s.ready(); err != nil {
			return err
		}
		return flagsFromEnv(cmd)
	}
	root.SetUsageTemplate(usageTemplate)
	return root
}

// unknownCommand is what a command that only has subcommands does: it shows those, or says which word is none of them.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		_ = cmd.Help()
		return exitError(2)
	}
	text := fmt.Sprintf("there is no command %q", args[0])
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		text += ": did you mean " + strings.Join(like, ", ") + "?"
	}
	return usageError{errors.New(text)}
}

// execute runs a tree of commands. own is called before the tree is searched, with the words from the first on that is no option; it
// may add commands, and returns the words as the tree is to have them.
func (s *session) execute(root *cobra.Command, args []string, own func(words []string) ([]string, error)) int {
	root.SetOut(s.out)
	root.SetErr(s.err)
	args = joinMatch(args)
	words, err := s.look(root, args)
	if err == nil {
		options := args[:len(args)-len(words)]
		if words, err = own(words); err == nil {
			args = slices.Concat(options, words)
		}
	}
	if err != nil {
		return report(s.err, root, err)
	}
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(s.ctx)
	return report(s.err, cmd, err)
}

// look skips the options before the first word, and obeys them: the app is made by what the environment says.
func (s *session) look(root *cobra.Command, args []string) (words []string, err error) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "--" {
		name, value, given := strings.Cut(args[0], "=")
		args = args[1:]
		switch {
		case name == "-e" || name == "--env-file":
			if !given && len(args) > 0 {
				value, args = args[0], args[1:]
			}
			s.envFile = value
		case name == "--debug":
			s.debug = value != "false"
		case name == "--no-debug":
			s.noDebug = value != "false"
		}
	}
	if cmd, _, _ := root.Find(args); cmd != nil && cmd != root {
		return args, nil // it may have more options, and calls ready itself
	}
	return args, s.ready()
}

// ready loads the environment files and settles debug mode, once.
func (s *session) ready() error {
	if s.prepared {
		return nil
	}
	s.prepared = true
	if s.debug && s.noDebug {
		return usageError{errors.New("--debug and --no-debug exclude each other")}
	}
	if err := loadNamedEnv(s.envFile); err != nil {
		return err
	}
	if s.debug || s.noDebug {
		if err := os.Setenv("CARAFE_DEBUG", strconv.FormatBool(s.debug)); err != nil {
			return err
		}
	}
	s.environ = os.Environ()
	return loadEnv()
}

// report prints an error and what helps, and gives the exit code.
func report(stderr io.Writer, cmd *cobra.Command, err error) int {
	var usage usageError
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &usage):
		if cmd != nil {
			fmt.Fprintf(stderr, "Usage: %s\nTry '%s --help' for help.\n\n", cmd.UseLine(), cmd.CommandPath())
		}
		fmt.Fprintf(stderr, "Error: %v\n", err)
		return 2
	}
	fmt.Fprintf(stderr, "Error: %s\n", strings.TrimPrefix(err.Error(), "carafe: "))
	return 1
}

// loadingPanic is what a function that makes an app has panicked with. A fault of the set-up says where it is; anything else needs its stack.
func loadingPanic(v any) error {
	var fault *carafe.SetupError
	if err, ok := v.(error); ok && errors.As(err, &fault) {
		return fmt.Errorf("the app could not be made: %w", err)
	}
	return fmt.Errorf("the app could not be made: panic: %v\n\n%s", v, debug.Stack())
}
