//go:build linux

package server_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carafeweb/carafe/server"
)

func TestMetricsCountWhatHappened(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	addr := freeAddr(t)
	s.serve(2, "--metrics-bind", addr, "--backlog-metric")
	for range 20 {
		s.get("/")
	}
	s.get("/none")
	get := func(path string) (int, string) {
		code, body, err := fetch(addr, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		return code, body
	}
	s.until("the heartbeats have told of 21 requests", func() bool {
		_, text := get("/metrics")
		return metric(t, text, "carafe_requests_total") == 21
	})
	_, text := get("/metrics")
	for name, want := range map[string]float64{
		`carafe_responses_total{class="2xx"}`: 20, `carafe_responses_total{class="4xx"}`: 1, `carafe_workers{state="serving"}`: 2,
		"carafe_workers_wanted": 2, "carafe_worker_boots_total": 2, "carafe_request_seconds_count": 21, "carafe_requests_busy": 0,
	} {
		if got := metric(t, text, name); got != want {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	if code, _ := get("/readyz"); code != 200 {
		t.Errorf("/readyz is %d", code)
	}
	kill(t, s.workers()[0], syscall.SIGKILL)
	s.until("the crash is counted, and the requests of the dead are not forgotten", func() bool {
		_, text := get("/metrics")
		return metric(t, text, "carafe_worker_crashes_total") == 1 && metric(t, text, "carafe_requests_total") == 21
	})
	s.signal(syscall.SIGWINCH)
	s.until("/readyz turns 503 without workers", func() bool { code, _ := get("/readyz"); return code == 503 })
}

func TestStatsdIsSentDatagrams(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s.serve(1, "--statsd-addr", c.LocalAddr().String(), "--statsd-prefix", "shop", "--statsd-tags", "env:test")
	for range 5 {
		s.get("/")
	}
	want := []string{"shop.carafe.workers:1|g|#env:test", "shop.carafe.requests:5|c|#env:test", "shop.carafe.request.status.2xx:5|c|#env:test"}
	var got strings.Builder
	buf := make([]byte, 4096)
	for !slices.ContainsFunc([]string{got.String()}, func(text string) bool {
		return strings.Contains(text, want[0]) && strings.Contains(text, "carafe.requests:") && strings.Contains(text, "status.2xx:")
	}) {
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(buf[:n])
		got.WriteByte('\n')
	}
}

func TestReadersThatHangDoNotHoldTheMaster(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := filepath.Join(s.dir, "deaf")
	deaf, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	c, err := net.Dial("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for err == nil { // until its queue is full
		c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		_, err = c.Write([]byte("x"))
	}
	s.startWith(func(c *exec.Cmd) { c.Env = append(c.Env, "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=100000") }, "--workers", "1", "--statsd-addr", "unix:"+path)
	s.until("the worker serves", func() bool { return s.status().Serving == 1 })
	s.signal(syscall.SIGTERM)
	if code, _ := s.wait(patience); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestCertificatesAreReadAgainByAReload(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	cert, key := certificate(t, s.dir, "one")
	s.serve(1, "--tls-cert-file", cert, "--tls-key-file", key)
	name := func() string {
		c, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	kept, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	if n := name(); n != "one" {
		t.Errorf("the certificate is %q", n)
	}
	certificate(t, s.dir, "two")
	if _, err := s.ask("reload"); err != nil {
		t.Fatal(err)
	}
	if n := name(); n != "two" {
		t.Errorf("after a reload the certificate is %q, want the new one", n)
	}
	io.WriteString(kept, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if got := readAll(kept); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("a connection from before got %q, want its answer", got)
	}
	write(t, cert, "broken")
	if _, err := s.ask("reload"); err == nil {
		t.Error("a broken certificate was not refused")
	}
	if n := name(); n != "two" {
		t.Errorf("after a refused reload the certificate is %q", n)
	}
}

func TestWorkersRunAsTheirUser(t *testing.T) {
	t.Parallel()
	nobody, err := user.Lookup("nobody")
	if os.Geteuid() != 0 || err != nil {
		t.Skip("only root can become another user")
	}
	s := newSite(t)
	os.Chmod(s.dir, 0o755)
	s.serve(1, "--user", "nobody")
	fi, err := os.Stat(fmt.Sprintf("/proc/%d", s.workers()[0]))
	if err != nil {
		t.Fatal(err)
	}
	if uid := fi.Sys().(*syscall.Stat_t).Uid; fmt.Sprint(uid) != nobody.Uid {
		t.Errorf("the worker runs as %d, want %s", uid, nobody.Uid)
	}
	victim := s.workers()[0]
	kill(t, victim, syscall.SIGKILL)
	s.until("it can be replaced", func() bool { w := s.workers(); return len(w) == 1 && w[0] != victim })
}

func TestTheControlSocketTellsAndObeys(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2)
	go s.get("/hang")
	s.inFlight("/hang", 1)
	text, err := s.ask("requests")
	var pid, number int
	if n, _ := fmt.Sscan(text, &pid, &number); n != 2 || err != nil {
		t.Fatalf("requests: %q, %v", text, err)
	}
	if stack, err := s.ask(fmt.Sprintf("stack %d %d", pid, number)); err != nil || !strings.Contains(stack, "main.(*faults).routes") {
		t.Errorf("the stack of a request: %q, %v", stack, err)
	}
	for _, order := range []string{fmt.Sprintf("stack %d %d", pid, number+1000), "stack 1 1", "stack", fmt.Sprintf("stack %d", pid)} {
		if text, err := s.ask(order); err == nil {
			t.Errorf("%s: %q, want an error: there is no such request", order, text)
		}
	}
	if table, err := s.ask("workers"); err != nil || strings.Count(table, "\n") != 3 || !strings.Contains(table, fmt.Sprintf("\n%d  serving", pid)) {
		t.Errorf("workers: %q, %v, want a line for each under a head", table, err)
	}
	kill(t, pid, syscall.SIGSTOP)
	s.until("it is frozen", func() bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err == nil && strings.Contains(string(text), ") T ")
	})
	if text, err := s.ask("requests"); err != nil || !strings.Contains(text, fmt.Sprintf("%d does not answer\n", pid)) {
		t.Errorf("requests, with a frozen worker: %q, %v, want it named", text, err)
	}
	if text, err := s.ask(fmt.Sprintf("stack %d %d", pid, number)); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("the stack of a frozen worker: %q, %v, want an error that says so", text, err)
	}
	kill(t, pid, syscall.SIGCONT)
	if text, err := s.ask("scale 3"); err != nil || text != "3 workers\n" {
		t.Errorf("scale: %q, %v", text, err)
	}
	s.until("three workers serve", func() bool { return len(s.workers()) == 3 })
	if _, err := s.ask("dance"); err == nil {
		t.Error("an unknown order was obeyed")
	}
	if fi, err := os.Stat(s.control); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the control socket's mode: %v, %v", fi, err)
	}
	if _, err := s.ask("quit"); err != nil {
		t.Error(err)
	}
	if code, _ := s.wait(patience); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Lstat(s.control); err == nil {
		t.Error("the control socket is still there")
	}
}

func TestCPUsAndMemoryAreDividedAmongTheWorkers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.startWith(func(c *exec.Cmd) {
		c.Env = append(c.Env, "GOMAXPROCS=8", "GOMEMLIMIT=1GiB")
		c.Args = append(c.Args, "--workers", "4", "--env", "BEAN=arabica")
	})
	s.until("the workers serve", func() bool { return len(s.workers()) == 4 })
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.workers()[0]))
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(string(env), "\x00")
	for _, want := range []string{"GOMAXPROCS=2", "GOMEMLIMIT=268435456", "BEAN=arabica"} {
		if i := slices.Index(all, want); i < 0 {
			t.Errorf("the worker's environment lacks %s", want)
		}
	}
}

