//go:build unix

package carafe

import (
	"os/signal"
	"syscall"
)

// ignoreOperator leaves to the server that started this process the signals that are for it, even if they are sent to all
// processes of a name or a group.
func ignoreOperator() {
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGWINCH)
}
