package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe/gateway"
)

func TestServeFinishesWhatIsInFlight(t *testing.T) {
	l, err := gateway.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	app := gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		stop()
		for { // until the listener is closed
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				break
			}
			conn.Close()
		}
		start("200 OK", nil, nil)
		return gateway.Text("finished"), nil
	})
	done := make(chan error)
	go func() { done <- gateway.Serve(ctx, l, app) }()
	_, body, err := ask(rule{}, "http://"+l.Addr().String())
	if err != nil || body != "finished" {
		t.Errorf("the request in flight got %q, %v; want its answer", body, err)
	}
	if err := <-done; err != nil {
		t.Errorf("Serve returned %v, want nil after its context", err)
	}
}

func TestDemoAppShowsTheEnviron(t *testing.T) {
	url, _ := serve(t, gateway.Handler(gateway.DemoApp))
	_, body, err := ask(rule{path: "/x?y=z", header: http.Header{"X-Roast": {"dark\x01"}}}, url)
	if err == nil {
		t.Fatalf("a control character in a header passed the client: %q", body)
	}
	_, body, _ = ask(rule{path: "/x?y=z", header: http.Header{"X-Roast": {"dark"}}}, url)
	for _, want := range []string{"Hello world!\n\n", "\nHTTP_X_ROAST = \"dark\"\n", "\nPATH_INFO = \"/x\"\n", "\nwsgi.version = [2]int{1, 0}\n", "\nwsgi.run_once = false\n"} {
		if !strings.Contains(body, want) {
			t.Errorf("DemoApp lacks %q:\n%s", want, body)
		}
	}
}

func TestRunCGIOutsideOfAWebServer(t *testing.T) {
	t.Setenv("REQUEST_METHOD", "")
	if err := gateway.RunCGI(gateway.DemoApp); err == nil {
		t.Error("RunCGI without a request returned nil")
	}
}

func TestCGIProgramThatMisbehaves(t *testing.T) {
	tests := []struct {
		name, script string
		status       int
		body, log    string
	}{
		{"no header", "exit 0", 500, serverError, "header"},
		{"no type", "printf 'X: y\\n\\nbody'", 500, serverError, "neither Content-Type"},
		{"a status alone", "printf 'Status: 204\\n\\n'", 204, "", ""},
		{"a location alone", "printf 'Location: /there\\n\\n'", 302, "", ""},
		{"lines that end in LF", "printf 'Content-Type: text/plain\\n\\nhello'", 200, "hello", ""},
		{"a hop-by-hop header", "printf 'Content-Type: text/plain\\nTransfer-Encoding: chunked\\nConnection: x\\n\\nhello'", 200, "hello", ""},
		{"an endless header", "printf 'X: '; yes | head -c 3000000", 500, serverError, "header"},
		{"the shell's variables stay here", "printf 'Content-Type: text/plain\\n\\n%s%s' \"$GATEWAY_TEST_SECRET\" \"$HTTP_PROXY\"", 200, "", ""},
		{"the names are CGI's", "printf 'Content-Type: text/plain\\n\\n%s %s' \"$GATEWAY_INTERFACE\" \"$REQUEST_METHOD\"", 200, "CGI/1.1 GET", ""},
	}
	t.Setenv("GATEWAY_TEST_SECRET", "secret")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url, rec := serve(t, gateway.Handler(&gateway.CGIProgram{Path: "/bin/sh", Args: []string{"-c", tt.script}}))
			resp, body, err := ask(rule{header: http.Header{"Proxy": {"evil:80"}}}, url)
			if err != nil || resp.StatusCode != tt.status || body != tt.body {
				t.Errorf("%v, %v %q; want %d %q", err, resp, body, tt.status, tt.body)
			}
			if !strings.Contains(rec.String(), tt.log) {
				t.Errorf("log %q, want %q in it", rec, tt.log)
			}
		})
	}
	url, _ := serve(t, gateway.Handler(&gateway.CGIProgram{Path: "/bin/sh", Args: []string{"-c", "printf 'Content-Type: text/plain\\n\\nhalf'; exit 3"}}))
	if _, body, err := ask(rule{}, url); err == nil {
		t.Errorf("the answer of a program that failed is whole: %q", body)
	}
	if resp, err := http.Post(url, "text/plain", io.NopCloser(strings.NewReader("chunked"))); err != nil || resp.StatusCode != 411 {
		t.Errorf("a chunked request: %v, %v; want 411", resp, err)
	}
}

func TestCGIProgramDiesWithItsClient(t *testing.T) {
	pid := t.TempDir() + "/pid"
	script := "printf 'Content-Type: text/plain\\n\\none\\n'; echo $$ > " + pid + "; exec sleep 600"
	url, _ := serve(t, gateway.Handler(&gateway.CGIProgram{Path: "/bin/sh", Args: []string{"-c", script}}))
	ctx, leave := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	line := make([]byte, 4)
	if io.ReadFull(resp.Body, line); string(line) != "one\n" {
		t.Fatalf("got %q while the program runs, want its first line at once", line)
	}
	var number []byte
	eventually(func() bool { number, _ = os.ReadFile(pid); return bytes.HasSuffix(number, []byte("\n")) })
	leave()
	proc := "/proc/" + strings.TrimSpace(string(number))
	if !eventually(func() bool { _, err := os.Stat(proc); return err != nil }) {
		t.Errorf("process %s is still there after its client has left", proc)
	}
}

