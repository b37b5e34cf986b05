//go:build !unix

package cli

import (
	"errors"
	"os"
	"os/exec"
)

// become runs a program in place of this one, as far as the system lets it.
func become(s *session, binary string, args, env []string) error {
	cmd := exec.CommandContext(s.ctx, binary, args...)
	cmd.Env = env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, s.out, s.err
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitError(exit.ExitCode())
	}
	return err
}
