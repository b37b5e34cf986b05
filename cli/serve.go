package cli

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/carafeweb/carafe/server"
	"github.com/spf13/cobra"
)

// serveLong is the help of serve; what differs is where the app is.
const serveLong = "The pre-fork server: a master that keeps workers running and replaces them without losing a request. HUP reloads, TERM stops\n" +
	"when all requests are answered, USR2 upgrades, TTIN and TTOU add and take a worker. Every option has an environment variable,\n" +
	"CARAFE_ and its name in capitals (CARAFE_WORKERS), and a name for the file of --config-file (workers)."

// serverFlags are the options that a command line gives the server, in their order.
type serverFlags struct{ args []string }

// serverFlag is one of them. It keeps what it is given for the server to read, once the file and the environment have been read.
type serverFlag struct {
	all     *serverFlags
	name    string
	boolean bool
	probe   *flag.FlagSet // finds what cannot be, at once
}

func (f *serverFlag) String() string   { return "" }
func (f *serverFlag) IsBoolFlag() bool { return f.boolean }

// Type is what the help shows.
func (f *serverFlag) Type() string {
	if f.boolean {
		return "bool"
	}
	return "value"
}

// Set takes a value.
func (f *serverFlag) Set(value string) error {
	if err := f.probe.Set(f.name, value); err != nil {
		return err
	}
	f.all.args = append(f.all.args, "--"+f.name+"="+value)
	return nil
}

// addServerFlags gives cmd all settings of the server as options, but for those of hidden.
func addServerFlags(cmd *cobra.Command, hidden ...string) *serverFlags {
	all := &serverFlags{}
	probe := flag.NewFlagSet("serve", flag.ContinueOnError)
	probe.SetOutput(io.Discard)
	new(server.Config).Flags(probe)
	for _, s := range server.Settings() {
		if slices.Contains(hidden, s.Name) {
			continue
		}
		b, ok := probe.Lookup(s.Flag).Value.(interface{ IsBoolFlag() bool })
		v := &serverFlag{all, s.Flag, ok && b.IsBoolFlag(), probe}
		doc := s.Doc
		if s.Default != "" {
			doc += " (default " + s.Default + ")"
		}
		added := cmd.Flags().VarPF(v, s.Flag, strings.Trim(s.Short, "eh"), doc) // -e and -h are those of all commands
		theirs := s.GunicornFlags()
		for _, name := range theirs {
			cmd.Flags().Var(v, name, doc)
			cmd.Flags().Lookup(name).Hidden = true
		}
		if v.boolean {
			for _, name := range append(theirs, added.Name) {
				cmd.Flags().Lookup(name).NoOptDefVal = "true"
			}
		}
	}
	check := &serverFlag{all, "check-config", true, probe}
	cmd.Flags().VarPF(check, "check", "", "short for --check-config").NoOptDefVal = "true"
	cmd.Flags().SortFlags = false
	return all
}

// load has the file, the environment and the options change cfg, now and at each reload.
func (all *serverFlags) load(cfg server.Config) (server.Config, error) {
	err := cfg.Load(all.args)
	return cfg, err
}

// serverEnd is what the server ended with, which says the exit code.
func serverEnd(s *session, err error) error {
	if err == nil {
		return nil
	}
	fmt.Fprintf(s.err, "Error: %s\n", strings.TrimPrefix(err.Error(), "server: "))
	return exitError(server.ExitCode(err))
}

// linkedServe serves the app of this process.
func linkedServe(c *CLI, s *session) *cobra.Command {
	var all *serverFlags
	cmd := &cobra.Command{
		Use: "serve [OPTIONS]", Short: "Run the production server", Long: serveLong, Args: noArgs, DisableFlagsInUseLine: true,
		RunE: func(*cobra.Command, []string) error {
			app, err := c.App()
			if err != nil {
				return err
			}
			app.Config.Debug = false
			if err := app.Freeze(); err != nil {
				return err
			}
			cfg, err := all.load(server.Default())
			if err != nil {
				return err
			}
			return serverEnd(s, server.Run(s.ctx, app, cfg))
		},
	}
	all = addServerFlags(cmd, "command")
	return cmd
}
