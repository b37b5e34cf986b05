package carafe_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// askBoth sends a GET and a HEAD on one connection each and gives the heads, without their dates, and the GET's body. What follows the
// head of a HEAD is a fault.
func askBoth(t *testing.T, base, path string) (get, head, body string) {
	t.Helper()
	ask := func(method string) (string, string) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		must(t, err)
		defer func() { _ = conn.Close() }()
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n", method, path)
		raw, err := io.ReadAll(bufio.NewReader(conn))
		must(t, err)
		top, rest, ok := strings.Cut(string(raw), "\r\n\r\n")
		if !ok {
			t.Errorf("%s %s is answered with %q, which has no head", method, path, raw)
		}
		var kept []string
		for _, line := range strings.Split(top, "\r\n") {
			if !strings.HasPrefix(line, "Date: ") {
				kept = append(kept, line)
			}
		}
		slices.Sort(kept) // "HTTP/1.1 …" comes behind "Content-…"
		return strings.Join(kept, "\n"), rest
	}
	get, body = ask("GET")
	head, rest := ask("HEAD")
	if rest != "" {
		t.Errorf("HEAD %s has a body: %q", path, rest)
	}
	return get, head, body
}

// A HEAD says what a GET would say (RFC 9110, 9.3.2), whoever says how long the body is.
func TestAHeadSaysWhatAGetWould(t *testing.T) {
	const big = 100 << 10
	withLength := func(resp *carafe.Response, n string) func() *carafe.Response {
		return func() *carafe.Response {
			resp.Header.Set("Content-Length", n)
			return resp
		}
	}
	none, err := carafe.NewResponse([]byte{})
	must(t, err)
	nothing := func(http.ResponseWriter) {}
	for _, tt := range []struct {
		name, length string // what both say; "" means as many bytes as there are
		view         any
		status       int
	}{
		{"a text", "5", func() string { return "hello" }, 200},
		{"an empty text", "0", func() string { return "" }, 200},
		{"an empty text that says another length", "0", withLength(carafe.Text(""), "7"), 200},
		{"empty bytes that say another length", "0", withLength(none, "7"), 200},
		{"a text that says another length", "5", withLength(carafe.Text("hello"), "7"), 200},
		{"an empty text with a header in a Reply", "0", func() any { return carafe.Reply("", http.Header{"Content-Length": {"7"}}) }, 200},
		{"empty bytes with a header in a Reply", "0", func() any { return carafe.Reply([]byte{}, http.Header{"Content-Length": {"7"}}) }, 200},
		{"JSON that says another length", "8", withLength(carafe.JSON(map[string]int{"a": 1}), "700"), 200},
		{"a page of an error", "", func() error { return carafe.Abort(404) }, 404},
		{"a handler that says what it writes", "5", lengthHandler("5", 5, nothing), 200},
		{"a handler that says nothing", "5", lengthHandler("", 5, func(w http.ResponseWriter) { w.Header().Del("Content-Length") }), 200},
		{"a handler that writes less than it says", "", lengthHandler("10", 3, nothing), 500},
		{"a handler that writes more than it says", "", lengthHandler("3", 10, nothing), 500},
		{"a handler that writes as much as it says, of what is large", fmt.Sprint(big), lengthHandler(fmt.Sprint(big), big, nothing), 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app, _ := viewLog()
			faultView(app, tt.view)
			get, head, body := askBoth(t, carafetest.Serve(t, app), "/x")
			if head != get {
				t.Errorf("HEAD says\n%s\nand GET says\n%s", head, get)
			}
			length := fmt.Sprint(len(body))
			if !strings.Contains("\n"+head+"\n", "\nContent-Length: "+length+"\n") || !strings.Contains(head, fmt.Sprintf("HTTP/1.1 %d ", tt.status)) {
				t.Errorf("HEAD is answered with\n%s\nwant a %d with the length %s", head, tt.status, length)
			}
			if tt.length != "" && tt.length != length {
				t.Errorf("the body of the GET has %s bytes, want %s", length, tt.length)
			}
		})
	}
}

// Who answers a HEAD by himself says how long the body of a GET would be without making it.
func TestWhoKnowsHeadSaysTheLengthWithoutTheBody(t *testing.T) {
	for name, view := range map[string]any{
		"a handler": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "7")
			if r.Method != http.MethodHead {
				_, _ = io.WriteString(w, "1234567")
			}
		},
		"a Response without a body": func(c *carafe.Context) (*carafe.Response, error) {
			if c.Request.Method != http.MethodHead {
				return carafe.HTML("1234567"), nil
			}
			resp, err := carafe.NewResponse(nil)
			resp.Header.Set("Content-Length", "7")
			return resp, err
		},
		"a stream, which is not run": func() *carafe.Response {
			resp, err := carafe.NewResponse(carafe.Streamer(func(w http.ResponseWriter) error {
				_, err := io.WriteString(w, "1234567")
				return err
			}))
			must(t, err)
			resp.Header.Set("Content-Length", "7")
			return resp
		},
	} {
		app, log := viewLog()
		faultView(app, view)
		base := carafetest.Serve(t, app)
		_, head, body := askBoth(t, base, "/x")
		if !strings.Contains("\n"+head+"\n", "\nContent-Length: 7\n") || body != "1234567" {
			t.Errorf("%s: HEAD is answered with\n%s\nand GET with %q, want 7 bytes of both", name, head, body)
		}
		wantService(t, base, log, 0)
	}
}
