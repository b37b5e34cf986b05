package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A process is a running contestant.
type process struct {
	contestant
	addr   string // host:port
	cmd    *exec.Cmd
	log    *os.File
	done   chan struct{} // closed when the process has ended
	cookie string        // of the session case
}

const (
	startTime = 20 * time.Second
	stopTime  = 8 * time.Second
)

// start starts the contestant and waits until it answers.
func start(c contestant, addr, dir string) (*process, error) {
	cmd, err := c.command(addr, dir)
	if err != nil {
		return nil, err
	}
	log := filepath.Join(dir, c.word+".log")
	if c.silent {
		log = os.DevNull
	}
	p := &process{contestant: c, addr: addr, cmd: cmd, done: make(chan struct{})}
	if p.log, err = os.OpenFile(log, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o644); err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Start(); err != nil {
		p.log.Close()
		return nil, err
	}
	go func() {
		_ = cmd.Wait() // how it ended is seen from its log
		close(p.done)
	}()
	if err := p.answers(); err != nil {
		err = fmt.Errorf("%s does not answer: %w%s", c.name, err, p.lastWords())
		p.stop()
		return nil, err
	}
	return p, nil
}

// answers waits for the first answer.
func (p *process) answers() error {
	deadline := time.Now().Add(startTime)
	for {
		conn, err := net.DialTimeout("tcp", p.addr, time.Second)
		if err == nil {
			conn.Close()
			return nil
		}
		select {
		case <-p.done:
			return errors.New("it has ended")
		case <-time.After(20 * time.Millisecond): // nothing but its port tells that it is there
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

// lastWords is the end of what the process printed.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log.Name())
	if err != nil || len(text) == 0 {
		return ""
	}
	return "; it said: " + string(text[max(0, len(text)-2000):])
}

// stop ends the process and all that it has started, by their ids.
func (p *process) stop() {
	defer p.log.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return
	case <-time.After(stopTime):
	}
	for _, pid := range slices.Backward(p.tree()) { // children first, while they still are
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-p.done
}

// parentOf is the fourth field of /proc/PID/stat; 0 if the process is no more.
func parentOf(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // the name may have blanks and brackets
	if len(fields) < 2 {
		return 0
	}
	ppid, _ := strconv.Atoi(string(fields[1]))
	return ppid
}

// tree is the process and those below it.
func (p *process) tree() []int {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			children[parentOf(pid)] = append(children[parentOf(pid)], pid)
		}
	}
	all := []int{p.cmd.Process.Pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// cpu is what the tree's processes have used, by their CPU clocks: /proc/PID/stat has the same sums in steps of 10 ms.
func (p *process) cpu() (sum time.Duration) {
	for _, pid := range p.tree() {
		var t unix.Timespec
		if unix.ClockGettime(int32(^pid<<3|2), &t) == nil { // CPUCLOCK_SCHED of the process
			sum += time.Duration(t.Nano())
		}
	}
	return sum
}

// memory is the resident bytes of the tree. What processes share is counted in each of them.
func (p *process) memory() (sum int64) {
	for _, pid := range p.tree() {
		sum += residentOf(pid)
	}
	return sum
}

func residentOf(pid int) int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(io.LimitReader(f, 1<<16)); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
			return kb << 10
		}
	}
	return 0
}

// freeAddresses are addresses of loopback that nobody listens on.
func freeAddresses(n int) ([]string, error) {
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // when all are chosen, so that none is chosen twice
		out = append(out, l.Addr().String())
	}
	return out, nil
}

// openFiles is how many files a process may have open: as many as the system lets it, here and in what is started.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	const enough = 24000
	for _, most := range []uint64{max(limit.Max, enough), limit.Max} { // the first needs a privilege
		wanted := syscall.Rlimit{Cur: most, Max: most}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &wanted) == nil {
			return most
		}
	}
	return limit.Cur
}
