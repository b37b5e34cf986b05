//go:build linux

package proxies_test

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carafeweb/carafe/server"
)

// via are proxies that mark each request which they pass on, and keep their connections to the server for whichever client is next.
var via = []struct {
	name, conf, file string
	args             func(dir string) []string
}{
	{"nginx", `daemon off; worker_processes 1; pid $DIR/nginx.pid; error_log stderr crit;
events { worker_connections 512; }
http {
	access_log off; client_body_temp_path $DIR/body; proxy_temp_path $DIR/proxy; fastcgi_temp_path $DIR/f; uwsgi_temp_path $DIR/u; scgi_temp_path $DIR/s;
	upstream app { server $APP; keepalive 4; }
	server {
		listen $FRONT;
		location / {
			proxy_pass http://app; proxy_http_version 1.1; proxy_request_buffering off;
			proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_set_header X-Via proxy;
		}
	}
}
`, "nginx.conf", func(dir string) []string {
		return []string{"-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr"}
	}},
	{"haproxy", `global
	maxconn 512
	nbthread 1
defaults
	mode http
	timeout connect 5s
	timeout client 30s
	timeout server 30s
frontend front
	bind $FRONT
	http-request set-header X-Via proxy
	default_backend app
backend app
	http-reuse always
	server a $APP
`, "haproxy.cfg", func(dir string) []string { return []string{"-db", "-f", filepath.Join(dir, "haproxy.cfg")} }},
	{"caddy", `{
	admin off
	auto_https off
}
http://:$PORT {
	bind 127.0.0.1
	reverse_proxy $APP {
		header_up X-Via proxy
	}
}
`, "Caddyfile", func(dir string) []string {
		return []string{"run", "--adapter", "caddyfile", "--config", filepath.Join(dir, "Caddyfile")}
	}},
}

// hiddenRequest is what must never be taken for a request, for the proxy has passed it on as the body of another or not at all.
const hiddenRequest = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"

// framings are heads of which two parsers may hold two opinions of where the body ends; $N stands for the length of the body.
var framings = []string{
	"Content-Length: $N", "Content-Length: $N\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: $N", "Content-Length: 0\r\nContent-Length: $N",
	"Content-Length: $N\r\nContent-Length: 0", "Content-Length: 0, $N", "Content-Length: $N, $N", "Content-Length: +$N", "Content-Length: 0$N", "Content-Length: 0x$N", "Content-Length: -1",
	"Content-Length: $N\x0b", "Content-Length:\t$N", "Content-Length : $N", "Content_Length: $N", "Content-Length: 0\nX: y", "X: y\rContent-Length: $N", "Content-Length:\r\n $N", "Content-Length: $N a",
	"Transfer-Encoding: chunked", "Transfer-Encoding: Chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: identity, chunked", "Transfer-Encoding: gzip, chunked",
	"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
	"Transfer-Encoding : chunked", "Transfer-Encoding:\x0bchunked", "Transfer-Encoding:\tchunked", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: chunked;q=1", "Transfer_Encoding: chunked", "X: y\nTransfer-Encoding: chunked",
	"Transfer-Encoding:\r\n chunked", " Transfer-Encoding: chunked", "Transfer-Encoding: chunked\x00", "TRANSFER-ENCODING: CHUNKED\r\nContent-Length: $N", "Transfer-Encoding: chunk\u212Aed",
	"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked", "Connection: Content-Length\r\nContent-Length: $N", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", "Expect: 100-continue\r\nContent-Length: $N",
	"Trailer: Content-Length\r\nTransfer-Encoding: chunked", "",
}

// bodies hide a request behind something that one parser may take for the end.
var bodies = []string{
	hiddenRequest, "0\r\n\r\n" + hiddenRequest, "0\n\n" + hiddenRequest, "0;a=b\n\r\n" + hiddenRequest, "00\r\n\r\n" + hiddenRequest, "0x0\r\n\r\n" + hiddenRequest, "-0\r\n\r\n" + hiddenRequest, "+0\r\n\r\n" + hiddenRequest,
	" 0\r\n\r\n" + hiddenRequest, "0 \r\n\r\n" + hiddenRequest, "1\r\na\r\n0\r\nContent-Length: 5\r\n\r\n" + hiddenRequest, "1\r\naX0\r\n\r\n" + hiddenRequest, "1\na\n0\n\n" + hiddenRequest,
	"10000000000000000\r\n" + hiddenRequest, "fffffffffffffffe\r\n" + hiddenRequest, "21\r\n" + hiddenRequest + "\r\n0\r\n\r\n", "22\r\n" + hiddenRequest + "\r\n0\r\n\r\n", "1;\r\na\r\n0\r\n\r\n" + hiddenRequest, "1\r\na\r\n0\r\nX: y\n\r\n" + hiddenRequest, "",
}

