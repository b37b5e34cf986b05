package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/server"
)

// An app leaves the length of a short body to net/http, which a client must not notice.
func TestAnswersThatGiveNoLengthHaveOneAllTheSame(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, request, want string
		body                string
	}{
		{"a short body", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "Content-Length: 5\r\n", "short"},
		{"none", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "Content-Length: 0\r\n", ""},
		{"the longest that net/http counts", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "Content-Length: 2047\r\n", strings.Repeat("x", 2047)},
		{"HTTP/1.0", "GET / HTTP/1.0\r\nHost: x\r\n\r\n", "Content-Length: 5\r\n", "short"},
	} {
		addr := serveHTTP(t, server.Config{}, func(w http.ResponseWriter, r *http.Request) {
			if _, ok := w.(interface{ CountsBodies() }); !ok {
				t.Error("the server does not say that bodies are counted")
			}
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(200)
			w.Write([]byte(tt.body))
		})
		head, body, _ := strings.Cut(raw(t, addr, tt.request), "\r\n\r\n")
		if body != tt.body || !strings.Contains(head+"\r\n", tt.want) || strings.Contains(head, "chunked") {
			t.Errorf("%s: %d bytes under %q, want %s", tt.name, len(body), head, tt.want)
		}
	}
}
