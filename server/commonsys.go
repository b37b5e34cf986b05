package server

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// commonSystem is what all systems have alike.
func commonSystem() *system {
	return &system{bind: listen, forget: func(int) {}, served: func() {}, flush: func() {}, notify: notify, resident: residentMemory, terminal: terminal, jitter: rand.IntN}
}

// settle makes the process what the settings say: umask and folder. back undoes it, also after an error.
func (c *Config) settle() (back func(), err error) {
	back = func() {}
	mask, err := parseUmask(c.Umask)
	if err != nil {
		return back, err
	}
	if mask >= 0 {
		old := umask(mask)
		back = func() { umask(old) }
	}
	if c.Chdir == "" {
		return back, nil
	}
	here, lost := os.Getwd()
	if err := os.Chdir(c.Chdir); err != nil || lost != nil {
		return back, err
	}
	same := back
	return func() { os.Chdir(here); same() }, nil
}

func processID() int { return os.Getpid() }

// A datagram to a unix socket waits while its reader's queue is full. The loop has no time for a service manager that hangs, and
// none at all for what comes again.
const (
	notifyPatience = time.Second
	repeatPatience = 10 * time.Millisecond
)

// watchdogState is the sign of life that is sent again and again.
const watchdogState = "WATCHDOG=1"

// notify sends a state to the service manager, if there is one (sd_notify(3)).
func notify(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	c, err := net.Dial("unixgram", path)
	if err != nil {
		return
	}
	defer c.Close()
	patience := notifyPatience
	if state == watchdogState {
		patience = repeatPatience
	}
	c.SetWriteDeadline(time.Now().Add(patience))
	c.Write([]byte(state))
}

// workerEnv divides the machine among the workers: each gets its part of the CPUs, and of the memory limit that the
// process has been given or the cgroup sets, of which a tenth stays free for what is no Go heap.
func workerEnv(c *Config) []string {
	n := max(1, c.Workers)
	env := []string{fmt.Sprintf("GOMAXPROCS=%d", max(1, (runtime.GOMAXPROCS(0)+n-1)/n))}
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		limit = memoryLimit() / 10 * 9
	}
	if limit > 0 {
		env = append(env, fmt.Sprintf("GOMEMLIMIT=%d", limit/int64(n)))
	}
	return append(env, c.Env...)
}
