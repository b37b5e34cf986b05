package cli_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is for how long something is waited for that a slow machine does late.
const patience = 90 * time.Second

// A served program runs until the test ends.
type served struct {
	t    *testing.T
	cmd  *exec.Cmd
	mu   sync.Mutex
	log  bytes.Buffer
	more chan struct{}
	done chan error
}

// Write takes what the program says.
func (p *served) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default:
	}
	return p.log.Write(text)
}

func (p *served) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// startProgram starts one of builtPrograms in dir.
func startProgram(t *testing.T, dir string, env []string, args ...string) *served {
	t.Helper()
	p := &served{t: t, more: make(chan struct{}, 1), done: make(chan error, 1)}
	p.cmd = exec.Command(filepath.Join(programFolder(t), args[0]), args[1:]...)
	p.cmd.Dir, p.cmd.Env = dir, append(scriptEnv(t, dir), env...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
		}
	})
	return p
}

// wait waits until the program has said something of a form, and returns what its first group is.
func (p *served) wait(form string) string {
	p.t.Helper()
	pattern := regexp.MustCompile(form)
	deadline := time.After(patience)
	for {
		if m := pattern.FindStringSubmatch(p.said()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-p.more:
		case err := <-p.done:
			if m := pattern.FindStringSubmatch(p.said()); m != nil {
				p.done <- err
				return m[len(m)-1]
			}
			p.t.Fatalf("%v ended (%v) before it said %q:\n%s", p.cmd.Args, err, form, p.said())
		case <-deadline:
			p.t.Fatalf("%v has not said %q:\n%s", p.cmd.Args, form, p.said())
		}
	}
}

// stop sends a signal and returns the exit code.
func (p *served) stop(signal os.Signal) int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
	return p.end()
}

func (p *served) end() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%v does not end:\n%s", p.cmd.Args, p.said())
	}
	return p.cmd.ProcessState.ExitCode()
}

// fetched is the body that a URL answers.
func fetched(t *testing.T, url string) string {
	t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // of a certificate that is made, which nobody trusts
	}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

const (
	runsOn   = `Running on (https?://\S+)`
	listens  = `listening on="?\[?([0-9.:]+)`
	packages = "testdata/"
)

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheDevelopmentServerRunsUntilItIsToldToEnd(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  []string
		args []string
		want string
	}{
		{"of a program with cli.Main", nil, []string{"shop", "run", "--port", "0"}, "/items/7"},
		{"its options by the environment", []string{"CARAFE_RUN_PORT=0"}, []string{"shop", "run"}, "/items/7"},
		{"of a package whose main calls cli.Main", nil, []string{"carafe", "run", "--port", "0", absolute(t, packages+"shop")}, "/items/7"},
		{"of a package whose main calls App.Run", nil, []string{"carafe", "run", absolute(t, packages+"plain")}, "plain"},
		{"of a program that is built", nil, []string{"carafe", "run", "--host", "127.0.0.1", "-p", "0", filepath.Join(programFolder(t), "plain")}, "plain"},
		{"with a certificate that is made", nil, []string{"shop", "run", "--port", "0", "--cert", "adhoc"}, "/items/7"},
		{"of a package with a certificate that is made", nil, []string{"carafe", "run", "--cert", "adhoc", absolute(t, packages+"plain")}, "plain"},
		{"of a package under the reloader", nil, []string{"carafe", "--debug", "run", "-p", "0", absolute(t, packages+"plain")}, "plain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := startProgram(t, t.TempDir(), tt.env, tt.args...)
			if got := fetched(t, p.wait(runsOn)); got != tt.want {
				t.Errorf("GET / = %q, want %q:\n%s", got, tt.want, p.said())
			}
			if code := p.stop(syscall.SIGTERM); code != 0 {
				t.Errorf("the exit code after SIGTERM is %d, want 0:\n%s", code, p.said())
			}
		})
	}
}

