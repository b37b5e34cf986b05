//go:build unix

package server_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/carafeweb/carafe/server"
)

// The folder of logs may be the workers': no link in it may have root give a file away.
func TestNoLinkHasRootGiveAFileAway(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files to another user")
	}
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	for _, tt := range []struct {
		name  string
		place func(path string) error
		given bool
	}{
		{"a file of root's that nothing else names", func(path string) error { return os.WriteFile(path, nil, 0o600) }, true},
		{"a symbolic link", func(path string) error { return os.Symlink(secret, path) }, false},
		{"a hard link", func(path string) error { return os.Link(secret, path) }, false},
	} {
		if err := os.WriteFile(secret, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "log")
		if err := tt.place(path); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := server.GiveLog(&server.Config{User: "65534"}, f); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		fi, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if got := fi.Sys().(*syscall.Stat_t).Uid == 65534; got != tt.given {
			t.Errorf("%s: given away %t, want %t", tt.name, got, tt.given)
		}
		f.Close()
		os.Remove(path)
		os.Remove(secret)
	}
}
