package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is a server that runs, with the workers that it may have.
type process struct {
	name, addr string
	dir        string // its folder
	tmp        string // where it puts temporary files
	conns      int    // how many connections it may hold
	cmd        *exec.Cmd
	log        *os.File
	done       chan struct{} // closed when it has ended
}

// startServer starts a server, and returns when it answers.
func startServer(name, fault string, conns int) (_ *process, err error) {
	s := &process{name: name, conns: conns + spareFiles, done: make(chan struct{})}
	if s.dir, err = os.MkdirTemp("", "soak-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	s.tmp = filepath.Join(s.dir, "tmp")
	for _, dir := range []string{s.tmp, filepath.Join(s.dir, filesFolder), filepath.Join(s.dir, socketsFolder)} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, filesFolder, fileName), numbers(), 0o600); err != nil {
		return nil, err
	}
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		return nil, err
	}
	for range 5 { // the port is one that was free a moment ago: somebody may take it meanwhile
		if err = s.start(fault); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// numbers is the static file: each place of it is different.
func numbers() []byte {
	var b bytes.Buffer
	for n := 0; b.Len() < fileSize; n++ {
		fmt.Fprintf(&b, "%07d\n", n)
	}
	return b.Bytes()[:fileSize]
}

func (s *process) start(fault string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.addr = l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	s.cmd = exec.Command("/proc/self/exe")
	s.cmd.Env = append(os.Environ(), serveVariable+"="+s.name, addrVariable+"="+s.addr, dirVariable+"="+s.dir,
		connsVariable+"="+strconv.Itoa(s.conns), faultVariable+"="+fault, "TMPDIR="+s.tmp)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	s.done = done
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait() // how it ended is seen from its log
		close(done)
	}(s.cmd)
	return s.comesUp()
}

// comesUp waits until the server and, where there are some, all of its workers answer.
func (s *process) comesUp() error {
	wanted := 1
	if s.name == "workers" {
		wanted = 2
	}
	for end := time.Now().Add(30 * time.Second); ; {
		if t, err := s.look("gc=0"); err == nil && t.Processes == wanted {
			if conn, err := net.DialTimeout("tcp", s.addr, time.Second); err == nil {
				return conn.Close()
			}
		}
		select {
		case <-s.done:
			return errors.New("it has ended: " + s.lastWords())
		case <-time.After(20 * time.Millisecond): // it has no other way to say that it listens
		}
		if time.Now().After(end) {
			return errors.New("it does not answer: " + s.lastWords())
		}
	}
}

// reload has the server start new workers.
func (s *process) reload() error { return s.cmd.Process.Signal(syscall.SIGHUP) }

// lastWords is the end of what it printed.
func (s *process) lastWords() string {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// stop ends the server and what it has started, by their ids, and removes its folder.
func (s *process) stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.done:
		case <-time.After(10 * time.Second):
			for _, pid := range slices.Backward(s.tree()) { // children first, while they still are
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			<-s.done
		}
	}
	if s.log != nil {
		s.log.Close()
	}
	os.RemoveAll(s.dir)
}

// tree is the process and those that it has started, oldest first.
func (s *process) tree() []int {
	all := []int{s.cmd.Process.Pid}
	for i := 0; i < len(all); i++ {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[i]))
		for _, file := range tasks {
			data, _ := os.ReadFile(file) // of a thread that has ended: nothing
			for _, word := range strings.Fields(string(data)) {
				if pid, err := strconv.Atoi(word); err == nil {
					all = append(all, pid)
				}
			}
		}
	}
	return all
}
