package server

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// reapEvery is how often process 1 looks for orphans.
const reapEvery = 2 * time.Second

// reap waits, in process 1 of a container, for what nobody else waits for: orphans that the kernel gives to process 1 as
// their parent, which would stay behind as zombies. A child of this program's own is waited for by whoever started it, at
// once; so whatever has been dead for a whole turn is nobody's.
//
// Unlike Gunicorn, it never waits for just any child: that would steal the end of one that the app has started.
func reap(ctx context.Context) {
	if os.Getpid() != 1 {
		return
	}
	t := time.NewTicker(reapEvery)
	defer t.Stop()
	before := map[int]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			now := map[int]bool{}
			for _, pid := range deadChildren() {
				if before[pid] {
					syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
				} else {
					now[pid] = true
				}
			}
			before = now
		}
	}
}

// deadChildren are the children of this process that have ended and were not waited for.
func deadChildren() (pids []int) {
	list, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	for _, path := range list {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// pid (name) state parent …; a name may hold anything.
		f := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if len(f) < 2 || string(f[0]) != "Z" || string(f[1]) != strconv.Itoa(os.Getpid()) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
