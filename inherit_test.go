//go:build unix

package carafe_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
)

// TestHelperServesInheritedSockets is no test: it is the process that the test below starts.
func TestHelperServesInheritedSockets(t *testing.T) {
	if os.Getenv("CARAFE_TEST_INHERIT") == "" {
		return
	}
	os.Setenv("LISTEN_PID", fmt.Sprint(os.Getpid()))
	app := carafe.New("heir")
	app.Route("/", func() string { return fmt.Sprintf("pid %d LISTEN_FDS %q", os.Getpid(), os.Getenv("LISTEN_FDS")) })
	started, release := make(chan struct{}), make(chan struct{})
	app.Route("/slow", func() string { close(started); <-release; return "slow" })
	app.Route("/release", func() string { <-started; close(release); return "released" })
	if err := app.Run(carafe.Debug(true), carafe.Addr("127.0.0.1:1")); err != nil {
		fmt.Fprintln(os.Stderr, "Run:", err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "Run returned nil")
	os.Exit(0)
}

// heir is a process that was left a socket.
type heir struct {
	t      *testing.T
	cmd    *exec.Cmd
	addr   string
	notify *net.UnixConn
	stderr *strings.Builder
}

func newHeir(t *testing.T) *heir {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	must(t, err)
	defer f.Close()
	dir, err := os.MkdirTemp("", "heir") // short: a unix socket's path has room for about 100 bytes
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &heir{t: t, addr: l.Addr().String(), stderr: &strings.Builder{}}
	path := filepath.Join(dir, "notify")
	h.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	t.Cleanup(func() { h.notify.Close() })
	h.cmd = exec.Command(os.Args[0], "-test.run=^TestHelperServesInheritedSockets$")
	h.cmd.Env = append(os.Environ(), "CARAFE_TEST_INHERIT=1", "LISTEN_FDS=1", "NOTIFY_SOCKET="+path, "CARAFE_DRAIN_IDLE=10s", "WATCHDOG_USEC=200000")
	h.cmd.ExtraFiles = []*os.File{f}
	h.cmd.Stderr = h.stderr
	must(t, h.cmd.Start())
	t.Cleanup(func() { h.cmd.Process.Kill() })
	return h
}

// hears waits until the process says something to NOTIFY_SOCKET.
func (h *heir) hears(want string) {
	h.t.Helper()
	h.notify.SetReadDeadline(time.Now().Add(30 * time.Second))
	buf := make([]byte, 1024)
	for {
		n, err := h.notify.Read(buf)
		if err != nil {
			h.t.Fatalf("waiting for %s: %v", want, err)
		}
		if slices.Contains(strings.Split(string(buf[:n]), "\n"), want) {
			return
		}
	}
}

// ask sends a request on a connection and returns the answer and its body.
func (h *heir) ask(c net.Conn, path string) (*http.Response, string) {
	h.t.Helper()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	_, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
	must(h.t, err)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		h.t.Fatalf("GET %s: %v", path, err)
	}
	body, err := io.ReadAll(resp.Body)
	must(h.t, err)
	return resp, string(body)
}

func (h *heir) dial() net.Conn {
	h.t.Helper()
	c, err := net.Dial("tcp", h.addr)
	must(h.t, err)
	h.t.Cleanup(func() { c.Close() })
	return c
}

func TestRunServesInheritedSocketsAndLeavesWithoutLoss(t *testing.T) {
	h := newHeir(t)
	early := h.dial() // waits in the queue until the process is up
	h.hears("READY=1")
	h.hears("WATCHDOG=1")
	if _, body := h.ask(early, "/"); body != fmt.Sprintf(`pid %d LISTEN_FDS ""`, h.cmd.Process.Pid) {
		t.Errorf("the answer is %q, want the process's pid, and no LISTEN_FDS left in its environment", body)
	}
	must(t, h.cmd.Process.Signal(syscall.SIGHUP)) // the operator's: no concern of a worker
	slow := h.dial()
	_, err := io.WriteString(slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	idle := h.dial()
	h.ask(idle, "/")
	must(t, h.cmd.Process.Signal(syscall.SIGTERM))
	h.hears("STOPPING=1")
	resp, body := h.ask(idle, "/release")
	if body != "released" || !resp.Close {
		t.Errorf("the request on an idle connection after TERM: %q, Connection: close %t; want an answer and close", body, resp.Close)
	}
	answer, err := http.ReadResponse(bufio.NewReader(slow), nil)
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("the request in flight at TERM: %v", err)
	}
	h.ask(early, "/")
	slow.Close()
	if err := h.cmd.Wait(); err != nil {
		t.Errorf("the process ended with %v", err)
	}
	if text := h.stderr.String(); !strings.Contains(text, "Run returned nil") || strings.Contains(text, "Debug mode") {
		t.Errorf("stderr is %q, want no banner and no error", text)
	}
}

func TestASecondSignalCutsWhatAnHeirHasInFlight(t *testing.T) {
	h := newHeir(t)
	h.hears("READY=1")
	c := h.dial()
	_, err := io.WriteString(c, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	h.ask(h.dial(), "/")
	must(t, h.cmd.Process.Signal(syscall.SIGTERM))
	h.hears("STOPPING=1")
	must(t, h.cmd.Process.Signal(syscall.SIGTERM))
	if err := h.cmd.Wait(); err != nil {
		t.Errorf("the process ended with %v, want nil: it was told to", err)
	}
}

func TestRunSaysWhatIsWrongWithWhatItInherits(t *testing.T) {
	for _, tt := range []struct{ name, fds, want string }{
		{"a number that is none", "many", `LISTEN_FDS="many"`},
		{"a descriptor that is no socket", "1", "is no listening socket"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestHelperServesInheritedSockets$")
			cmd.Env = append(os.Environ(), "CARAFE_TEST_INHERIT=1", "LISTEN_FDS="+tt.fds)
			null, err := os.Open(os.DevNull)
			must(t, err)
			defer null.Close()
			cmd.ExtraFiles = []*os.File{null}
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("%v: %q, want an error that says %q", err, out, tt.want)
			}
		})
	}
}