func TestThePortOfTheCommandLineWinsOverThatOfMain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strings.TrimPrefix(l.Addr().String(), "127.0.0.1:")
	l.Close()
	p := startProgram(t, t.TempDir(), nil, "carafe", "run", "--port", port, filepath.Join(programFolder(t), "plain"))
	if got := p.wait(runsOn); got != "http://127.0.0.1:"+port {
		t.Errorf("it runs on %s, want the port %s that was asked for", got, port)
	}
	p.stop(os.Interrupt)
}

func TestAPortThatIsTakenIsSaid(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := strings.TrimPrefix(taken.Addr().String(), "127.0.0.1:")
	p := startProgram(t, t.TempDir(), nil, "shop", "run", "--port", port)
	if code := p.end(); code != 1 || !strings.Contains(p.said(), "127.0.0.1:"+port+" is in use") {
		t.Errorf("run on a taken port ends with %d and says\n%s", code, p.said())
	}
}

func TestTheProductionServerServes(t *testing.T) {
	if !signalsServe {
		t.Skip("this system passes no sockets to processes")
	}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"a program with cli.Main", []string{"shop", "serve", "-w", "2", "--bind", "127.0.0.1:0"}, "/items/7"},
		{"it in one process", []string{"shop", "serve", "-w", "0", "-b", "127.0.0.1:0"}, "/items/7"},
		{"a package whose main calls cli.Main", []string{"carafe", "serve", "-w", "2", "-b", "127.0.0.1:0", absolute(t, packages+"shop")}, "/items/7"},
		{"a package whose main calls App.Run", []string{"carafe", "serve", "-w", "2", "-b", "127.0.0.1:0", absolute(t, packages+"plain")}, "plain"},
		{"a program that knows nothing but LISTEN_FDS", []string{"carafe", "serve", "--workers=1", "-b", "127.0.0.1:0", absolute(t, packages+"bare")}, "bare"},
		{"a program that is built", []string{"carafe", "serve", "-w", "1", "-b", "127.0.0.1:0", filepath.Join(programFolder(t), "plain")}, "plain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := startProgram(t, t.TempDir(), nil, tt.args...)
			addr := p.wait(listens)
			if got := fetched(t, "http://"+addr); got != tt.want {
				t.Errorf("GET / = %q, want %q:\n%s", got, tt.want, p.said())
			}
			if code := p.stop(syscall.SIGTERM); code != 0 {
				t.Errorf("the exit code after SIGTERM is %d, want 0:\n%s", code, p.said())
			}
		})
	}
}

// copyPackage copies a package of testdata into a module of its own, with its source changed.
func copyPackage(t *testing.T, name, old, changed string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	writeChanged(t, dir, name, old, changed)
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module "+name+"\n\ngo 1.26.0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeChanged(t *testing.T, dir, name, old, changed string) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", name, "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(source), old, changed, 1)
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAReloadOfServeBuildsThePackageAnew(t *testing.T) {
	if !signalsServe {
		t.Skip("this system passes no sockets to processes")
	}
	dir := copyPackage(t, "bare", `"bare"`, `"one"`)
	p := startProgram(t, t.TempDir(), nil, "carafe", "serve", "-w", "1", "-b", "127.0.0.1:0", dir)
	url := "http://" + p.wait(listens)
	if got := fetched(t, url); got != "one" {
		t.Fatalf("GET / = %q, want one:\n%s", got, p.said())
	}
	writeChanged(t, dir, "bare", `"bare"`, `"two`) // which is no Go
	_ = p.cmd.Process.Signal(reloadSignal)         // wait tells
	p.wait(`cannot be built`)
	if got := fetched(t, url); got != "one" {
		t.Errorf("after a reload that could not be built GET / = %q, want one still:\n%s", got, p.said())
	}
	writeChanged(t, dir, "bare", `"bare"`, `"two"`)
	_ = p.cmd.Process.Signal(reloadSignal) // wait tells
	p.wait(`reloaded`)
	p.wait(`worker ended`) // this program ends at once when it is told to, and answers nothing that it has taken
	if got := fetched(t, url); got != "two" {
		t.Errorf("after a reload GET / = %q, want two:\n%s", got, p.said())
	}
	if code := p.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("the exit code is %d, want 0:\n%s", code, p.said())
	}
}
