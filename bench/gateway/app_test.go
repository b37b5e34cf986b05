package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway"
)

// shop is the page of the other benchmarks as a view.
func shop() *carafe.App {
	app := carafe.New("shop")
	app.Get("/shop/coffee", func(c *carafe.Context) (string, http.Header) {
		return c.Request.UserAgent() + body, http.Header{"Cache-Control": {"no-cache"}, "Vary": {"Cookie"}}
	}, carafe.Endpoint("coffee"))
	return app
}

// A served handler is one behind a connection that is kept.
type served struct {
	conn net.Conn
	in   *bufio.Reader
	took []time.Duration
}

func serve(b *testing.B, h http.Handler) *served {
	srv := httptest.NewServer(h)
	b.Cleanup(srv.Close)
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return &served{conn: conn, in: bufio.NewReader(conn)}
}

func (s *served) get(b *testing.B) {
	began := time.Now()
	io.WriteString(s.conn, request)
	resp, err := http.ReadResponse(s.in, nil)
	if err != nil {
		b.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	s.took = append(s.took, time.Since(began))
}

func (s *served) median() time.Duration {
	slices.Sort(s.took)
	return s.took[len(s.took)/2]
}

// BenchmarkAppPaired asks an App over net/http and the same App through an Environ and back by turns, so that what else the
// machine does falls on both, and reports the medians and their ratio.
func BenchmarkAppPaired(b *testing.B) {
	app := shop()
	alone := serve(b, app)
	through := serve(b, gateway.Handler(gateway.ApplicationFunc(app.WSGI)))
	for b.Loop() {
		alone.get(b)
		through.get(b)
	}
	b.ReportMetric(float64(alone.median())/1e3, "alone-µs")
	b.ReportMetric(float64(through.median())/1e3, "through-µs")
	b.ReportMetric(float64(through.median())/float64(alone.median()), "ratio")
}

// BenchmarkAppCalled counts the allocations without a server.
func BenchmarkAppCalled(b *testing.B) {
	app := shop()
	r := httptest.NewRequest("GET", "/shop/coffee?sort=price", nil)
	for name, h := range map[string]http.Handler{"alone": app, "through WSGI": gateway.Handler(gateway.ApplicationFunc(app.WSGI)), "through Application": gateway.Handler(app)} {
		b.Run(name, func(b *testing.B) {
			w := &nowhere{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				h.ServeHTTP(w, r)
			}
		})
	}
}
