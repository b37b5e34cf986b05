//go:build linux

package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/carafeweb/carafe/server"
)

// faults is the built examples/faults, the program that the scenarios drive; hello is examples/hello, an app that runs itself.
var faults, hello string

func TestMain(m *testing.M) {
	if os.Getenv(hookedEnv) != "" {
		hooked()
	}
	if behaviour := os.Getenv(strangerEnv); behaviour != "" {
		stranger(behaviour)
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "carafe-server-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		faults, hello = filepath.Join(dir, "faults"), filepath.Join(dir, "hello")
		args := []string{"build", "-o", dir}
		if raceEnabled {
			args = append(args, "-race")
		}
		build := exec.Command("go", append(args, "github.com/carafeweb/carafe/examples/faults", "github.com/carafeweb/carafe/examples/hello")...)
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the programs to drive: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// rounds is how often a scenario that must lose nothing is run: once here, 20 times in a soak.
func rounds(t *testing.T) int {
	t.Helper()
	if os.Getenv("CARAFE_SOAK") == "" {
		t.Log("one round of 20: set CARAFE_SOAK=1 for all")
		return 1
	}
	return 20
}

// site is one server under test: a folder with its own copy of the program, its addresses, its log.
type site struct {
	t       *testing.T
	dir     string
	program string
	addr    string
	control string
	pidfile string
	cmd     *exec.Cmd
	log     *buffer
	ended   chan struct{}
	code    int
	racy    bool // the scenario itself races, on purpose
}

// buffer collects what a process writes.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// newSite makes a site whose program is not started yet.
func newSite(t *testing.T) *site {
	t.Helper()
	if os.Getenv("CARAFE_FAULTS") == "" && os.Getenv("CARAFE_SOAK") == "" {
		t.Skip("it starts, kills and freezes real processes against the clock, which wants a machine to itself: set CARAFE_FAULTS=1")
	}
	dir, err := os.MkdirTemp("", "cf") // short: unix socket paths have 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, dir: dir, program: filepath.Join(dir, "prog"), addr: freeAddr(t), control: filepath.Join(dir, "ctl"), pidfile: filepath.Join(dir, "pid"), log: &buffer{}}
	t.Cleanup(func() {
		s.killAll()
		if s.logged("DATA RACE") && !s.racy {
			t.Error("the server has a data race")
		}
		if t.Failed() {
			t.Logf("log of the server:\n%s", clip(s.log.String()))
		}
		os.RemoveAll(dir)
	})
	s.install(faults)
	return s
}

func clip(s string) string {
	if len(s) > 12000 {
		return s[:4000] + "\n…\n" + s[len(s)-8000:]
	}
	return s
}

// freeAddr is an address that nobody listens on at this moment. It is below the ports that the system itself gives to
// listeners and clients: one of those may be somebody else's before the server under test binds it.
func freeAddr(t *testing.T) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatal(err)
		}
	}
}

