package webservers_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carafeweb/carafe/e2e/webservers"
	"github.com/carafeweb/carafe/gateway"
)

// gateVar makes this process the CGI program of the tests. It is the address of its gate: a byte from there opens it.
const gateVar = "E2E_GATE"

func TestMain(m *testing.M) {
	addr := os.Getenv(gateVar)
	if addr == "" {
		os.Exit(m.Run())
	}
	gate := make(chan bool)
	if strings.HasSuffix(os.Getenv("PATH_INFO"), "/stream") {
		go waitAtGate(addr, gate)
	}
	if err := gateway.RunCGI(gateway.FromHandler(webservers.Site(gate, func() {}))); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func waitAtGate(addr string, gate chan<- bool) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer conn.Close()
	if n, _ := conn.Read(make([]byte, 1)); n == 1 {
		gate <- true
	}
}

// A front is a web server with the site behind it.
type front struct {
	url    string
	script string // where the site is mounted
	open   func() // lets a stream go on
	left   <-chan bool
	log    *record // what the web server and the site say
	tells  bool    // that a client has left, although nothing is being written; lighttpd 1.4 finds out when it writes
}

// A record collects what programs say.
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

// program finds a web server, or skips the test and says what is missing.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Skipf("%s is not installed: the site is not tested behind it", name)
	return ""
}

// folder is one whose path is short enough for the name of a socket, and which a web server may enter.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "web")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func writeFile(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// fastCGI serves the site at addr ("" is a free TCP port), and returns where it listens.
func fastCGI(t *testing.T, f *front, addr string) string {
	t.Helper()
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := gateway.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	gate, left := make(chan bool), make(chan bool, 1)
	f.open, f.left = func() { gate <- true }, left
	app := gateway.FromHandler(webservers.Site(gate, func() { left <- true }))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- (&gateway.FastCGI{App: app}).Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("FastCGI.Serve: %v", err)
		}
	})
	return l.Addr().String()
}

// start runs a web server that is configured for a port, and waits until it listens there. Between finding a free port and the
// server's taking it somebody else may: then it is tried again.
func start(t *testing.T, f *front, path string, args func(port string) []string) {
	t.Helper()
	for range 5 {
		port := freePort(t)
		cmd := exec.Command(path, args(port)...)
		cmd.Stdout, cmd.Stderr = f.log, f.log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if listens(port, ended) {
			t.Cleanup(func() {
				cmd.Process.Kill()
				<-ended
				if t.Failed() {
					t.Logf("%s said: %s", path, f.log)
				}
			})
			f.url = "http://127.0.0.1:" + port
			return
		}
	}
	t.Fatalf("%s does not start: %s", path, f.log)
}

// listens waits until somebody listens at port, or the process has ended.
func listens(port string, ended <-chan error) bool {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		select {
		case <-ended:
			return false
		case <-time.After(5 * time.Millisecond): // between two attempts
		}
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			conn.Close()
			return true
		}
	}
	return false
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// lighttpd runs one with these lines of configuration.
func lighttpd(t *testing.T, f *front, dir, lines string) {
	t.Helper()
	path := program(t, "lighttpd")
	start(t, f, path, func(port string) []string {
		conf := filepath.Join(dir, "lighttpd.conf")
		writeFile(t, conf, fmt.Sprintf("server.document-root = %q\nserver.bind = \"127.0.0.1\"\nserver.port = %s\nserver.stream-response-body = 1\n%s", dir, port, lines), 0o600)
		args := []string{"-D", "-f", conf}
		modules := filepath.Join(filepath.Dir(filepath.Dir(path)), "lib", "lighttpd")
		if _, err := os.Stat(modules); err == nil { // unpacked, not installed
			args = append(args, "-m", modules)
		}
		return args
	})
}