func TestOutputCanGoToTheErrorLog(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	log := filepath.Join(s.dir, "error.log")
	s.serve(1, "--capture-output", "--error-log", log)
	s.get("/log?n=3")
	s.until("the line is in the log", func() bool {
		data, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(data), "line 2\n") && strings.Contains(string(data), "worker serves")
	})
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGUSR1)
	s.until("what is written after a rotation is in the new file", func() bool {
		s.get("/log?n=1")
		data, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(data), "line 0\n")
	})
}

func TestWorkersOfAnotherUserCanOpenTheLogs(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can start processes of another user")
	}
	other, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("this system has no user nobody: " + err.Error())
	}
	s := newSite(t)
	if err := os.Chmod(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	access, errors := filepath.Join(s.dir, "access.log"), filepath.Join(s.dir, "error.log")
	s.serve(2, "--user", "nobody", "--umask", "027", "--access-log", access, "--error-log", errors)
	for _, pid := range s.workers() {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil || !strings.Contains(string(status), "\nUid:\t"+other.Uid+"\t") || !strings.Contains(string(status), "\nUmask:\t0027\n") {
			t.Errorf("worker %d is not nobody with umask 027: %v", pid, err)
		}
	}
	// The folder is root's: what the workers write to after a rotation is what the master has made for them.
	if err := os.Rename(access, access+".1"); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGUSR1)
	s.until("the workers write to the new file", func() bool {
		s.get("/")
		fi, err := os.Stat(access)
		return err == nil && fi.Size() > 0
	})
	for _, path := range []string{access, access + ".1", errors} {
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if owner := strconv.Itoa(int(fi.Sys().(*syscall.Stat_t).Uid)); owner != other.Uid || fi.Mode().Perm() != 0o640 {
			t.Errorf("%s belongs to %s with mode %o, want %s and 640", path, owner, fi.Mode().Perm(), other.Uid)
		}
	}
	if s.logged("stays as it is") {
		t.Error("a worker could not open its log again")
	}
}

// BenchmarkHello compares a worker's inside with a bare net/http server.
func BenchmarkHello(b *testing.B) {
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "Hello, World!") })
	for _, bare := range []bool{true, false} {
		b.Run(map[bool]string{true: "net-http", false: "server"}[bare], func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			if bare {
				srv := &http.Server{Handler: hello}
				go srv.Serve(l)
				defer srv.Close()
			} else {
				stop, err := server.Serve(hello, server.Config{}, l)
				if err != nil {
					b.Fatal(err)
				}
				defer stop()
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				c, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					b.Error(err)
					return
				}
				defer c.Close()
				buf := make([]byte, 4096)
				for pb.Next() {
					io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: bench\r\n\r\n")
					if n, err := c.Read(buf); err != nil || n == 0 {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