// hostileRequests are all framings with all bodies, in several versions and methods, and as many with a byte or two changed.
func hostileRequests() (list [][]byte) {
	heads := []string{"POST / HTTP/1.1", "GET / HTTP/1.1", "POST / HTTP/1.0", "HEAD / HTTP/1.1", "POST http://x/ HTTP/1.1"}
	random := rand.New(rand.NewPCG(1, 2))
	for f, framing := range framings {
		for b, body := range bodies {
			lines := strings.ReplaceAll(framing, "$N", strconv.Itoa(len(body)))
			if lines != "" {
				lines += "\r\n"
			}
			request := heads[(f+b)%len(heads)] + "\r\nHost: x\r\n" + lines + "\r\n" + body
			list = append(list, []byte(request), mutated(random, request))
		}
	}
	return list
}

// mutated has some bytes of the head replaced, put in, or left out.
func mutated(random *rand.Rand, request string) []byte {
	const odd = "\x00\t\n\v\r ,;:-+0x\x7f\x85\xa0"
	p := []byte(request)
	head := strings.Index(request, "\r\n\r\n") + 4
	for range 1 + random.IntN(2) {
		at, c := random.IntN(head), odd[random.IntN(len(odd))]
		switch random.IntN(3) {
		case 0:
			p[at] = c
		case 1:
			p = append(p[:at], append([]byte{c}, p[at:]...)...)
		default:
			p = append(p[:at], p[at+1:]...)
		}
	}
	return p
}

// A witness is an app that keeps what it is asked for without the proxy's mark.
type witness struct {
	mu       sync.Mutex
	served   int
	unmarked []string
}

func (s *witness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, err := io.Copy(io.Discard, r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served++
	if r.Header.Get("X-Via") != "proxy" {
		s.unmarked = append(s.unmarked, r.Method+" "+r.RequestURI)
	}
	if err != nil {
		http.Error(w, "bad body", http.StatusBadRequest)
		return
	}
	io.WriteString(w, "fine")
}

// Two parsers in a row must agree where a request ends: whatever a client sends, the app is asked for nothing that the proxy has not passed
// on as a request.
func TestNoProxyCarriesARequestPastItself(t *testing.T) {
	requests := hostileRequests()
	for _, tt := range via {
		t.Run(tt.name, func(t *testing.T) {
			program := installed(t, tt.name)
			app := &witness{}
			backend := serveWitness(t, app)
			front := freePorts(t, 1)[0]
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			_, port, _ := net.SplitHostPort(front)
			write(t, filepath.Join(dir, tt.file), tt.conf, "$DIR", dir, "$APP", backend, "$FRONT", front, "$PORT", port)
			startProcess(t, dir, []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_DATA_HOME=" + dir}, program, tt.args(dir)...)
			until(t, tt.name+" passes requests on", func() bool { return answers(front) })
			sendAll(t, front, requests)
			until(t, "the proxy still passes requests on", func() bool { return answers(front) })
			app.mu.Lock()
			defer app.mu.Unlock()
			if len(app.unmarked) > 0 {
				t.Errorf("of %d requests that the app was asked for, the proxy did not pass on these: %q", app.served, app.unmarked)
			}
			t.Logf("%d hostile requests, %d were passed on", len(requests), app.served)
			if app.served < len(requests)/10 {
				t.Errorf("the app was asked only %d times: this test shows nothing", app.served)
			}
		})
	}
}

// serveWitness serves app by package server in one process, and returns its address.
func serveWitness(t *testing.T, app http.Handler) string {
	t.Helper()
	ready, ended := make(chan string, 1), make(chan error, 1)
	cfg := server.Config{Bind: []string{"127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler), BodyTimeout: time.Second, GracefulTimeout: time.Second}
	cfg.Hooks = server.Hooks{WhenReady: func(addresses []string) { ready <- addresses[0] }}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- server.Run(ctx, app, cfg) }()
	t.Cleanup(func() { cancel(); <-ended })
	select {
	case addr := <-ready:
		return addr
	case err := <-ended:
		t.Fatalf("the server ends with %v", err)
	}
	return ""
}

// sendAll sends each request on a connection of its own, sixteen at a time, and another that is good behind it.
func sendAll(t *testing.T, addr string, requests [][]byte) {
	t.Helper()
	var group sync.WaitGroup
	next := make(chan []byte)
	for range 16 {
		group.Go(func() {
			for p := range next {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					t.Errorf("the proxy takes no connection: %v", err)
					continue
				}
				c.SetDeadline(time.Now().Add(200 * time.Millisecond)) // most wait for what never comes, and so does who asks
				c.Write(append(p, "GET /good HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"...))
				io.Copy(io.Discard, c)
				c.Close()
			}
		})
	}
	for _, p := range requests {
		next <- p
	}
	close(next)
	group.Wait()
}
