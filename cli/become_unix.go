//go:build unix

package cli

import (
	"fmt"
	"syscall"
)

// become replaces this process by a program: signals, the terminal and the exit code are the program's own then.
func become(_ *session, binary string, args, env []string) error {
	err := syscall.Exec(binary, append([]string{binary}, args...), env)
	return fmt.Errorf("%s cannot be started: %w", binary, err)
}
