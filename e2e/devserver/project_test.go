// Package devserver_test starts real projects with the go command and watches them being edited.
package devserver_test

import (
	"bytes"
	"context"
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

// patience is how long anything may take on a loaded machine.
const patience = 2 * time.Minute

// A project is a program in a temporary folder, and the process that develops it.
type project struct {
	t    *testing.T
	dir  string
	cmd  *exec.Cmd
	out  *output
	addr string
	done chan error
}

// output is what the processes print.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// newProject copies files to a new module that uses this repository's Carafe, as it is.
func newProject(t *testing.T, files map[string]string) *project {
	t.Helper()
	root, err := filepath.Abs("../..")
	must(t, err)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	p := &project{t: t, dir: dir, out: &output{}, done: make(chan error, 1)}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	must(t, err)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	must(t, err)
	requires := string(mod[bytes.Index(mod, []byte("require")):])
	p.write("go.mod", "module example.org/site\n\ngo 1.26.0\n\nrequire github.com/carafeweb/carafe v0.0.0\n\n"+requires+"\nreplace github.com/carafeweb/carafe => "+root+"\n")
	p.write("go.sum", string(sum))
	for name, text := range files {
		p.write(name, text)
	}
	return p
}

func (p *project) write(name, text string) {
	p.t.Helper()
	full := filepath.Join(p.dir, filepath.FromSlash(name))
	must(p.t, os.MkdirAll(filepath.Dir(full), 0o755))
	must(p.t, os.WriteFile(full, []byte(text), 0o644))
}

// run starts a command in the project, "go run ." for example, and waits for the address to be printed.
func (p *project) run(env []string, command ...string) {
	p.t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, p.out, p.out
	cmd.Env = append(append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "CARAFE_RUN_PORT=0"), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that Ctrl-C can be sent to all of it, as a terminal does
	cmd.WaitDelay = 10 * time.Second
	must(p.t, cmd.Start())
	p.cmd = cmd
	go func() { p.done <- cmd.Wait() }()
	p.t.Cleanup(p.end)
	m := p.await(regexp.MustCompile(`Running on https?(?:\+unix)?://(\S+)`))
	p.addr = m[1]
}

// await waits until something is printed.
func (p *project) await(pattern *regexp.Regexp) []string {
	p.t.Helper()
	var m []string
	eventually(p.t, func() bool { m = pattern.FindStringSubmatch(p.out.String()); return m != nil }, func() string {
		return "nothing like " + pattern.String() + " is printed:\n" + p.out.String()
	})
	return m
}

// end is what is done at the end of a test, whatever happened: kill the whole group, of this project only.
func (p *project) end() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT)
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	if p.t.Failed() {
		text := p.out.String()
		p.t.Logf("the end of what was printed:\n%s", text[max(0, len(text)-3000):])
	}
}

// children are the ids of the processes of the project's group, by what they run.
func (p *project) processes() map[int]string {
	list := map[int]string{}
	entries, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range entries {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		rest := string(data[bytes.LastIndexByte(data, ')')+1:])
		fields := strings.Fields(rest)
		if len(fields) > 2 && fields[0] != "Z" && fields[2] == itoa(p.cmd.Process.Pid) {
			exe, _ := os.Readlink(filepath.Join(filepath.Dir(name), "exe"))
			list[atoi(strings.Split(name, "/")[2])] = exe
		}
	}
	return list
}

// page asks as a browser does.
func (p *project) page(path string) (status int, body string, header http.Header) {
	p.t.Helper()
	return p.ask("GET", path, http.Header{"Accept": {"text/html"}})
}

func (p *project) ask(method, path string, header http.Header) (int, string, http.Header) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+p.addr+path, nil)
	must(p.t, err)
	for name, values := range header {
		if name == "Host" {
			r.Host = values[0]
			continue
		}
		r.Header[name] = values
	}
	resp, err := http.DefaultClient.Do(r)
	must(p.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(p.t, err)
	return resp.StatusCode, string(body), resp.Header
}

// shows waits until the page has a text.
func (p *project) shows(path, text string) (body string, header http.Header) {
	p.t.Helper()
	eventually(p.t, func() bool {
		_, body, header = p.page(path)
		return strings.Contains(body, text)
	}, func() string { return "GET " + path + " shows no " + text + ", but\n" + body })
	return body, header
}

// eventually asks again and again: for what is not told by an event.
func eventually(t *testing.T, ok func() bool, why func() string) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Fatal(why())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// notLoopback is an address of this machine that is not a loopback address, "" if it has none.
func notLoopback() string {
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && ip.IP.To4() != nil {
			return ip.IP.String()
		}
	}
	return ""
}
