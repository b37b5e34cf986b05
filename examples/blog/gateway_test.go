package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe/gateway"
)

// cgiDatabase makes this process the blog as a CGI program, with the database that it names.
const cgiDatabase = "BLOG_CGI_DATABASE"

func TestMain(m *testing.M) {
	name := os.Getenv(cgiDatabase)
	if name == "" {
		os.Exit(m.Run())
	}
	app, err := newApp(map[string]any{"DATABASE": name, "SECRET_KEY": "cgi"})
	if err == nil {
		err = gateway.RunCGI(app)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// The blog runs under each server of the gateway: somebody logs in, writes, and finds the post.
func TestTheBlogUnderTheServersOfTheGateway(t *testing.T) {
	t.Run("gateway.Serve", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		b := newBlog(t)
		serveUntilTheEnd(t, func(ctx context.Context) error { return gateway.Serve(ctx, l, b.app) })
		writeAPost(t, "http://"+l.Addr().String())
	})
	t.Run("CGI, a process for each request", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "blog.sqlite")
		t.Setenv("BLOG_TEST_DATABASE", name)
		newBlog(t)
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewServer(gateway.Handler(&gateway.CGIProgram{Path: self, Dir: dir, Env: []string{cgiDatabase + "=" + name}}))
		t.Cleanup(s.Close)
		writeAPost(t, s.URL)
	})
	t.Run("FastCGI behind nginx", func(t *testing.T) { writeAPost(t, blogBehindNginx(t)) })
}

func serveUntilTheEnd(t *testing.T, serve func(ctx context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
}

// writeAPost walks through the blog at a URL.
func writeAPost(t *testing.T, site string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: time.Minute}
	step := func(resp *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d, %v\n%s", resp.Request.URL, resp.StatusCode, err, page)
		}
		return string(page)
	}
	step(client.PostForm(site+"/auth/login", url.Values{"username": {"test"}, "password": {"test"}}))
	step(client.PostForm(site+"/create", url.Values{"title": {"Written <here>"}, "body": {"through a gateway"}}))
	if page := step(client.Get(site + "/")); !strings.Contains(page, "Written &lt;here&gt;") {
		t.Errorf("the page has no post:\n%s", page)
	}
	step(client.Get(site + "/static/style.css"))
}

const nginxOfTheBlog = `daemon off; worker_processes 1; pid %[1]s/pid; error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	server {
		listen 127.0.0.1:%[2]d;
		location / {
			fastcgi_pass unix:%[1]s/socket;
			fastcgi_param REQUEST_METHOD $request_method; fastcgi_param REQUEST_URI $request_uri;
			fastcgi_param QUERY_STRING $query_string; fastcgi_param CONTENT_TYPE $content_type;
			fastcgi_param CONTENT_LENGTH $content_length; fastcgi_param PATH_INFO $uri; fastcgi_param SCRIPT_NAME "";
			fastcgi_param SERVER_PROTOCOL $server_protocol; fastcgi_param REQUEST_SCHEME $scheme;
			fastcgi_param SERVER_NAME $server_name; fastcgi_param SERVER_PORT $server_port;
			fastcgi_param REMOTE_ADDR $remote_addr; fastcgi_param REMOTE_PORT $remote_port;
		}
	}
}
`

// blogBehindNginx is the URL of a real nginx that speaks FastCGI with the blog.
func blogBehindNginx(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		path = "/usr/sbin/nginx"
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("nginx is not installed")
	}
	dir, err := os.MkdirTemp("", "blog") // a path short enough for a socket, which nginx's workers may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	l, err := gateway.ListenFastCGI("unix:" + filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(filepath.Join(dir, "socket"), 0o777)
	b := newBlog(t)
	serveUntilTheEnd(t, func(ctx context.Context) error { return (&gateway.FastCGI{App: b.app}).Serve(ctx, l) })
	for range 5 { // somebody else may take the port between its finding and its use
		port := unusedPort(t)
		conf := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(conf, fmt.Appendf(nil, nginxOfTheBlog, dir, port), 0o600); err != nil {
			t.Fatal(err)
		}
		if startNginx(t, path, dir, conf, port) {
			return fmt.Sprintf("http://127.0.0.1:%d", port)
		}
	}
	t.Fatal("nginx does not start")
	return ""
}

func unusedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// startNginx reports whether it listens; it is ended when the test is over.
func startNginx(t *testing.T, path, dir, conf string, port int) bool {
	t.Helper()
	cmd := exec.Command(path, "-p", dir, "-c", conf)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
			t.Cleanup(func() {
				cmd.Process.Signal(os.Interrupt)
				<-ended
			})
			return true
		}
		select {
		case <-ended:
			return false
		case <-time.After(5 * time.Millisecond): // between two attempts
		}
	}
}
