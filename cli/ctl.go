package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carafeweb/carafe/server"
	"github.com/spf13/cobra"
)

// ctlLong is the help of ctl.
const ctlLong = `Ask a running server, or tell it what to do, over its control socket. The exit code is 0 if it was done: reload returns when the
new workers serve, or were refused.

  status                  what the server says of itself, in JSON
  workers                 its workers, one a line
  requests                the requests in flight: pid, number, client, method, path, age
  stack PID NUMBER        where the handler of one of them is
  metrics                 what a Prometheus would get
  reload, reopen          as the signals HUP and USR1
  scale WORKERS           so many workers
  upgrade, stop, quit     as the signals USR2, TERM and INT`

// ctlCommand gives orders to a running server, whatever program it serves.
func ctlCommand() *cobra.Command {
	var all *serverFlags
	cmd := &cobra.Command{
		Use: "ctl [OPTIONS] ORDER [ARGS]...", Short: "Ask a running server, or give it an order", Long: ctlLong, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("there is no order")}
			}
			cfg, err := all.load(server.Config{})
			if err != nil {
				return err
			}
			if cfg.ControlSocket == "" {
				return usageError{errors.New("there is no control socket: say which with --control-socket, or where the server was told with --config-file or CARAFE_CONTROL_SOCKET")}
			}
			text, err := server.Control(cfg.ControlSocket, strings.Join(args, " "))
			if err != nil {
				return errors.New(strings.TrimPrefix(err.Error(), "server: "))
			}
			fmt.Fprint(cmd.OutOrStdout(), text)
			return nil
		},
	}
	var hidden []string
	for _, s := range server.Settings() {
		if !slices.Contains([]string{"control_socket", "config_file"}, s.Name) {
			hidden = append(hidden, s.Name)
		}
	}
	all = addServerFlags(cmd, hidden...)
	return cmd
}
