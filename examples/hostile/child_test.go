package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain makes the test binary the program itself where it is started as a server, and when that starts its workers.
func TestMain(m *testing.M) {
	if os.Getenv("HOSTILE_CHILD") != "" {
		if err := serve(words(os.Getenv("MODE"), nil)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A child is the program, running.
type child struct {
	t    *testing.T
	mode string
	addr string
	tmp  string // its folder for temporary files
	log  string // what it writes to standard output and error

	cmd    *exec.Cmd
	exited chan struct{}
	worker int // the process that serves
}

func newChild(t *testing.T, mode string) *child {
	t.Helper()
	dir := t.TempDir()
	c := &child{t: t, mode: mode, tmp: filepath.Join(dir, "tmp"), log: filepath.Join(dir, "log")}
	if err := os.Mkdir(c.tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	c.start()
	t.Cleanup(c.stop)
	return c
}

// start starts it, anew if it runs. The port is one that was free a moment ago; if somebody takes it meanwhile, another.
func (c *child) start() {
	c.t.Helper()
	c.stop()
	for range 5 {
		if c.tryStart() {
			return
		}
		c.stop()
	}
	data, _ := os.ReadFile(c.log)
	c.t.Fatalf("the program does not serve in mode %s; it says:\n%s", c.mode, data)
}

func (c *child) tryStart() bool {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	c.addr = l.Addr().String()
	_ = l.Close()
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	c.cmd = exec.Command(os.Args[0])
	c.cmd.Env = append(os.Environ(), "HOSTILE_CHILD=1", "ADDR="+c.addr, "MODE="+c.mode, "TMPDIR="+c.tmp)
	c.cmd.Stdout, c.cmd.Stderr = log, log
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	exited := make(chan struct{})
	c.exited = exited
	cmd := c.cmd
	go func() { _ = cmd.Wait(); close(exited) }()
	if !c.comesUp(30 * time.Second) {
		return false
	}
	c.worker = c.lastProcess()
	return true
}

// stop ends it, and waits until it has.
func (c *child) stop() {
	if c.cmd == nil {
		return
	}
	processes := c.processes()
	_ = c.cmd.Process.Kill()
	for _, pid := range processes[1:] {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
	}
	<-c.exited
	c.cmd = nil
}

// comesUp waits until it serves. It gives up when the program has ended.
func (c *child) comesUp(limit time.Duration) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c.serves(time.Second) {
			return true
		}
		select {
		case <-c.exited:
			return false
		default:
		}
	}
	return false
}

// get asks on a connection of its own.
func (c *child) get(path string, limit time.Duration) (body string, err error) {
	client := http.Client{Timeout: limit, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + c.addr + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != 200 {
		err = fmt.Errorf("status %d", resp.StatusCode)
	}
	return string(data), err
}

func (c *child) serves(limit time.Duration) bool {
	body, err := c.get("/", limit)
	return err == nil && body == "ok"
}

// same says whether the process that serves is the one it was.
func (c *child) same() bool {
	select {
	case <-c.exited:
		return false
	default:
		return c.lastProcess() == c.worker
	}
}

func (c *child) lastProcess() int {
	all := c.processes()
	return all[len(all)-1]
}

// processes are its own and those that it has started, oldest first.
func (c *child) processes() []int {
	all := []int{c.cmd.Process.Pid}
	for i := 0; i < len(all); i++ {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[i]))
		for _, file := range tasks {
			data, _ := os.ReadFile(file)
			for _, word := range strings.Fields(string(data)) {
				pid, _ := strconv.Atoi(word)
				all = append(all, pid)
			}
		}
	}
	slices.Sort(all[1:])
	return all
}

// memory is a figure of /proc/…/status of all processes, in MiB.
func (c *child) memory(key string) float64 {
	var kib float64
	for _, pid := range c.processes() {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if _, rest, ok := bytes.Cut(data, []byte(key+":")); ok {
			n, _ := strconv.ParseFloat(string(bytes.Fields(rest)[0]), 64)
			kib += n
		}
	}
	return kib / 1024
}

// forgetPeak has VmHWM begin anew.
func (c *child) forgetPeak() {
	for _, pid := range c.processes() {
		_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
	}
}

// open are its descriptors.
func (c *child) open() (n int) {
	for _, pid := range c.processes() {
		entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		n += len(entries)
	}
	return n
}

func (c *child) temporary() int {
	entries, _ := os.ReadDir(c.tmp)
	return len(entries)
}

// logFrom is what it has said from an offset on.
func (c *child) logFrom(offset int) []byte {
	data, _ := os.ReadFile(c.log)
	return data[min(offset, len(data)):]
}
