package server_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/carafeweb/carafe/server"
)

// hookNotes is what hooks have to tell.
type hookNotes struct {
	mu    sync.Mutex
	lines []string
}

func (n *hookNotes) note(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}

func (n *hookNotes) take() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	text := strings.Join(n.lines, ", ")
	n.lines = nil
	return text
}

func TestHooksAreCalledRoundEachRequest(t *testing.T) {
	var n hookNotes
	var log buffered
	cfg := server.Config{ReadyPath: "/ready", Logger: log.logger()}
	cfg.Hooks.PreRequest = func(r *http.Request) {
		n.note("before %s", r.URL.Path)
		if r.URL.Path == "/hook" {
			panic("a hook that panics")
		}
	}
	cfg.Hooks.PostRequest = func(r *http.Request, s server.Served) {
		if s.Took <= 0 {
			n.note("it took %v", s.Took)
		}
		n.note("after %s %d %d", r.URL.Path, s.Status, s.Bytes)
		if r.URL.Path == "/after" {
			panic("the other hook")
		}
	}
	addr := serveHTTP(t, cfg, func(w http.ResponseWriter, r *http.Request) {
		n.note("handler")
		if r.URL.Path == "/panic" {
			panic("as asked")
		}
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, "body")
	})
	for _, tt := range []struct{ name, request, status, want string }{
		{"a request has both", "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "202", "before /a, handler, after /a 202 4"},
		{"of a HEAD no body is sent", "HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "202", "before /a, handler, after /a 202 0"},
		{"after a panic too", "GET /panic HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "500", "before /panic, handler, after /panic 500 22"},
		{"a panic of the first is the request's", "GET /hook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "500", "before /hook, after /hook 500 22"},
		{"one of the second harms nobody", "GET /after HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "202", "before /after, handler, after /after 202 4"},
		{"a request that is refused has none", "GET / HTTP/1.1\r\n\r\n", "400", ""},
		{"nor has the server's own path", "GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := raw(t, addr, tt.request)
			if !strings.HasPrefix(got, "HTTP/1.1 "+tt.status) {
				t.Errorf("the answer is %.60q, want %s", got, tt.status)
			}
			// The hook after the request may run behind the client's back: serving the next request waits for it.
			if tt.want != "" {
				for range 1000 {
					n.mu.Lock()
					done := len(n.lines) == strings.Count(tt.want, ",")+1
					n.mu.Unlock()
					if done {
						break
					}
					raw(t, addr, "GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				}
			}
			if lines := n.take(); lines != tt.want {
				t.Errorf("the hooks tell %q, want %q", lines, tt.want)
			}
		})
	}
	if !strings.Contains(log.String(), "panic in the hook PostRequest") {
		t.Error("the panic of PostRequest is not in the log")
	}
}
