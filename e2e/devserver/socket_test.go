package devserver_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// newSocketSite is the site, listening on a socket file whose path is short enough for one.
func newSocketSite(t *testing.T) (p *project, path string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "carafe")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path = filepath.Join(dir, "site.sock")
	main := strings.Replace(siteMain, "carafe.Debug(true)", fmt.Sprintf("carafe.Debug(true), carafe.Addr(%q)", "unix:"+path), 1)
	return newProject(t, map[string]string{"main.go": main, "index.go": siteVersion("version 1")}), path
}

// socketClient asks on a socket file.
func socketClient(path string, keepAlive bool) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	return &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: !keepAlive}}
}

func askSocket(client *http.Client, accept string) (status int, body string, header http.Header, err error) {
	r, err := http.NewRequest("GET", "http://localhost/", nil)
	if err != nil {
		return 0, "", nil, err
	}
	r.Header.Set("Accept", accept)
	resp, err := client.Do(r)
	if err != nil {
		return 0, "", nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data), resp.Header, err
}

// A socketLoad is two clients of a socket file that never stop asking: one keeps its connection, one opens a new one each time.
type socketLoad struct {
	stop   chan struct{}
	wg     sync.WaitGroup
	mu     sync.Mutex
	asked  int
	failed []string
}

func startSocketLoad(path string) *socketLoad {
	l := &socketLoad{stop: make(chan struct{})}
	for _, keepAlive := range []bool{true, false} {
		client := socketClient(path, keepAlive)
		l.wg.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				case <-time.After(2 * time.Millisecond): // other processes want the machine too
				}
				status, body, _, err := askSocket(client, "application/json")
				l.mu.Lock()
				if l.asked++; err != nil || status != 200 || !strings.HasPrefix(body, "version ") {
					l.failed = append(l.failed, fmt.Sprintf("%d %.200s %v", status, body, err))
				}
				l.mu.Unlock()
			}
		})
	}
	return l
}

func (l *socketLoad) end(t *testing.T) {
	t.Helper()
	close(l.stop)
	l.wg.Wait()
	t.Logf("%d requests on the socket file", l.asked)
	if len(l.failed) > 0 {
		t.Errorf("%d of %d requests failed or were refused, want none; the first: %s", len(l.failed), l.asked, l.failed[0])
	}
}

func TestASocketFileIsNeverGoneWhileTheProgramIsChanged(t *testing.T) {
	p, path := newSocketSite(t)
	p.run(nil, "go", "run", ".")
	client := socketClient(path, false)
	last := ""
	serves := func(want string) {
		t.Helper()
		eventually(t, func() bool { _, last, _, _ = askSocket(client, "*/*"); return last == want }, func() string {
			return "the socket file serves " + last + ", want " + want + "\n" + p.out.String()
		})
	}
	serves("version 1")
	before, err := os.Stat(path)
	must(t, err)
	l := startSocketLoad(path)
	p.write("index.go", siteVersion("version 2"))
	serves("version 2")
	p.write("index.go", "package main\n\nfunc index() string { return undefinedName }\n")
	eventually(t, func() bool {
		_, _, header, err := askSocket(client, "*/*")
		return err == nil && header.Get("Carafe-Stale") != ""
	}, func() string {
		return "nobody is told that the build is broken\n" + p.out.String()
	})
	if _, body, _, err := askSocket(client, "text/html"); err != nil || strings.Contains(body, "undefinedName") {
		t.Errorf("behind a socket file may be anybody, and it shows source: %v\n%s", err, body)
	}
	p.write("index.go", siteVersion("version 3"))
	serves("version 3")
	l.end(t)
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("the socket file was made anew: %v", err)
	}
	must(t, syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT))
	eventually(t, func() bool { return len(p.processes()) == 0 }, func() string { return fmt.Sprintf("after Ctrl-C there still is %v", p.processes()) })
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after Ctrl-C the socket file is left: %v", err)
	}
}

func TestASocketFileThatNobodyListensOnIsReplaced(t *testing.T) {
	p, path := newSocketSite(t)
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	left.SetUnlinkOnClose(false) // as after kill -9
	must(t, left.Close())
	p.run(nil, "go", "run", ".")
	if status, body, _, err := askSocket(socketClient(path, false), "*/*"); err != nil || status != 200 || body != "version 1" {
		t.Errorf("over a socket file that was left behind: %d %q %v", status, body, err)
	}
}
