//go:build unix

package server_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/carafeweb/carafe/server"
)

func TestThePidfileOfANewMasterIsNotRemovedByTheOldOne(t *testing.T) {
	for _, after := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "pid")
		text, err := server.HandOverPIDFile(path, after)
		if want := fmt.Sprintf("%d\n", os.Getpid()); err != nil || text != want {
			t.Errorf("the old master ends before the new one renames its file: %v; the file holds %q, %v, want %q", after, text, err, want)
		}
	}
}

func TestOnlyWorkersThatShareASocketAreBalanced(t *testing.T) {
	for _, own := range []bool{false, true} {
		takes, err := server.TakesBalance(server.Config{Workers: 2, ReusePort: own, Logger: slog.New(slog.DiscardHandler)})
		if err != nil || takes == own {
			t.Errorf("with reuse_port %v a worker waits for others: %v, %v, want %v", own, takes, err, !own)
		}
	}
}
