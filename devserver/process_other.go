//go:build !unix

package devserver

import (
	"fmt"
	"net"
	"os"
)

const supported = false

func duplicate(net.Listener) (*os.File, error) { return nil, ErrUnsupported }

func keepPrivate(int) {}

func interrupt(p *os.Process) error { return p.Kill() }

func endedBy(state *os.ProcessState) string {
	return fmt.Sprintf("ended with exit code %d", state.ExitCode())
}

func parentID() int { return os.Getppid() }