// fronts are the ways in which a web server may run the site.
var fronts = []struct {
	name  string
	start func(t *testing.T) *front
}{
	{"lighttpd, CGI", lighttpdCGI},
	{"lighttpd, FastCGI on a unix socket", func(t *testing.T) *front { return lighttpdFastCGI(t, true) }},
	{"lighttpd, FastCGI on a TCP socket", func(t *testing.T) *front { return lighttpdFastCGI(t, false) }},
	{"nginx, FastCGI on a unix socket", func(t *testing.T) *front { return nginxFastCGI(t, true, "") }},
	{"nginx, FastCGI on a TCP socket", func(t *testing.T) *front { return nginxFastCGI(t, false, "") }},
	{"nginx, FastCGI on connections that are kept", func(t *testing.T) *front { return nginxFastCGI(t, true, "fastcgi_keep_conn on;") }},
}

func lighttpdCGI(t *testing.T) *front {
	f := &front{script: "/site.cgi", log: &record{}}
	dir := folder(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	f.open = func() {
		conn, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Write([]byte{1})
		conn.Close()
	}
	writeFile(t, filepath.Join(dir, "site.cgi"), fmt.Sprintf("#!/bin/sh\n%s=%s exec %q\n", gateVar, l.Addr(), os.Args[0]), 0o700)
	lighttpd(t, f, dir, "server.modules = (\"mod_cgi\")\ncgi.assign = (\".cgi\" => \"\")\nserver.errorlog = \"/dev/stderr\"\nserver.breakagelog = \"/dev/stderr\"\n")
	return f
}

func lighttpdFastCGI(t *testing.T, unix bool) *front {
	f := &front{script: "/site", log: &record{}}
	program(t, "lighttpd") // before the site is started
	dir := folder(t)
	var where string
	if unix {
		where = fmt.Sprintf(`"socket" => %q`, fastCGI(t, f, "unix:"+dir+"/s"))
	} else {
		host, port, _ := net.SplitHostPort(fastCGI(t, f, ""))
		where = fmt.Sprintf(`"host" => %q, "port" => %s`, host, port)
	}
	lighttpd(t, f, dir, fmt.Sprintf("server.modules = (\"mod_fastcgi\")\nfastcgi.server = (\"/site\" => ((%s, \"check-local\" => \"disable\")))\n", where))
	return f
}

// nginxConf is what nginx needs; the parameters are those of its stock fastcgi_params that say something of a request.
const nginxConf = `daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
	access_log off;
	client_max_body_size 20m;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	upstream site { server %[3]s; keepalive 2; }
	server {
		listen 127.0.0.1:%[2]s;
		location / {
			fastcgi_pass site; fastcgi_buffering off; %[4]s
			fastcgi_param QUERY_STRING $query_string; fastcgi_param REQUEST_METHOD $request_method;
			fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length;
			fastcgi_param SCRIPT_NAME $fastcgi_script_name; fastcgi_param REQUEST_URI $request_uri;
			fastcgi_param DOCUMENT_URI $document_uri; fastcgi_param DOCUMENT_ROOT $document_root;
			fastcgi_param SERVER_PROTOCOL $server_protocol; fastcgi_param REQUEST_SCHEME $scheme;
			fastcgi_param HTTPS $https if_not_empty; fastcgi_param GATEWAY_INTERFACE CGI/1.1;
			fastcgi_param SERVER_SOFTWARE nginx/$nginx_version; fastcgi_param REMOTE_ADDR $remote_addr;
			fastcgi_param REMOTE_PORT $remote_port; fastcgi_param SERVER_ADDR $server_addr;
			fastcgi_param SERVER_PORT $server_port; fastcgi_param SERVER_NAME $server_name;
		}
	}
}
`

func nginxFastCGI(t *testing.T, unix bool, more string) *front {
	f := &front{log: &record{}, tells: true}
	path := program(t, "nginx")
	dir := folder(t)
	var socket string
	if unix {
		socket = "unix:" + fastCGI(t, f, "unix:"+dir+"/s")
	} else {
		socket = fastCGI(t, f, "")
	}
	start(t, f, path, func(port string) []string {
		conf := filepath.Join(dir, "nginx.conf")
		writeFile(t, conf, fmt.Sprintf(nginxConf, dir, port, socket, more), 0o600)
		return []string{"-p", dir, "-c", conf}
	})
	return f
}

// client closes its connections: nginx keeps the one of an answer that broke off open.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