func TestFastCGIMount(t *testing.T) {
	show := keys("SCRIPT_NAME", "PATH_INFO", "REMOTE_USER", "SERVER_SOFTWARE", "HTTP_X_A", "wsgi.url_scheme")
	tests := []struct {
		name, mount, path string
		vars              map[string]string
		want              string
	}{
		{"the web server's word counts", "", "/app/x", map[string]string{"SCRIPT_NAME": "/app", "PATH_INFO": "/x"}, "/app|/x"},
		{"an empty PATH_INFO that is left out", "", "/app", map[string]string{"SCRIPT_NAME": "/app", "PATH_INFO": "-"}, "/app|"},
		{"nginx says nothing of PATH_INFO", "", "/a/b%20c", map[string]string{"SCRIPT_NAME": "/a/b c", "PATH_INFO": "-", "DOCUMENT_URI": "/a/b c"}, "|/a/b c"},
		{"Mount overrides it", "/app", "/app/x", map[string]string{"SCRIPT_NAME": "/app/x", "PATH_INFO": ""}, "/app|/x"},
		{"Mount at the root", "/", "/app/x", map[string]string{"SCRIPT_NAME": "/app", "PATH_INFO": "/x"}, "|/app/x"},
		{"a double slash is a path", "/", "//app/x", nil, "|//app/x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			vars := map[string]string{"REMOTE_USER": "ada", "HTTPS": "on", "HTTP_X_A": "1", "HTTP_PROXY": "evil:80"}
			for k, v := range tt.vars {
				vars[k] = v
			}
			front := &fcgiFront{addr: serveFastCGI(t, &gateway.FastCGI{App: show, Mount: tt.mount}), log: io.Discard, vars: vars}
			url, _ := serve(t, front)
			_, body, err := ask(rule{path: tt.path}, url)
			script, path, _ := strings.Cut(tt.want, "|")
			want := fmt.Sprintf("SCRIPT_NAME=%s\nPATH_INFO=%s\nREMOTE_USER=ada\nSERVER_SOFTWARE=front/1\nHTTP_X_A=1\nwsgi.url_scheme=https\n", script, path)
			if err != nil || body != want {
				t.Errorf("%v, %q; want %q", err, body, want)
			}
		})
	}
}

// fcgiDial connects to a FastCGI server.
func fcgiDial(t *testing.T, f *gateway.FastCGI) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", serveFastCGI(t, f))
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	t.Cleanup(func() { conn.Close() })
	return conn
}

var fcgiVars = map[string]string{"REQUEST_METHOD": "POST", "SERVER_PROTOCOL": "HTTP/1.1", "PATH_INFO": "/", "CONTENT_LENGTH": "5"}

func TestFastCGIKeepsAConnection(t *testing.T) {
	conn := fcgiDial(t, &gateway.FastCGI{App: show(func(env gateway.Environ) string { b, _ := io.ReadAll(env.Input()); return string(b) })})
	for _, body := range []string{"first", "again"} {
		conn.Write(fcgiRequest(fcgiVars, []byte(body), 1))
		var out bytes.Buffer
		if err := readStreams(conn, &out, io.Discard); err != nil || !strings.HasSuffix(out.String(), "\r\n\r\n"+body) {
			t.Fatalf("%v, %q; want an answer that ends in %s", err, &out, body)
		}
	}
	conn.Write(fcgiRecord(9, []byte("\x0f\x00FCGI_MPXS_CONNS")))
	if kind, content, err := readRecord(conn); kind != 10 || string(content) != "\x0f\x01FCGI_MPXS_CONNS0" {
		t.Errorf("asked for values: %d %q %v, want that it does not multiplex", kind, content, err)
	}
	conn.Write([]byte{1, 99, 0, 0, 0, 0, 0, 0})
	if kind, content, err := readRecord(conn); kind != 11 || len(content) != 8 || content[0] != 99 {
		t.Errorf("an unknown record: %d %q %v, want that it is unknown", kind, content, err)
	}
}

