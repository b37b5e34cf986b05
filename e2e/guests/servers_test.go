package guests_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/carafeweb/carafe/e2e/guests"
	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/server"
)

const (
	guestVar = "E2E_GUEST" // which guest this process is as a CGI program
	gateVar  = "E2E_GATE"  // an address: a byte from there opens the gate
)

// TestMain is the CGI program of the tests: the test binary itself.
func TestMain(m *testing.M) {
	name := os.Getenv(guestVar)
	if name == "" {
		os.Exit(m.Run())
	}
	gate := make(chan bool)
	if os.Getenv("PATH_INFO") == "/stream" {
		go waitAtGate(os.Getenv(gateVar), gate)
	}
	if err := gateway.RunCGI(gateway.FromHandler(guest(name, gate))); err != nil {
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

func guest(name string, gate <-chan bool) http.Handler {
	if name == "beside" {
		return guests.Beside(gate)
	}
	return guests.Named(name, gate)
}

// A running guest is one under a server.
type running struct {
	url  string
	open func() // lets the stream go on
}

// servers are what a guest runs under.
var servers = []struct {
	name  string
	start func(t *testing.T, name string) running
}{
	{"httptest", func(t *testing.T, name string) running {
		gate, open := newGate()
		srv := httptest.NewServer(guest(name, gate))
		t.Cleanup(srv.Close)
		return running{srv.URL, open}
	}},
	{"through an Environ and back", func(t *testing.T, name string) running {
		gate, open := newGate()
		srv := httptest.NewServer(gateway.Handler(gateway.FromHandler(guest(name, gate))))
		t.Cleanup(srv.Close)
		return running{srv.URL, open}
	}},
	{"gateway.Serve", serveReference},
	{"gateway.RunCGI", serveCGI},
	{"gateway.FastCGI behind nginx", serveFastCGI},
	{"server.Run", serveRun},
}

func newGate() (chan bool, func()) {
	gate := make(chan bool)
	return gate, func() { gate <- true }
}

func serveReference(t *testing.T, name string) running {
	gate, open := newGate()
	l, err := gateway.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	untilTheEnd(t, func(ctx context.Context) error {
		return gateway.Serve(ctx, l, gateway.FromHandler(guest(name, gate)))
	})
	return running{"http://" + l.Addr().String(), open}
}

// untilTheEnd runs a server until the test is over.
func untilTheEnd(t *testing.T, run func(ctx context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
}

func serveRun(t *testing.T, name string) running {
	gate, open := newGate()
	addresses := make(chan []string, 1)
	cfg := server.Config{Bind: []string{"127.0.0.1:0"}, ErrorLog: filepath.Join(t.TempDir(), "log")}
	cfg.Hooks.WhenReady = func(a []string) { addresses <- a }
	untilTheEnd(t, func(ctx context.Context) error { return server.Run(ctx, guest(name, gate), cfg) })
	select {
	case a := <-addresses:
		return running{"http://" + a[0], open}
	case <-time.After(time.Minute):
		t.Fatal("server.Run is not ready after a minute")
	}
	panic("unreachable")
}

// serveCGI runs the guest as a process for each request. It waits at a gate on a socket.
func serveCGI(t *testing.T, name string) running {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	program := &gateway.CGIProgram{Path: os.Args[0], Env: []string{guestVar + "=" + name, gateVar + "=" + l.Addr().String()}}
	srv := httptest.NewServer(gateway.Handler(program))
	t.Cleanup(srv.Close)
	return running{srv.URL, func() {
		conn, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Write([]byte{1})
		conn.Close()
	}}
}

const nginxConf = `daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	server {
		listen 127.0.0.1:%[2]s;
		location / {
			fastcgi_pass unix:%[1]s/s; fastcgi_buffering off;
			fastcgi_param QUERY_STRING $query_string; fastcgi_param REQUEST_METHOD $request_method;
			fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length;
			fastcgi_param SCRIPT_NAME $fastcgi_script_name; fastcgi_param REQUEST_URI $request_uri;
			fastcgi_param DOCUMENT_URI $document_uri; fastcgi_param SERVER_PROTOCOL $server_protocol;
			fastcgi_param REMOTE_ADDR $remote_addr; fastcgi_param REMOTE_PORT $remote_port;
			fastcgi_param SERVER_NAME $server_name; fastcgi_param SERVER_PORT $server_port;
		}
	}
}
`

func serveFastCGI(t *testing.T, name string) running {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		if nginx, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Skip("nginx is not installed: guests are not tested behind its FastCGI")
		}
	}
	gate, open := newGate()
	dir, err := os.MkdirTemp("", "guests") // t.TempDir is too long for the name of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := gateway.Listen("unix:" + dir + "/s")
	if err != nil {
		t.Fatal(err)
	}
	untilTheEnd(t, func(ctx context.Context) error {
		return (&gateway.FastCGI{App: gateway.FromHandler(guest(name, gate))}).Serve(ctx, l)
	})
	return running{"http://127.0.0.1:" + startNginx(t, nginx, dir), open}
}

// startNginx returns the port at which nginx answers. Between finding a free port and nginx's taking it somebody else may:
// then it is tried again.
func startNginx(t *testing.T, nginx, dir string) string {
	for range 5 {
		port := freePort(t)
		conf := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, port), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(nginx, "-p", dir, "-c", conf)
		cmd.Stderr = t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if listens(port, ended) {
			t.Cleanup(func() { cmd.Process.Kill(); <-ended })
			return port
		}
	}
	t.Fatal("nginx found no port in five attempts")
	return ""
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
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
