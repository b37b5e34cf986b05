// Package gateway_test measures what a handler pays for the passage through an Environ and back.
package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/gateway"
)

// page is a small HTML answer of a handler that reads a few headers: 8 KiB, length unknown to it.
func page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Vary", "Cookie")
	io.WriteString(w, r.UserAgent())
	io.WriteString(w, body)
}

var body = strings.Repeat("<li>A line of a list that somebody reads.</li>\n", 170)

// request is what a browser sends.
const request = "GET /shop/coffee?sort=price&page=2 HTTP/1.1\r\nHost: www.example.com\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: de,en-US;q=0.7,en;q=0.3\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\nReferer: https://www.example.com/shop\r\nConnection: keep-alive\r\n" +
	"Cookie: session=eyJ1c2VyIjo3fQ.aR8.Xk2; theme=dark\r\nUpgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\n" +
	"Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nPriority: u=0, i\r\n\r\n"

var handlers = []struct {
	name string
	h    http.Handler
}{
	{"net/http", http.HandlerFunc(page)},
	{"through an Environ and back", gateway.Handler(gateway.FromHandler(http.HandlerFunc(page)))},
}

// BenchmarkServed sends the request over one kept-alive loopback connection: the measure of the aim.
func BenchmarkServed(b *testing.B) {
	for _, tt := range handlers {
		b.Run(tt.name, func(b *testing.B) {
			srv := httptest.NewServer(tt.h)
			defer srv.Close()
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			b.ReportAllocs()
			for b.Loop() {
				io.WriteString(conn, request)
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
}

// nowhere is a ResponseWriter without a server.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header               { return n.header }
func (n *nowhere) WriteHeader(int)                   {}
func (n *nowhere) Write(p []byte) (int, error)       { return len(p), nil }
func (n *nowhere) WriteString(s string) (int, error) { return len(s), nil }

// BenchmarkCalled calls the handler alone: the passage's bare cost.
func BenchmarkCalled(b *testing.B) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
	if err != nil {
		b.Fatal(err)
	}
	r.RemoteAddr = "192.0.2.7:40000"
	for _, tt := range handlers {
		b.Run(tt.name, func(b *testing.B) {
			w := &nowhere{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				tt.h.ServeHTTP(w, r)
			}
		})
	}
}