// An answer that does not say of which type it is must not become a page, in which scripts would run: CVE-2020-24553, of net/http/fcgi
// and net/http/cgi. FastCGI and CGI have one writer.
func TestFastCGIDoesNotTakeAnAnswerForAPage(t *testing.T) {
	for _, tt := range []struct{ name, body, typ string }{
		{"text", "hello, \"<b>\"", "text/plain; charset=utf-8"},
		{"what a script might be hidden in", "GIF89a<script>alert(1)</script>", "image/gif"},
		{"JSON", `{"a":"<script>alert(1)</script>"}`, "text/plain; charset=utf-8"},
		{"bytes", "\x00\x01\x02<script>", "application/octet-stream"},
		{"nothing", "", ""},
	} {
		for name, h := range map[string]http.HandlerFunc{
			"written":  func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, tt.body) },
			"a status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); io.WriteString(w, tt.body) },
		} {
			conn := fcgiDial(t, &gateway.FastCGI{App: gateway.FromHandler(h)})
			conn.Write(fcgiRequest(fcgiVars, []byte("12345"), 0))
			var out bytes.Buffer
			err := readStreams(conn, &out, io.Discard)
			header, parseErr := textproto.NewReader(bufio.NewReader(&out)).ReadMIMEHeader()
			if got := header.Get("Content-Type"); err != nil || parseErr != nil || got != tt.typ {
				t.Errorf("%s, %s: Content-Type %q, want %q (%v, %v)", tt.name, name, got, tt.typ, err, parseErr)
			}
		}
	}
}

func TestFastCGITakesABodyThatNobodyReads(t *testing.T) {
	conn := fcgiDial(t, &gateway.FastCGI{App: gateway.ApplicationFunc(hello)})
	if _, err := conn.Write(fcgiRequest(fcgiVars, make([]byte, 3<<20), 0)); err != nil {
		t.Errorf("the web server's write: %v; nginx makes a 502 of that", err)
	}
	var out bytes.Buffer
	if err := readStreams(conn, &out, io.Discard); err != nil || !strings.HasSuffix(out.String(), "Hello world!\n") {
		t.Errorf("%v, %q; want the answer", err, &out)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("then %d bytes, %v; want that the connection has ended", n, err)
	}
}

func TestFastCGIEndsTheContextOfAnAbortedRequest(t *testing.T) {
	ends := map[string]func(conn net.Conn){
		"by an abort record": func(conn net.Conn) { conn.Write(fcgiRecord(2, nil)) },
		"by hanging up":      func(conn net.Conn) { conn.Close() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			began, ended := make(chan bool), make(chan error, 1)
			conn := fcgiDial(t, &gateway.FastCGI{App: gateway.FromHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				began <- true
				<-r.Context().Done()
				ended <- r.Context().Err()
			}))})
			conn.Write(fcgiRequest(fcgiVars, []byte("beans"), 1))
			<-began
			end(conn)
			if err := <-ended; err != context.Canceled {
				t.Errorf("the context ended with %v, want context.Canceled", err)
			}
		})
	}
}

func TestFastCGISurvivesPanicsAndNonsense(t *testing.T) {
	path := serveFastCGI(t, &gateway.FastCGI{MaxParams: 5000, App: gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		if env.String("PATH_INFO") == "/panic" {
			panic("no beans")
		}
		return hello(env, start)
	})})
	vars := func(name, value string) map[string]string {
		return map[string]string{"REQUEST_METHOD": "GET", "PATH_INFO": "/", name: value}
	}
	tests := []struct {
		name  string
		bytes []byte
		want  string // in standard output; "" means that the connection just ends
	}{
		{"a panic", fcgiRequest(vars("PATH_INFO", "/panic"), nil, 0), "Status: 500"},
		{"another version", []byte{2, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, ""},
		{"a short begin", fcgiRecord(1, []byte{0}), ""},
		{"pairs cut off", append(fcgiRecord(1, []byte{0, 1, 0, 0, 0, 0, 0, 0}), append(fcgiRecord(4, []byte{200, 1}), fcgiRecord(4, nil)...)...), ""},
		{"endless params", fcgiRequest(vars("HTTP_X", strings.Repeat("x", 6000)), nil, 0), ""},
		{"a method that is none", fcgiRequest(vars("REQUEST_METHOD", "G T"), nil, 0), "Status: 400"},
		{"a good request", fcgiRequest(vars("HTTP_X", "1"), nil, 0), "Hello world!"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			conn.Write(tt.bytes)
			var out bytes.Buffer
			err = readStreams(conn, &out, io.Discard)
			if !strings.Contains(out.String(), tt.want) || tt.want == "" && err == nil {
				t.Errorf("got %q, %v; want %q", &out, err, tt.want)
			}
		})
	}
}

// FuzzFastCGI feeds a connection with anything: it must end or wait, never panic, and the server goes on.
func FuzzFastCGI(f *testing.F) {
	f.Add(fcgiRequest(fcgiVars, []byte("beans"), 0))
	f.Add(fcgiRecord(9, []byte("\x01\x00a")))
	f.Add([]byte{1, 4, 0, 1, 255, 255, 255, 0, 128})
	f.Fuzz(func(t *testing.T, data []byte) {
		client, server := net.Pipe()
		l := &oneConn{conn: server, closed: make(chan bool)}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- (&gateway.FastCGI{App: gateway.ApplicationFunc(hello)}).Serve(ctx, l) }()
		go io.Copy(io.Discard, client)
		client.Write(data)
		client.Close()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// oneConn is a listener with one connection.
type oneConn struct {
	conn   net.Conn
	closed chan bool
}

func (l *oneConn) Accept() (net.Conn, error) {
	if conn := l.conn; conn != nil {
		l.conn = nil
		return conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}
func (l *oneConn) Close() error   { close(l.closed); return nil }
func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }
