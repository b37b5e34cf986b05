package gateway

import (
	"errors"
	"syscall"
)

// isTemporary reports an accept error that passes: no descriptors or memory left, or a client gone before it was taken.
func isTemporary(err error) bool {
	for _, errno := range [...]syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// isRefused reports a socket file without a listener.
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
