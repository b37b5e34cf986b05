package gateway_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe/gateway"
)

// program finds a web server, or skips the test and says what is missing.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		t.Skipf("%s is not installed: the contract is not tested behind it", name)
	}
	return path
}

// freePort is a port that nobody listened at a moment ago.
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

// startServer runs a web server with a configuration until the test ends, and returns its URL.
func startServer(t *testing.T, path string, args ...string) {
	t.Helper()
	cmd := exec.Command(path, args...)
	out := &record{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s said: %s", path, out)
		}
	})
}

func waitForPort(t *testing.T, port string) string {
	t.Helper()
	if !eventually(func() bool {
		conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}) {
		t.Fatalf("nobody listens at port %s", port)
	}
	return "http://127.0.0.1:" + port
}

// behind is what an application answers behind a web server, by path.
func behind() gateway.Application {
	return gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		switch env.String("PATH_INFO") {
		case "/broken":
			start("200 OK", http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"100"}}, nil)
			return blocks(env, "half", "!"), nil
		case "/error":
			return streamed("!")(env, start)
		case "/echo":
			return show(func(env gateway.Environ) string { b, _ := io.ReadAll(env.Input()); return string(b) })(env, start)
		}
		return keys("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "HTTP_X_ROAST", "REMOTE_ADDR", "wsgi.url_scheme")(env, start)
	})
}

// checkBehind asks a web server for what behind answers below mount.
func checkBehind(t *testing.T, url, mount string) {
	t.Helper()
	_, body, err := ask(rule{path: mount + "/a%20b?x=1", header: http.Header{"X-Roast": {"dark"}, "Proxy": {"evil:80"}}}, url)
	want := fmt.Sprintf("REQUEST_METHOD=GET\nSCRIPT_NAME=%s\nPATH_INFO=/a b\nQUERY_STRING=x=1\nHTTP_X_ROAST=dark\nREMOTE_ADDR=127.0.0.1\nwsgi.url_scheme=http\n", mount)
	if err != nil || body != want {
		t.Errorf("%v, %q; want %q", err, body, want)
	}
	order := strings.Repeat("beans ", 50_000)
	if _, body, err := ask(rule{method: "POST", path: mount + "/echo", body: order}, url); err != nil || body != order {
		t.Errorf("a body of %d bytes came back as %d, %v", len(order), len(body), err)
	}
	if resp, body, err := ask(rule{path: mount + "/error"}, url); err != nil || resp.StatusCode != 500 || strings.Contains(body, "beans") {
		t.Errorf("an error: %v, %v %q; want a 500 that does not say why", err, resp, body)
	}
	if _, body, err := ask(rule{path: mount + "/broken", header: http.Header{"Connection": {"close"}}}, url); err == nil {
		t.Errorf("an answer that broke off looks whole: %q", body)
	}
}

func TestBehindLighttpdFastCGI(t *testing.T) {
	lighttpd := program(t, "lighttpd")
	socket := serveFastCGI(t, &gateway.FastCGI{App: behind()})
	dir, port := t.TempDir(), freePort(t)
	conf := fmt.Sprintf(`server.document-root = "%s"
server.bind = "127.0.0.1"
server.port = %s
server.modules = ("mod_fastcgi")
fastcgi.server = ("/app" => (("socket" => "%s", "check-local" => "disable")))
`, dir, port, socket)
	name := filepath.Join(dir, "lighttpd.conf")
	if err := os.WriteFile(name, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	startServer(t, lighttpd, lighttpdArgs(lighttpd, "-D", "-f", name)...)
	checkBehind(t, waitForPort(t, port), "/app")
}

func TestBehindLighttpdCGI(t *testing.T) {
	lighttpd := program(t, "lighttpd")
	dir, port := t.TempDir(), freePort(t)
	script := "#!/bin/sh\nGATEWAY_RULE='the request line is there under CGI'\"'\"'s names' exec " + os.Args[0] + "\n"
	if err := os.WriteFile(filepath.Join(dir, "app.cgi"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf(`server.document-root = "%s"
server.bind = "127.0.0.1"
server.port = %s
server.modules = ("mod_cgi")
cgi.assign = (".cgi" => "")
`, dir, port)
	name := filepath.Join(dir, "lighttpd.conf")
	if err := os.WriteFile(name, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	startServer(t, lighttpd, lighttpdArgs(lighttpd, "-D", "-f", name)...)
	_, body, err := ask(rule{path: "/app.cgi/a%20b?x=1"}, waitForPort(t, port))
	if want := "REQUEST_METHOD=GET\nSCRIPT_NAME=/app.cgi\nPATH_INFO=/a b\nQUERY_STRING=x=1\n"; err != nil || body != want {
		t.Errorf("%v, %q; want %q", err, body, want)
	}
}

// lighttpdArgs points a lighttpd that is not installed where it was built for to its modules.
func lighttpdArgs(path string, args ...string) []string {
	modules := filepath.Join(filepath.Dir(filepath.Dir(path)), "lib", "lighttpd")
	if _, err := os.Stat(modules); err == nil {
		args = append(args, "-m", modules)
	}
	return args
}

func TestBehindNginx(t *testing.T) {
	nginx := program(t, "nginx")
	socket := serveFastCGI(t, &gateway.FastCGI{App: behind()})
	dir, port := t.TempDir(), freePort(t)
	conf := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	server {
		listen 127.0.0.1:%[2]s;
		location / {
			fastcgi_pass unix:%[3]s;
			fastcgi_param QUERY_STRING $query_string; fastcgi_param REQUEST_METHOD $request_method;
			fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length;
			fastcgi_param SCRIPT_NAME $fastcgi_script_name; fastcgi_param REQUEST_URI $request_uri;
			fastcgi_param DOCUMENT_URI $document_uri; fastcgi_param SERVER_PROTOCOL $server_protocol;
			fastcgi_param REMOTE_ADDR $remote_addr; fastcgi_param REMOTE_PORT $remote_port;
			fastcgi_param SERVER_NAME $server_name; fastcgi_param SERVER_PORT $server_port;
		}
	}
}
`, dir, port, socket)
	name := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(name, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	startServer(t, nginx, "-p", dir, "-c", name)
	checkBehind(t, waitForPort(t, port), "")
}
