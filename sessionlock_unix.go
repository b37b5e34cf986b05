//go:build unix && !solaris && !aix

package carafe

import (
	"os"
	"syscall"
)

// lockFile waits until nobody else has the file locked; closing it, or the end of the process, unlocks it.
func lockFile(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err != syscall.EINTR {
			return err
		}
	}
}