// install puts a program in place by renaming, as a deployment does.
func (s *site) install(from string) {
	s.t.Helper()
	temp := s.program + ".new"
	os.Remove(temp)
	if err := os.Link(from, temp); err != nil {
		data, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(temp, data, 0o755)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	if err := os.Rename(temp, s.program); err != nil {
		s.t.Fatal(err)
	}
}

// put writes a file into the site's folder, whole or not at all; an empty text removes it.
func (s *site) put(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if text == "" {
		os.Remove(path)
		return
	}
	if err := os.WriteFile(path+".tmp", []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		s.t.Fatal(err)
	}
}

// start starts the program with these flags and does not wait.
func (s *site) start(flags ...string) {
	s.t.Helper()
	s.startWith(nil, flags...)
}

func (s *site) startWith(change func(*exec.Cmd), flags ...string) {
	s.t.Helper()
	args := append([]string{"--bind", s.addr, "--control-socket", s.control, "--pid-file", s.pidfile}, flags...)
	s.cmd = exec.Command(s.program, args...)
	s.cmd.Dir = s.dir
	s.cmd.Env = append(os.Environ(), "FAULTS_DIR="+s.dir, "GORACE=atexit_sleep_ms=0")
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.WaitDelay = time.Second
	if change != nil {
		change(s.cmd)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		cmd.Wait()
		s.code = cmd.ProcessState.ExitCode()
		close(ended)
	}(s.cmd, s.ended)
}

// serve starts the program and waits until so many workers serve.
func (s *site) serve(workers int, flags ...string) {
	s.t.Helper()
	s.start(append([]string{"--workers", strconv.Itoa(workers)}, flags...)...)
	s.until("the workers serve", func() bool { return s.status().Serving == max(1, workers) })
}

// until waits for something that is about to happen.
func (s *site) until(what string, f func() bool) {
	s.t.Helper()
	s.within(patience, what, f)
}

// within waits for something that must happen in a given time, and returns how long it took.
func (s *site) within(limit time.Duration, what string, f func() bool) time.Duration {
	s.t.Helper()
	began := time.Now()
	for !f() {
		if time.Since(began) > limit {
			s.t.Fatalf("waited %v in vain until %s; log:\n%s", limit, what, clip(s.log.String()))
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(began)
}

// patience is how long an event that has no bar of its own may take on a loaded machine.
const patience = 20 * time.Second

func (s *site) pid() int { return s.cmd.Process.Pid }

// signal sends a signal to the master.
func (s *site) signal(sig syscall.Signal) {
	s.t.Helper()
	kill(s.t, s.pid(), sig)
}

func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("kill -%v %d: %v", sig, pid, err)
	}
}

// ask asks the control socket.
func (s *site) ask(order string) (string, error) { return server.Control(s.control, order) }

// status is the server's own word; the zero Status if there is no answer.
func (s *site) status() server.Status {
	var st server.Status
	text, err := s.ask("status")
	if err == nil {
		err = json.Unmarshal([]byte(text), &st)
	}
	if err != nil {
		return server.Status{}
	}
	return st
}

// workers are the pids of the workers that serve, oldest first.
func (s *site) workers() []int {
	var pids []int
	for _, w := range s.status().Workers {
		if w.State == "serving" {
			pids = append(pids, w.PID)
		}
	}
	return pids
}

// wait waits for the end of the master and returns its exit code and how long it took.
func (s *site) wait(limit time.Duration) (int, time.Duration) {
	s.t.Helper()
	began := time.Now()
	select {
	case <-s.ended:
		return s.code, time.Since(began)
	case <-time.After(limit):
		s.t.Fatalf("the server did not end in %v; log:\n%s", limit, clip(s.log.String()))
		return 0, 0
	}
}

// processes are all processes that run a program of this site.
func (s *site) processes() []int {
	var pids []int
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, s.dir+"/") {
			pid, _ := strconv.Atoi(strings.Split(l, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

func (s *site) killAll() {
	for range 100 {
		pids := s.processes()
		if len(pids) == 0 {
			return
		}
		for _, p := range pids {
			syscall.Kill(p, syscall.SIGKILL)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// logged reports whether a line of the log matches.
func (s *site) logged(pattern string) bool {
	return regexp.MustCompile("(?m)" + pattern).MatchString(s.log.String())
}

// tells reports whether a line of the log matches, now or soon: what a process writes comes through a pipe.
func (s *site) tells(pattern string) bool {
	for end := time.Now().Add(2 * time.Second); !s.logged(pattern); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

func (s *site) count(pattern string) int {
	return len(regexp.MustCompile("(?m)"+pattern).FindAllString(s.log.String(), -1))
}

// get asks for a path on a connection of its own.
func (s *site) get(path string) (int, string, error) {
	return fetch(s.addr, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

func fetch(addr, request string) (int, string, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return 0, "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		return 0, "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// A load sends requests and never tries again: each one without a good answer counts as lost.
type load struct {
	addr    string
	path    string
	clients int
	think   time.Duration
	keep    bool // connections are kept

	cancel context.CancelFunc
	done   sync.WaitGroup
	mu     sync.Mutex
	oks    []ok
	losses []string
	conns  int
	bodies map[string]int
}

type ok struct {
	at   time.Time
	took time.Duration
}

// begin starts the load; end stops it.
func (l *load) begin() *load {
	if l.path == "" {
		l.path = "/"
	}
	if l.clients == 0 {
		l.clients = 4
	}
	if l.think == 0 {
		l.think = 3 * time.Millisecond
	}
	l.bodies = map[string]int{}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	for range l.clients {
		l.done.Go(func() { l.client(ctx) })
	}
	return l
}

func (l *load) end() *load {
	l.cancel()
	l.done.Wait()
	return l
}

func (l *load) client(ctx context.Context) {
	var c net.Conn
	var r *bufio.Reader
	used := 0
	for ctx.Err() == nil {
		began := time.Now()
		if c == nil {
			var err error
			if c, err = net.DialTimeout("tcp", l.addr, 10*time.Second); err != nil {
				l.lose("dial: " + err.Error())
				c = nil
				time.Sleep(l.think)
				continue
			}
			r, used = bufio.NewReader(c), 0
			l.mu.Lock()
			l.conns++
			l.mu.Unlock()
		}
		again, body, err := l.one(c, r)
		if err != nil {
			l.lose(fmt.Sprintf("request %d of its connection: %v", used+1, err))
		} else {
			l.good(began, body)
		}
		used++
		if err != nil || !again {
			c.Close()
			c = nil
		}
		time.Sleep(l.think)
	}
	if c != nil {
		c.Close()
	}
}

// one is one request on a connection; again says that the connection may be used again.
func (l *load) one(c net.Conn, r *bufio.Reader) (again bool, body string, err error) {
	closing := "Connection: close\r\n"
	if l.keep {
		closing = ""
	}
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", l.path, closing); err != nil {
		return false, "", err
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return false, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return false, "", err
	}
	if resp.StatusCode != http.StatusOK {
		return false, "", fmt.Errorf("status %d: %s", resp.StatusCode, data)
	}
	return l.keep && !resp.Close, strings.TrimSpace(string(data)), nil
}

func (l *load) lose(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.losses = append(l.losses, why)
}

func (l *load) good(began time.Time, body string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.oks = append(l.oks, ok{time.Now(), time.Since(began)})
	l.bodies[body]++
}

// lost is the number of requests without a good answer.
func (l *load) lost() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.losses)
}

// total is the number of all requests.
func (l *load) total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.losses) + len(l.oks)
}

// hole is the longest time without any good answer.
func (l *load) hole() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var longest time.Duration
	for i := 1; i < len(l.oks); i++ {
		longest = max(longest, l.oks[i].at.Sub(l.oks[i-1].at))
	}
	return longest
}

// p99 is the latency that one request in a hundred exceeds, of those answered between two moments.
func (l *load) p99(from, to time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []time.Duration
	for _, o := range l.oks {
		if o.at.After(from) && o.at.Before(to) {
			all = append(all, o.took)
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)*99/100]
}

// progress waits until so many more requests have been answered.
func (l *load) progress(t *testing.T, n int) {
	t.Helper()
	want := l.total() + n
	for end := time.Now().Add(patience); l.total() < want; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the load made no progress: %d requests, %d lost, first losses %q", l.total(), l.lost(), l.some())
		}
	}
}

func (l *load) some() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.losses[:min(3, len(l.losses))]
}

// bothLoads runs a scenario with connections that are closed after each request and with ones that are kept.
func bothLoads(t *testing.T, f func(t *testing.T, keep bool)) {
	t.Helper()
	for _, keep := range []bool{false, true} {
		name := "with a connection for each request"
		if keep {
			name = "with connections that are kept"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range rounds(t) {
				f(t, keep)
			}
		})
	}
}

// wantNoLoss fails when the load has lost anything.
func wantNoLoss(t *testing.T, l *load) {
	t.Helper()
	if n := l.lost(); n > 0 {
		t.Errorf("%d of %d requests were lost; the first: %q", n, l.total(), l.some())
	}
	if l.total() == 0 {
		t.Error("the load sent no request at all")
	}
	t.Logf("%d requests on %d connections, %d lost, hole %v", l.total(), l.conns, l.lost(), l.hole().Round(time.Millisecond))
}
