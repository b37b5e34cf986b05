package webservers_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"
)

// checks are what has to hold behind every web server.
var checks = []struct {
	name  string
	check func(t *testing.T, f *front)
}{
	{"a view's greeting", checkHello},
	{"the environ of the literal contract", checkEnviron},
	{"DemoApp", checkDemoApp},
	{"an upload", checkUpload},
	{"a long body that nobody reads", checkUnreadBody},
	{"a streamed answer", checkStream},
	{"errors and panics", checkErrors},
	{"an answer that breaks off", checkBroken},
	{"HEAD", checkHead},
	{"and then a greeting again", checkHello},
}

func TestSiteBehindWebServers(t *testing.T) {
	for _, w := range fronts {
		t.Run(w.name, func(t *testing.T) {
			f := w.start(t)
			for _, c := range checks {
				t.Run(c.name, func(t *testing.T) { c.check(t, f) })
			}
			if f.tells {
				t.Run("a client that leaves", func(t *testing.T) { checkLeaving(t, f) })
			}
		})
	}
}

// get asks for a path below the site and returns the status and the body.
func get(t *testing.T, f *front, path string) (int, string) {
	t.Helper()
	r, err := http.NewRequest("GET", f.url+f.script+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Roast", "dark")
	r.Header.Set("Proxy", "evil.test:80")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("GET %s: %v after %q", path, err, body)
	}
	return resp.StatusCode, string(body)
}

func checkHello(t *testing.T, f *front) {
	want := fmt.Sprintf("hello ada b from 127.0.0.1, again at %s/hello/you", f.script)
	if status, body := get(t, f, "/hello/ada%20b?x=1"); status != 200 || body != want {
		t.Errorf("%d %q, want 200 %q", status, body, want)
	}
	if status, _ := get(t, f, "/nowhere"); status != 404 {
		t.Errorf("GET /nowhere: %d, want 404", status)
	}
}

func checkEnviron(t *testing.T, f *front) {
	want := fmt.Sprintf("REQUEST_METHOD=GET\nSCRIPT_NAME=%s/beans\nPATH_INFO=/a b\nQUERY_STRING=x=1\nHTTP_X_ROAST=dark\nHTTP_PROXY=<nil>\nREMOTE_ADDR=127.0.0.1\n"+
		"wsgi.url_scheme=http\n", f.script)
	status, body := get(t, f, "/beans/a%20b?x=1")
	if status != 200 || !strings.HasPrefix(body, want) {
		t.Errorf("%d %q, want %q", status, body, want)
	}
}

func checkDemoApp(t *testing.T, f *front) {
	status, body := get(t, f, "/environ/x%2Fy?a=b")
	for _, want := range []string{"Hello world!\n", `PATH_INFO = "/x/y"`, fmt.Sprintf("SCRIPT_NAME = %q", f.script+"/environ"), `QUERY_STRING = "a=b"`,
		`HTTP_X_ROAST = "dark"`, `SERVER_PROTOCOL = "HTTP/1.1"`, `GATEWAY_INTERFACE = "CGI/1.1"`, "wsgi.input = <"} {
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("%d %q, want %q in it", status, body, want)
		}
	}
	if strings.Contains(body, "evil.test") {
		t.Errorf("a client's header Proxy got into the environ: %q", body)
	}
}

func checkUpload(t *testing.T, f *front) {
	content := bytes.Repeat([]byte("ground beans\x00\xff"), 250_000) // 3.5 MB
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	w.WriteField("roast", "dark")
	part, err := w.CreateFormFile("file", "beans.bin")
	if err != nil {
		t.Fatal(err)
	}
	part.Write(content)
	w.Close()
	resp, err := client.Post(f.url+f.script+"/upload", w.FormDataContentType(), &form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if want := fmt.Sprintf("dark beans.bin %d %x", len(content), sha256.Sum256(content)); err != nil || resp.StatusCode != 200 || string(body) != want {
		t.Errorf("%d %q, %v; want %q", resp.StatusCode, body, err, want)
	}
}

func checkUnreadBody(t *testing.T, f *front) {
	resp, err := client.Post(f.url+f.script+"/nowhere", "text/plain", bytes.NewReader(make([]byte, 2<<20)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("%d, want the site's 404", resp.StatusCode)
	}
}

func checkStream(t *testing.T, f *front) {
	resp, err := client.Get(f.url + f.script + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	if line, err := lines.ReadString('\n'); line != "one\n" {
		t.Fatalf("%q, %v before the gate opens; want the first line", line, err)
	}
	f.open()
	if rest, err := io.ReadAll(lines); err != nil || string(rest) != "two\n" {
		t.Errorf("then %q, %v; want the second line", rest, err)
	}
}

func checkErrors(t *testing.T, f *front) {
	for _, path := range []string{"/error", "/panic", "/beans/error"} {
		if status, body := get(t, f, path); status != 500 || strings.Contains(body, "secret") {
			t.Errorf("GET %s: %d %q, want a 500 that does not say why", path, status, body)
		}
	}
}

func checkBroken(t *testing.T, f *front) {
	resp, err := client.Get(f.url + f.script + "/beans/broken")
	if err != nil {
		return // it broke before the header
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); resp.StatusCode == 200 && err == nil {
		t.Errorf("an answer that broke off looks whole: %q", body)
	}
}

func checkHead(t *testing.T, f *front) {
	resp, err := client.Head(f.url + f.script + "/hello/ada")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); resp.StatusCode != 200 || err != nil || len(body) > 0 || resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d %v %q, %v; want 200, the header and no body", resp.StatusCode, resp.Header, body, err)
	}
}

func checkLeaving(t *testing.T, f *front) {
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r, err := http.NewRequestWithContext(ctx, "GET", f.url+f.script+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); line != "one\n" {
		t.Fatalf("%q, %v; want the first line", line, err)
	}
	leave()
	select {
	case <-f.left:
	case <-time.After(time.Minute):
		t.Error("the view's context goes on a minute after the client has left")
	}
}
