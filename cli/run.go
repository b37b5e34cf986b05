package cli

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/carafeweb/carafe"
	"github.com/spf13/cobra"
)

const runLong = "The development server, not for production: it is neither as safe nor as stable as serve. In debug mode it builds and starts\n" +
	"the program anew when its source changes, and shows errors in the browser."

// runFlags are the options of run.
type runFlags struct {
	host, port string
	cert, key  string
	reload     bool
	noReload   bool
	extra      string
	exclude    string
}

func addRunFlags(cmd *cobra.Command) *runFlags {
	r := &runFlags{}
	flags := cmd.Flags()
	flags.Bool("help", false, "show this help") // -h is the host, as with Flask
	flags.StringVarP(&r.host, "host", "h", "", "the `interface` to listen on, or unix:/path (default 127.0.0.1)")
	flags.VarP(&portValue{&r.port}, "port", "p", "the `port` to listen on (default 5000)")
	flags.StringVar(&r.cert, "cert", "", "a `file` with a certificate for HTTPS, or adhoc for one that is made")
	flags.StringVar(&r.key, "key", "", "the `file` with the key of the certificate")
	flags.BoolVar(&r.reload, "reload", false, "build and start anew on changes; on by itself in debug mode")
	flags.BoolVar(&r.noReload, "no-reload", false, "do not, in debug mode")
	list := string(os.PathListSeparator)
	flags.StringVar(&r.extra, "extra-files", "", "more `files` to watch, separated by "+list)
	flags.StringVar(&r.exclude, "exclude-patterns", "", "`patterns` of files not to watch, separated by "+list)
	flags.SortFlags = false
	return r
}

// A portValue takes a number that a port may be.
type portValue struct{ to *string }

func (p *portValue) String() string { return "" }
func (p *portValue) Type() string   { return "port" }

// Set takes 0 to 65535; 0 is any that is free.
func (p *portValue) Set(text string) error {
	if _, err := strconv.ParseUint(text, 10, 16); err != nil {
		return fmt.Errorf("%q is not a port: use 0 to 65535", text)
	}
	*p.to = text
	return nil
}

// check finds options that do not go together.
//
// Source: flask.cli._validate_key.
func (r *runFlags) check() error {
	switch {
	case r.reload && r.noReload:
		return usageError{errors.New("--reload and --no-reload exclude each other")}
	case r.cert == "adhoc" && r.key != "":
		return usageError{errors.New(`when --cert is "adhoc", --key is not used: leave it out`)}
	case r.cert == "" && r.key != "":
		return usageError{errors.New("--key needs --cert, the certificate that it is the key of")}
	case r.cert != "" && r.cert != "adhoc" && r.key == "":
		return usageError{errors.New("--cert needs --key, the file with the certificate's key")}
	}
	return nil
}

// address is what the options say, "" if they leave it to the program.
func (r *runFlags) address() string {
	switch {
	case r.host == "" && r.port == "":
		return ""
	case strings.HasPrefix(r.host, "unix:"):
		return r.host
	}
	return net.JoinHostPort(cmp.Or(r.host, "127.0.0.1"), cmp.Or(r.port, os.Getenv("PORT"), "5000"))
}

// paths are those of a list.
func paths(list string) (all []string) {
	for path := range strings.SplitSeq(list, string(os.PathListSeparator)) {
		if path != "" {
			all = append(all, path)
		}
	}
	return all
}

// linkedRun serves the app of this process.
func linkedRun(c *CLI, s *session) *cobra.Command {
	var r *runFlags
	cmd := &cobra.Command{
		Use: "run [OPTIONS]", Short: "Run the development server", Long: runLong, Args: noArgs, DisableFlagsInUseLine: true,
		RunE: func(*cobra.Command, []string) error {
			if err := r.check(); err != nil {
				return err
			}
			app, err := c.settled(s)
			if err != nil {
				return err
			}
			return app.Run(append(r.options(), carafe.Debug(app.Config.Debug))...)
		},
	}
	r = addRunFlags(cmd)
	return cmd
}

// options are those of App.Run.
func (r *runFlags) options() (opts []carafe.RunOption) {
	if addr := r.address(); addr != "" {
		opts = append(opts, carafe.Addr(addr))
	}
	if r.cert != "" {
		opts = append(opts, carafe.TLS{Cert: r.cert, Key: r.key})
	}
	if r.reload || r.noReload {
		opts = append(opts, carafe.Reload(r.reload))
	}
	if r.extra != "" || r.exclude != "" {
		opts = append(opts, carafe.Watch{Extra: paths(r.extra), Exclude: paths(r.exclude)})
	}
	return opts
}

// words say the same by carafe.CommandEnv, to a program that another watches.
func (r *runFlags) words() []string {
	words := []string{"run"}
	if addr := r.address(); addr != "" {
		words = append(words, "addr="+addr)
	}
	if r.cert != "" {
		words = append(words, "cert="+r.cert, "key="+r.key)
	}
	if r.reload || r.noReload {
		words = append(words, fmt.Sprintf("reload=%t", r.reload))
	}
	return words
}
