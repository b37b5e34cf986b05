package cli

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/devserver"
	"github.com/spf13/cobra"
)

// toolRun builds a program and runs it, with the reloader in debug mode.
func toolRun(s *session) *cobra.Command {
	var r *runFlags
	cmd := &cobra.Command{
		Use: "run [OPTIONS] [PACKAGE [ARGS]...]", Short: "Run the development server for a program", DisableFlagsInUseLine: true,
		Long: runLong + "\n\nThe program's main has to call app.Run or cli.Main; without the reloader any program will do.",
		RunE: func(_ *cobra.Command, args []string) error {
			if err := r.check(); err != nil {
				return err
			}
			t, err := findTarget(first(args))
			if err != nil {
				return err
			}
			var rest []string
			if len(args) > 1 {
				rest = args[1:]
			}
			if r.reloads() && t.pkg != "" {
				return r.watch(s, t, rest)
			}
			return r.start(s, t, rest)
		},
	}
	r = addRunFlags(cmd)
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// reloads says whether the reloader is on: as asked, else in debug mode.
func (r *runFlags) reloads() bool { return r.reload || !r.noReload && debugFromEnv() }

// start builds the program and becomes it.
func (r *runFlags) start(s *session, t *target, args []string) error {
	if err := t.build(s.ctx); err != nil {
		return err
	}
	env, err := r.environ()
	if err != nil {
		return err
	}
	return become(s, t.binary, args, env)
}

// environ is the environment of a program that is to run as the options say.
func (r *runFlags) environ() ([]string, error) {
	return append(os.Environ(), carafe.CommandEnv+"="+jsonText(r.words())), nil
}

// watch builds and starts the program whenever its source changes.
func (r *runFlags) watch(s *session, t *target, args []string) error {
	if err := t.checkMain(s.ctx); err != nil {
		return err
	}
	env, err := r.environ()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(s.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	project := devserver.Project{Dir: t.dir, Package: t.pkg, Args: args, Env: env, Extra: paths(r.extra), Exclude: paths(r.exclude)}
	return devserver.Watch(ctx, project, devserver.Options{
		Addr:      r.address(),
		Listening: func(addr net.Addr) { fmt.Fprintf(s.err, " * Running on %s\n", addr) },
	})
}
