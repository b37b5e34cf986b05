//go:build linux

package proxies_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A contender is a pre-fork server that is measured; both are measured in the same run, side by side.
type contender struct {
	*process
	t    *testing.T
	ours bool
	dir  string
	addr string
	boot string // what its log says for each worker that starts
}

// options are what both take, each in its own words.
type options struct {
	workers     int
	sync        bool // Gunicorn's sync worker, else gthread with 8 threads
	graceful    int
	maxRequests int
	files       map[string]string // in FAULTS_DIR from the start on
	as          *syscall.Credential
}

func newContender(t *testing.T, ours bool, o options) *contender {
	t.Helper()
	dir, err := os.MkdirTemp("", "ct")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if o.as != nil {
		if err := os.Chown(dir, int(o.as.Uid), int(o.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	c := &contender{t: t, ours: ours, dir: dir, addr: freePorts(t, 1)[0]}
	for name, text := range o.files {
		write(t, filepath.Join(dir, name), text)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--bind", c.addr, "--workers", strconv.Itoa(o.workers)}
	if o.graceful > 0 {
		args = append(args, "--graceful-timeout", strconv.Itoa(o.graceful))
	}
	if o.maxRequests > 0 {
		args = append(args, "--max-requests", strconv.Itoa(o.maxRequests), "--max-requests-jitter", strconv.Itoa(o.maxRequests/4))
	}
	program := faults
	c.boot = "worker starts"
	if !ours {
		program, c.boot = installed(t, "gunicorn"), "Booting worker"
		if !o.sync {
			args = append(args, "--worker-class", "gthread", "--threads", "8", "--keep-alive", "5")
		}
		args = append(args, "--config", filepath.Join(here, "crash.conf.py"), "--pythonpath", here, "wsgi:app")
	}
	c.process = startProcessAs(t, o.as, dir, []string{"FAULTS_DIR=" + dir}, program, args...)
	if o.files["crash"] == "" {
		until(t, "it serves", func() bool { return answers(c.addr) })
	}
	return c
}

// group counts the processes that were started with the contender.
func (c *contender) group() (n int) {
	list, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range list {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(f) > 2 && f[2] == strconv.Itoa(c.cmd.Process.Pid) && f[0] != "Z" {
			n++
		}
	}
	return n
}

func (c *contender) kept(clients int, think time.Duration) *load {
	return (&load{addr: c.addr, request: getRequest, clients: clients, keep: true, think: think}).begin()
}

// A number is one row of the table: how it is measured, and what ours must not exceed. The bars for times only tell right from
// wrong (a hole as long as the app's start, say): how good they are stands in the table, and depends on the machine's load.
type number struct {
	name    string
	measure func(t *testing.T, ours bool) (value float64, text string)
	bar     float64
}

// The waits in these measurements are the scenarios themselves: how long a server is watched.
var numbers = []number{
	{"hole in service during HUP, app start 1.5 s (s)", holeInReload, 1.4},
	{"requests lost in 4 s after HUP with a broken app", lostByBrokenReload, 0},
	{"keep-alive requests lost in 4 HUPs, 20 clients with pauses", lostByReloads, 0},
	{"requests lost by recycling (max_requests 200)", lostByRecycling, 0},
	{"queued connections of 20 lost at TERM, Gunicorn sync", lostAtTerm, 0},
	{"orphans after kill -9 of the idle master, Gunicorn sync (s)", orphans, 10},
	{"requests not served in 5 s under 20 slow clients", unserved, 0},
	{"boots in 10 s of a crash loop, 4 workers", boots, 28},
	{"TTIN answered during a reload (s)", signalInReload, 5},
	{"requests lost in 4 s after TTIN, when fork fails", lostWithoutForks, 0},
}

func holeInReload(t *testing.T, ours bool) (float64, string) {
	c := newContender(t, ours, options{workers: 2, files: map[string]string{"delay": "1.5"}})
	l := c.kept(8, 3*time.Millisecond)
	l.progress(t, 100)
	c.signal(syscall.SIGHUP)
	time.Sleep(6 * time.Second)
	hole := l.end().hole()
	return hole.Seconds(), fmt.Sprintf("%.3f s", hole.Seconds())
}

func lostByBrokenReload(t *testing.T, ours bool) (float64, string) {
	c := newContender(t, ours, options{workers: 2})
	l := c.kept(8, 3*time.Millisecond)
	l.progress(t, 100)
	write(t, filepath.Join(c.dir, "broken"), "yes")
	c.signal(syscall.SIGHUP)
	time.Sleep(4 * time.Second)
	_, lost := l.end().counts()
	text := fmt.Sprintf("%d", lost)
	select {
	case <-c.ended:
		text += ", server dead"
	default:
	}
	return float64(lost), text
}

func lostByReloads(t *testing.T, ours bool) (float64, string) {
	c := newContender(t, ours, options{workers: 2})
	l := c.kept(20, 50*time.Millisecond)
	for range 4 {
		l.progress(t, 100)
		c.signal(syscall.SIGHUP)
		time.Sleep(2200 * time.Millisecond)
	}
	good, lost := l.end().counts()
	return float64(lost), fmt.Sprintf("%d of %d", lost, good+lost)
}

func lostByRecycling(t *testing.T, ours bool) (float64, string) {
	c := newContender(t, ours, options{workers: 2, maxRequests: 200})
	l := c.kept(8, 3*time.Millisecond)
	l.progress(t, 4000)
	good, lost := l.end().counts()
	return float64(lost), fmt.Sprintf("%d of %d", lost, good+lost)
}

func lostAtTerm(t *testing.T, ours bool) (float64, string) {
	c := newContender(t, ours, options{workers: 2, sync: true, graceful: 10})
	var mu sync.Mutex
	var clients sync.WaitGroup
	lost := 0
	slow := &load{addr: c.addr, request: "GET /sleep?s=0.5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"}
	for range 20 {
		clients.Go(func() {
			slow.oneAlone(func(err error) {
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					lost++
				}
			})
		})
	}
	time.Sleep(700 * time.Millisecond)
	c.signal(syscall.SIGTERM)
	clients.Wait()
	return float64(lost), fmt.Sprintf("%d of 20", lost)
}

func orphans(t *testing.T, ours bool) (float64, string) {
	c := newContender(t, ours, options{workers: 2, sync: true})
	time.Sleep(time.Second) // idle for longer than it takes to start
	began := time.Now()
	c.signal(syscall.SIGKILL)
	until(t, "the workers have gone", func() bool { return c.group() == 0 })
	took := time.Since(began)
	return took.Seconds(), fmt.Sprintf("%.3f s", took.Seconds())
}

// unserved is how many of the requests that a client could have sent in five seconds had no answer: a client that waits for one
// all that time counts as one.
func unserved(t *testing.T, ours bool) (float64, string) {
	c := newContender(t, ours, options{workers: 2})
	for range 20 {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n")
		over := make(chan struct{})
		defer close(over)
		go func() {
			for tick := time.NewTicker(time.Second); ; {
				select {
				case <-over:
					return
				case <-tick.C:
					fmt.Fprint(conn, "X-Slow: 1\r\n")
				}
			}
		}()
	}
	time.Sleep(200 * time.Millisecond)
	var mu sync.Mutex
	served, waiting := 0, 2
	l := &load{addr: c.addr, request: strings.Replace(getRequest, "Host: x", "Host: x\r\nConnection: close", 1)}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		done := make(chan error, 1)
		go l.oneAlone(func(err error) { done <- err })
		select {
		case err := <-done:
			mu.Lock()
			if err == nil {
				served, waiting = served+1, 0
			}
			mu.Unlock()
		case <-time.After(time.Until(end)):
		}
	}
	return float64(waiting), fmt.Sprintf("%d served", served)
}

func boots(t *testing.T, ours bool) (float64, string) {
	c := newContender(t, ours, options{workers: 4, files: map[string]string{"crash": "yes"}})
	until(t, "the first worker boots", func() bool { return strings.Contains(c.log.String(), c.boot) })
	time.Sleep(10 * time.Second)
	n := strings.Count(c.log.String(), c.boot)
	if n < 5 {
		t.Errorf("%d boots are no crash loop: the server has ended; its log: %s", n, c.log.String())
	}
	return float64(n), strconv.Itoa(n)
}

func signalInReload(t *testing.T, ours bool) (float64, string) {
	c := newContender(t, ours, options{workers: 2, files: map[string]string{"delay": "1.5"}, graceful: 9})
	go (&load{addr: c.addr, request: "GET /sleep?s=8 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"}).oneAlone(func(error) {})
	time.Sleep(300 * time.Millisecond)
	c.signal(syscall.SIGHUP)
	time.Sleep(700 * time.Millisecond)
	before := time.Now()
	c.signal(syscall.SIGTTIN)
	until(t, "TTIN is acted on", func() bool {
		return strings.Contains(c.log.String(), "Handling signal: ttin") || strings.Contains(c.log.String(), "number of workers changes")
	})
	took := time.Since(before)
	return took.Seconds(), fmt.Sprintf("%.3f s", took.Seconds())
}

// lostWithoutForks forbids the master to start processes, and then asks it for one. That is only forbidden to who is not root.
func lostWithoutForks(t *testing.T, ours bool) (float64, string) {
	if os.Geteuid() != 0 {
		t.Skip("only root can start a server as somebody else, whose processes can be limited")
	}
	nobody := &syscall.Credential{Uid: 65534, Gid: 65534}
	c := newContender(t, ours, options{workers: 2, as: nobody})
	l := c.kept(8, 3*time.Millisecond)
	l.progress(t, 100)
	limitProcesses(t, nobody, c.cmd.Process.Pid)
	c.signal(syscall.SIGTTIN)
	until(t, "the server has tried", func() bool {
		select {
		case <-c.ended:
			return true
		default:
			return strings.Contains(c.log.String(), "resource temporarily unavailable") || strings.Contains(c.log.String(), "Resource temporarily unavailable")
		}
	})
	time.Sleep(4 * time.Second)
	good, lost := l.end().counts()
	text := fmt.Sprintf("%d of %d", lost, good+lost)
	select {
	case <-c.ended:
		text += ", server dead"
	default:
	}
	return float64(lost), text
}

// limitProcesses has the system refuse a running process of somebody else's to start another.
func limitProcesses(t *testing.T, of *syscall.Credential, pid int) {
	t.Helper()
	cmd := exec.Command(installed(t, "prlimit"), "--pid", strconv.Itoa(pid), "--nproc=1:1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: of}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("prlimit: %v\n%s", err, out)
	}
}

// oneAlone sends one request on a connection of its own and tells how it went.
func (l *load) oneAlone(tell func(error)) {
	c, r, err := dialBuffered(l.addr)
	if err == nil {
		_, err = l.one(c, r)
		c.Close()
	}
	tell(err)
}

func TestTheNumbersBesideGunicorn(t *testing.T) {
	gunicorn := installed(t, "gunicorn")
	version, err := exec.Command(gunicorn, "--version").Output()
	if err != nil {
		t.Skipf("gunicorn does not run: %v", err)
	}
	load, _ := os.ReadFile("/proc/loadavg")
	var table strings.Builder
	fmt.Fprintf(&table, "%s, load average %s\n| what | here | Gunicorn |\n| --- | --- | --- |\n", strings.TrimSpace(string(version)), strings.TrimSpace(string(load)))
	for _, n := range numbers {
		texts := make([]string, 2)
		t.Run(n.name, func(t *testing.T) {
			for i, ours := range []bool{true, false} {
				t.Run([]string{"here", "gunicorn"}[i], func(t *testing.T) {
					t.Parallel() // with the other, and with nothing else
					value, text := n.measure(t, ours)
					texts[i] = text
					if ours && value > n.bar {
						t.Errorf("%s, the bar is %v", text, n.bar)
					}
				})
			}
		})
		fmt.Fprintf(&table, "| %s | %s | %s |\n", n.name, texts[0], texts[1])
	}
	t.Log("\n" + table.String())
}
