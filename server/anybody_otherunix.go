//go:build unix && !linux

package server

import (
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

func dieWithParent(*syscall.SysProcAttr) {}

// notifySocket makes the socket of a worker's NOTIFY_SOCKET, which only the worker's user may write to.
func notifySocket(uid int) (c *net.UnixConn, name, path string, err error) {
	path = filepath.Join(os.TempDir(), "carafe-"+rand.Text())
	if c, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"}); err != nil {
		return nil, "", "", err
	}
	if err = os.Chmod(path, 0o600); err == nil && uid != os.Geteuid() {
		err = os.Chown(path, uid, -1)
	}
	return c, path, path, err
}

func mayNotify([]byte, int) bool { return true }

func inodes([]*os.File) map[uint64]bool { return nil }

// awaits cannot be known here: a program has to say READY=1.
func awaits(int, map[uint64]bool) bool { return false }
