package server_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
		log := filepath.Join(t.TempDir(), "access")
		addr := serveHTTP(t, server.Config{AccessLog: log, AccessLogFormat: "%({content-length}o)s."}, func(w http.ResponseWriter, r *http.Request) {
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
		want := fmt.Sprintf("%d.\n", len(tt.body))
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			if line, _ := os.ReadFile(log); string(line) == want {
				break
			} else if time.Now().After(end) {
				t.Fatalf("%s: the access log has %q for its length, want %q", tt.name, line, want)
			}
		}
	}
}
