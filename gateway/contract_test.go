package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carafeweb/carafe/gateway"
)

// TestMain is the CGI program of the tests when a web server of theirs runs it: the test binary itself.
func TestMain(m *testing.M) {
	if name := os.Getenv("GATEWAY_RULE"); name != "" {
		if err := gateway.RunCGI(ruleNamed(name).app); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func ruleNamed(name string) rule {
	i := slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
	if i < 0 {
		panic("no rule " + name)
	}
	return rules[i]
}

// A record collects what a server logs.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

// serve runs h under net/http and returns its URL and its log.
func serve(t *testing.T, h http.Handler) (string, *record) {
	t.Helper()
	rec := &record{}
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(rec, "", 0)
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL, rec
}

// transports are the servers of the contract. Each makes a URL of a rule.
var transports = []struct {
	name string
	open func(t *testing.T, r rule) (string, *record)
}{
	{"net/http", func(t *testing.T, r rule) (string, *record) { return serve(t, gateway.Handler(r.app)) }},
	{"CGI", func(t *testing.T, r rule) (string, *record) {
		return serve(t, gateway.Handler(&gateway.CGIProgram{Path: os.Args[0], Env: []string{"GATEWAY_RULE=" + r.name}}))
	}},
	{"FastCGI", func(t *testing.T, r rule) (string, *record) {
		front := &fcgiFront{addr: serveFastCGI(t, &gateway.FastCGI{App: r.app})}
		url, rec := serve(t, front)
		front.log = rec
		return url, rec
	}},
}

// serveFastCGI runs f on a unix socket and returns its path.
func serveFastCGI(t *testing.T, f *gateway.FastCGI) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := gateway.Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- f.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("FastCGI.Serve: %v", err)
		}
	})
	return path
}

func TestRulesOfTheContract(t *testing.T) {
	for _, tr := range transports {
		for _, r := range rules {
			t.Run(tr.name+"/"+r.section+"/"+r.name, func(t *testing.T) {
				t.Parallel()
				url, rec := tr.open(t, r)
				checkRule(t, r, url)
				if !eventually(func() bool { return strings.Contains(rec.String(), r.log) }) {
					t.Errorf("PEP 3333, %s: log %q, want %q in it", r.section, rec, r.log)
				}
			})
		}
	}
}

// eventually waits for a condition that another process or goroutine is about to make true.
func eventually(ok func() bool) bool {
	for range 200 {
		if ok() {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}

// checkRule makes the rule's request and compares the answer.
func checkRule(t *testing.T, r rule, url string) {
	t.Helper()
	resp, body, err := ask(r, url)
	if r.broken {
		if err == nil {
			t.Errorf("PEP 3333, %s: the answer is whole: %d %q, want it to break off", r.section, resp.StatusCode, body)
		}
		if !strings.HasPrefix(r.want, body) {
			t.Errorf("PEP 3333, %s: body %q, want no more than %q", r.section, body, r.want)
		}
		return
	}
	if err != nil {
		t.Fatalf("PEP 3333, %s: %v after %q", r.section, err, body)
	}
	status := r.status
	if status == 0 {
		status = 200
	}
	if resp.StatusCode != status || body != r.want {
		t.Errorf("PEP 3333, %s: got %d %q, want %d %q", r.section, resp.StatusCode, body, status, r.want)
	}
	for name, want := range r.wantHeader {
		got := strings.Join(resp.Header.Values(name), "|")
		if want == "-" && got != "" || want != "-" && got != want {
			t.Errorf("PEP 3333, %s: header %s is %q, want %q", r.section, name, got, want)
		}
	}
}

// ask makes the request. A connection that breaks before the header is an error like one that breaks behind it.
func ask(r rule, url string) (*http.Response, string, error) {
	method, path := r.method, r.path
	if method == "" {
		method = "GET"
	}
	if path == "" {
		path = "/"
	}
	var in io.Reader
	if r.body != "" {
		in = strings.NewReader(r.body)
	}
	req, err := http.NewRequest(method, url+path, in)
	if err != nil {
		return nil, "", err
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	transport := &http.Transport{DisableCompression: true} // that keeps connections: net/http then drops what is unread of a body
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func TestListenReplacesAStaleSocketOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := gateway.Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gateway.Listen("unix:" + path); err == nil {
		t.Error("Listen took a socket that is in use")
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	again, err := gateway.Listen("unix:" + path)
	if err != nil {
		t.Fatalf("Listen on a socket file that nobody listens at: %v", err)
	}
	again.Close()
	if err := os.WriteFile(path, nil, 0o600); err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
	if _, err := gateway.Listen("unix:" + path); err == nil {
		t.Error("Listen replaced a file that is no socket")
	}
}
