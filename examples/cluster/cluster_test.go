package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// startCluster starts everything for the time of the test.
func startCluster(t *testing.T) *stack {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("did not run: the test looks into /proc")
	}
	dir, err := os.MkdirTemp("", "carafe-cluster") // t.TempDir is below a folder that PostgreSQL's user cannot enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s, err := newStack(dir)
	var missing errMissing
	if errors.As(err, &missing) {
		t.Skipf("did not run: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// A member is somebody who is logged in, and comes through one of the fronts. Nothing is ever tried again.
type member struct {
	name, site string
	cookie     *http.Cookie
	transport  *http.Transport
}

// join registers a member and logs in, at the front that it will use from an address of loopback.
func join(t *testing.T, name, front, from string) *member {
	t.Helper()
	m := newMember(name, front, from)
	form := url.Values{"username": {name}, "password": {"secret"}}
	for _, path := range []string{"/auth/register", "/auth/login"} {
		if err := m.posts(t.Context(), path, form); err != nil {
			t.Fatal(err)
		}
	}
	if m.cookie == nil {
		t.Fatalf("%s has no session after the login", name)
	}
	return m
}

func newMember(name, front, from string) *member {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return &member{name: name, site: "http://" + front, transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
}

func (m *member) do(ctx context.Context, method, path string, form url.Values) (*http.Response, string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, m.site+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, "", err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if m.cookie != nil {
		r.AddCookie(m.cookie)
	}
	resp, err := m.transport.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// posts sends a form that leads to another page.
func (m *member) posts(ctx context.Context, path string, form url.Values) error {
	resp, body, err := m.do(ctx, http.MethodPost, path, form)
	if err != nil {
		return fmt.Errorf("%s: POST %s: %w", m.name, path, err)
	}
	if resp.StatusCode != http.StatusFound || resp.Header.Get("Location") == "/auth/login" && path != "/auth/register" {
		return fmt.Errorf("%s: POST %s: %s to %q\n%s", m.name, path, resp.Status, resp.Header.Get("Location"), body)
	}
	for _, c := range resp.Cookies() {
		m.cookie = c
	}
	return nil
}

// reads the form of a new post, which only those see who are logged in.
func (m *member) reads(ctx context.Context) error {
	resp, body, err := m.do(ctx, http.MethodGet, "/create", nil)
	switch {
	case err != nil:
		return fmt.Errorf("%s: GET /create: %w", m.name, err)
	case resp.StatusCode == http.StatusFound:
		return fmt.Errorf("%s: the session is lost: GET /create leads to %s", m.name, resp.Header.Get("Location"))
	case resp.StatusCode != http.StatusOK || !strings.Contains(body, "<span>"+m.name+"</span>"):
		return fmt.Errorf("%s: GET /create: %s\n%s", m.name, resp.Status, body)
	}
	return nil
}

// A crowd is members at work. What goes wrong is kept.
type crowd struct {
	*testing.T
	readers, writers []*member
	reads, writes    atomic.Int64

	mu       sync.Mutex
	lost     []error
	writing  sync.RWMutex // held while a post is under way; whoever locks it has the writers pause
	finished sync.WaitGroup
	leave    chan struct{}
	goHome   func() // closes leave
}

// pace is how long a member thinks between two requests: the machine has other work too.
const pace = 30 * time.Millisecond

func startCrowd(t *testing.T, s *stack) *crowd {
	t.Helper()
	c := &crowd{T: t, leave: make(chan struct{})}
	c.goHome = sync.OnceFunc(func() { close(c.leave); c.finished.Wait() })
	t.Cleanup(c.goHome)
	for i, front := range []string{s.nginx.addr, s.haproxy.addr} {
		for j := range 3 {
			c.readers = append(c.readers, join(t, fmt.Sprintf("reader%d%d", i, j), front, "127.0.0.1"))
		}
		c.writers = append(c.writers, join(t, fmt.Sprintf("writer%d", i), front, "127.0.0.1"))
	}
	for _, m := range c.readers {
		c.finished.Go(func() {
			c.work(func(int) error { c.reads.Add(1); return m.reads(context.Background()) })
		})
	}
	for _, m := range c.writers {
		c.finished.Go(func() {
			c.work(func(n int) error {
				c.writing.RLock()
				defer c.writing.RUnlock()
				c.writes.Add(1)
				return m.posts(context.Background(), "/create", url.Values{"title": {fmt.Sprintf("%s %d", m.name, n)}})
			})
		})
	}
	return c
}

func (c *crowd) work(do func(n int) error) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-c.leave:
			return
		case <-tick.C:
		}
		if err := do(n); err != nil {
			c.mu.Lock()
			c.lost = append(c.lost, err)
			c.mu.Unlock()
		}
	}
}

// goesOn waits until the crowd has made so many more requests of each kind.
func (c *crowd) goesOn(reads, writes int64) {
	c.Helper()
	reads, writes = c.reads.Load()+reads, c.writes.Load()+writes
	for deadline := time.Now().Add(2 * time.Minute); c.reads.Load() < reads || c.writes.Load() < writes; time.Sleep(pace) {
		if time.Now().After(deadline) {
			c.Fatal("the crowd does not get on")
		}
	}
}

// end sends everybody home and tells what was lost.
func (c *crowd) end() {
	c.Helper()
	c.goHome()
	for i, err := range c.lost {
		if i == 10 {
			c.Errorf("and %d more", len(c.lost)-i)
			break
		}
		c.Errorf("lost: %v", err)
	}
	c.Logf("%d reads and %d posts by %d members through nginx and haproxy: %d lost", c.reads.Load(), c.writes.Load(), len(c.readers)+len(c.writers), len(c.lost))
}

// childrenOf are the processes that a process has started.
func childrenOf(pid int) (pids []int) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, thread := range threads {
		data, _ := os.ReadFile(thread)
		for field := range strings.FieldsSeq(string(data)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// killNode kills a node as a power cut does: the master and its workers at once.
func killNode(t *testing.T, p *program) {
	t.Helper()
	pids := append(childrenOf(p.cmd.Process.Pid), p.cmd.Process.Pid)
	if len(pids) != 3 {
		t.Fatalf("%s has the processes %v, want a master and two workers", p.name, pids)
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-p.ended
}

// rolled says whether all workers of a node run the program that lies on the disk.
func rolled(p *program, old map[int]bool) bool {
	workers := childrenOf(p.cmd.Process.Pid)
	for _, pid := range workers {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if err != nil || old[pid] || filepath.Clean(exe) != p.args[0] {
			return false
		}
	}
	return len(workers) == 2
}

// rollOut puts a new program in the place of the old and has each node change to it by HUP, one after the other.
func rollOut(t *testing.T, s *stack) {
	t.Helper()
	if err := s.build(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, node := range s.nodes {
		old := map[int]bool{}
		for _, pid := range childrenOf(node.cmd.Process.Pid) {
			old[pid] = true
		}
		if err := node.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(2 * time.Minute); !rolled(node, old); time.Sleep(pace) {
			if time.Now().After(deadline) {
				t.Fatalf("%s has not changed to the new program:\n%s", node.name, node.said())
			}
		}
	}
}

// TestTheClusterLosesNothing has a crowd at work while a node is killed and comes back, Redis is started anew, a node is stopped, and a
// new program is rolled out.
func TestTheClusterLosesNothing(t *testing.T) {
	s := startCluster(t)
	c := startCrowd(t, s)
	c.goesOn(60, 20)

	// A POST that a node has and dies with cannot be saved by anybody: to send it again might be to do it twice. So none is under way.
	c.writing.Lock()
	killNode(t, s.nodes[0])
	c.goesOn(60, 0)
	c.writing.Unlock()
	c.goesOn(60, 20)
	t.Log("a node was killed")
	if err := s.nodes[0].start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.goesOn(60, 20)

	if err := errors.Join(s.redis.stop(syscall.SIGTERM), s.redis.start(t.Context())); err != nil {
		t.Fatal(err)
	}
	c.goesOn(60, 20)
	t.Log("Redis was started anew")

	rollOut(t, s)
	c.goesOn(60, 20)
	t.Log("a new program was rolled out")

	if err := errors.Join(s.nodes[1].stop(syscall.SIGTERM), s.nodes[1].start(t.Context())); err != nil {
		t.Fatal(err)
	}
	c.goesOn(60, 20)
	t.Log("a node was stopped and started")
	c.end()

	count, err := s.sql(t.Context(), "SELECT COUNT(*) || ' ' || COUNT(DISTINCT title) FROM posts")
	if want := fmt.Sprintf("%[1]d %[1]d", c.writes.Load()); err != nil || count != want {
		t.Errorf("there are %s posts and titles, want %s (%v): each post that was answered, once", count, want, err)
	}
}

// TestLoginsAreCountedByAllNodesTogether tries passwords from one address, through both fronts and by both of the page's paths in turn.
func TestLoginsAreCountedByAllNodesTogether(t *testing.T) {
	s := startCluster(t)
	through := []*member{newMember("guess", s.nginx.addr, "127.0.0.77"), newMember("guess", s.haproxy.addr, "127.0.0.77")}
	var statuses []int
	for i := range 30 {
		path := []string{"/auth/login", "//auth/login"}[i/2%2]
		resp, _, err := through[i%2].do(t.Context(), http.MethodPost, path, url.Values{"username": {"ada"}, "password": {strconv.Itoa(i)}})
		if err != nil {
			t.Fatal(err)
		}
		statuses = append(statuses, resp.StatusCode)
	}
	for i, status := range statuses[:20] {
		if status != http.StatusOK {
			t.Errorf("attempt %d: status %d, want the form again", i+1, status)
		}
	}
	refused := 0
	for _, status := range statuses[20:] {
		if status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < 5 { // some become possible again while the test runs
		t.Errorf("of the last ten attempts %d were refused: %v", refused, statuses)
	}
	join(t, "somebody", s.nginx.addr, "127.0.0.78") // from another address
}

// TestTheBlogsTestsPassOnPostgreSQL runs those of ../blog on the cluster's database.
func TestTheBlogsTestsPassOnPostgreSQL(t *testing.T) {
	s := startCluster(t)
	cmd := exec.Command("go", "test", "-count=1", "-skip", "Tutorial", ".")
	cmd.Dir = filepath.Join("..", "blog")
	cmd.Env = append(os.Environ(), "BLOG_TEST_DATABASE="+s.databaseURL())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
