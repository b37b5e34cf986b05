package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Serve is the reference server of the contract: it calls app for every connection that l accepts, until ctx is done.
//
// Then it closes l, finishes what is in flight for at most 5 s, and returns nil; it returns an error if l fails before.
// It is HTTP/1.1 with net/http's limits and timeouts for headers (10 s) and idle connections (60 s), and nothing else:
// no workers, no reloading, no access log.
//
// Source: wsgiref.simple_server, which is single-threaded; here wsgi.multithread is true.
func Serve(ctx context.Context, l net.Listener, app Application) error {
	srv := &http.Server{Handler: Handler(app), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(last); err != nil {
		srv.Close()
	}
	<-failed
	return nil
}

// Listen opens the socket that an address names: "unix:/run/app.sock", or "host:port" with port 0 for any free one.
//
// A socket file that nobody listens at any more is replaced; one in use is an error.
func Listen(addr string) (net.Listener, error) {
	path, ok := strings.CutPrefix(addr, "unix:")
	if !ok {
		return net.Listen("tcp", addr)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		if conn, err := net.Dial("unix", path); err == nil {
			conn.Close()
			return nil, fmt.Errorf("gateway: %s is in use", path)
		} else if isRefused(err) {
			os.Remove(path)
		}
	}
	return net.Listen("unix", path)
}

// DemoApp answers with the environ, one key a line, to see what a server says. It shows cookies and credentials: not for
// production.
//
// Source: wsgiref.simple_server.demo_app.
var DemoApp Application = ApplicationFunc(demo)

func demo(env Environ, start StartResponse) (Body, error) {
	var out bytes.Buffer
	out.WriteString("Hello world!\n\n")
	for _, line := range describe(env) {
		fmt.Fprintln(&out, line)
	}
	_, err := start("200 OK", http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, nil)
	return List{out.Bytes()}, err
}

// describe makes a line of each key, sorted. What is no plain value shows its type.
func describe(env Environ) []string {
	lines := make([]string, 0, len(env))
	for key, value := range env {
		switch value.(type) {
		case string, bool, [2]int:
			lines = append(lines, fmt.Sprintf("%s = %#v", key, value))
		default:
			lines = append(lines, fmt.Sprintf("%s = <%T>", key, value))
		}
	}
	slices.Sort(lines)
	return lines
}

// Middleware makes a middleware of the contract from one of net/http: both adapters around mw.
func Middleware(mw func(http.Handler) http.Handler) func(Application) Application {
	return func(app Application) Application { return FromHandler(mw(Handler(app))) }
}

// isTemporary reports an accept error that passes: no descriptors or memory left, or a client gone before it was taken.
func isTemporary(err error) bool {
	for _, errno := range [...]syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// isRefused reports a socket file without a listener.
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
