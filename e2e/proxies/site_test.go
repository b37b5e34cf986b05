//go:build linux

package proxies_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/carafeweb/carafe/server"
)

// faults is the built examples/faults.
var faults string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "carafe-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if err := os.Chmod(dir, 0o755); err != nil { // for a server that is not root's
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		faults = filepath.Join(dir, "faults")
		if out, err := exec.Command("go", "build", "-o", faults, "github.com/carafeweb/carafe/examples/faults").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building examples/faults: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// patience is how long anything may take on a loaded machine.
const patience = 60 * time.Second

// A process is a program that a test has started; it is ended by its pid, and its log is shown if the test fails.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	log   *output
	ended chan struct{}
}

type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func startProcess(t *testing.T, dir string, env []string, program string, args ...string) *process {
	t.Helper()
	return startProcessAs(t, nil, dir, env, program, args...)
}

// startProcessAs starts a program as somebody else; nil is who runs the test.
func startProcessAs(t *testing.T, as *syscall.Credential, dir string, env []string, program string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(program, args...), log: &output{}, ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.WaitDelay = time.Second
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", program, err)
	}
	go func() { p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // its group: what it has started, and nothing else
		<-p.ended
		if t.Failed() {
			text := p.log.String()
			t.Logf("log of %s:\n%s", filepath.Base(program), text[max(0, len(text)-4000):])
		}
	})
	return p
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits for the end and returns how long that took.
func (p *process) wait() time.Duration {
	p.t.Helper()
	began := time.Now()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("%s does not end; log:\n%s", p.cmd.Path, p.log)
	}
	return time.Since(began)
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain until %s", patience, what)
		}
	}
}

// freePorts are addresses that nobody listens on at this moment.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var list []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		list = append(list, l.Addr().String())
	}
	return list
}

// An instance is one pre-fork server: two workers of examples/faults.
type instance struct {
	*process
	t       *testing.T
	dir     string
	addr    string
	control string
	flags   []string
}

func newInstance(t *testing.T, addr string, flags ...string) *instance {
	t.Helper()
	dir, err := os.MkdirTemp("", "ci") // short: a unix socket's path has room for about 100 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	i := &instance{t: t, dir: dir, addr: addr, control: filepath.Join(dir, "ctl"), flags: flags}
	i.start()
	return i
}

func (i *instance) start() {
	i.t.Helper()
	args := append([]string{"--bind", i.addr, "--workers", "2", "--control-socket", i.control}, i.flags...)
	i.process = startProcess(i.t, i.dir, []string{"FAULTS_DIR=" + i.dir}, faults, args...)
	until(i.t, "both workers serve", func() bool { return i.status().Serving == 2 })
}

func (i *instance) status() (s server.Status) {
	text, err := server.Control(i.control, "status")
	if err != nil || json.Unmarshal([]byte(text), &s) != nil {
		return server.Status{}
	}
	return s
}

// restart stops the server as an operator does, and starts it again.
func (i *instance) restart() {
	i.t.Helper()
	i.signal(syscall.SIGTERM)
	i.wait()
	if code := i.cmd.ProcessState.ExitCode(); code != 0 {
		i.t.Errorf("an instance ended with exit code %d", code)
	}
	i.start()
}

// installed skips the test when a program is missing.
func installed(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin") {
		if path := filepath.Join(dir, name); isExecutable(path) {
			return path
		}
	}
	t.Skipf("%s is not installed", name)
	return ""
}

func isExecutable(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0
}

// write makes a configuration file of text, in which $NAME stands for the value after it in pairs.
func write(t *testing.T, path, text string, pairs ...string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.NewReplacer(pairs...).Replace(text)), 0o644); err != nil {
		t.Fatal(err)
	}
}
