package cli

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
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
	return become(s, t.binary, args, r.environ(os.Environ()))
}

// environ is the environment of a program that is to run as the options say.
func (r *runFlags) environ(from []string) []string {
	return append(slices.Clone(from), carafe.CommandEnv+"="+jsonText(r.words()))
}

// watch builds and starts the program whenever its source changes.
func (r *runFlags) watch(s *session, t *target, args []string) error {
	if err := t.checkMain(s.ctx); err != nil {
		return err
	}
	addr := r.address()
	if addr == "" {
		addr = net.JoinHostPort("127.0.0.1", cmp.Or(os.Getenv("PORT"), "5000"))
	}
	var cert *tls.Certificate
	scheme := "http"
	if r.cert != "" {
		host, _, _ := net.SplitHostPort(addr) // "" for a socket file
		var err error
		if cert, err = devserver.Certificate(r.cert, r.key, host); err != nil {
			return err
		}
		scheme = "https"
	}
	ctx, stop := signal.NotifyContext(s.ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	project := devserver.Project{Dir: t.dir, Package: t.pkg, Args: args, Env: r.environ(s.environ), Extra: paths(r.extra), Exclude: paths(r.exclude)}
	return devserver.Watch(ctx, project, devserver.Options{
		Addr: addr, Certificate: cert, Out: s.err,
		Listening: func(l net.Addr) { watchBanner(s.err, t, scheme, l) },
	})
}

// watchBanner says what App.Run says where it watches itself.
func watchBanner(out io.Writer, t *target, scheme string, l net.Addr) {
	where := scheme + "://" + l.String()
	if l.Network() == "unix" {
		where = "unix:" + l.String()
	}
	debug := "off"
	if debugFromEnv() {
		debug = "on"
	}
	fmt.Fprintf(out, " * Developing %s\n * Debug mode: %s\nWARNING: This is a development server. Do not use it in a production deployment. Use carafe serve instead.\n"+
		" * Running on %s\nPress CTRL+C to quit\n", t.given, debug, where)
}
