// Package static_test measures a static file of 100 KB over a real socket, beside http.ServeContent alone, net/http's FileServer, gin
// and echo:
//
//	go test -bench . InTurns -benchtime 200x -count 3
//
// BenchmarkInTurns is the one for the ratio: it asks the servers one after the other, so that what the machine does besides hits all
// of them alike.
package static_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v5"

	"github.com/carafeweb/carafe"
)

// size is that of the file.
const size = 100 << 10

// site is a folder with the file static/page.txt.
func site(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	name := filepath.Join(dir, "static/page.txt")
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(name, bytes.Repeat([]byte("0123456789abcde\n"), size/16), 0o600); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// serveContent is what one writes without any framework.
func serveContent(dir string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(filepath.Join(dir, filepath.Clean("/"+r.URL.Path)))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, info.Name(), info.ModTime(), f)
	})
}

type contestant struct {
	name    string
	handler http.Handler
}

func contestants(dir string) []contestant {
	app := carafe.New("static", carafe.RootPath(dir))
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.Static("/static", filepath.Join(dir, "static"))
	e := echo.New()
	e.Static("/static", filepath.Join(dir, "static"))
	return []contestant{
		{"ServeContent", serveContent(dir)}, {"Carafe", app}, {"FileServer", http.FileServer(http.Dir(dir))}, {"Gin", g}, {"Echo", e},
	}
}

// A conn asks one server over one connection.
type conn struct {
	net.Conn
	answer []byte // room for exactly one
}

const request = "GET /static/page.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"

func dial(tb testing.TB, h http.Handler) *conn {
	tb.Helper()
	server := httptest.NewServer(h)
	tb.Cleanup(server.Close)
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, request); err != nil {
		tb.Fatal(err)
	}
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		var b [1]byte
		if _, err := io.ReadFull(c, b[:]); err != nil {
			tb.Fatal(err)
		}
		head = append(head, b[0])
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200")) || !bytes.Contains(head, []byte("Content-Length: "+strconv.Itoa(size))) {
		tb.Fatalf("the answer begins with %s", head)
	}
	if _, err := io.CopyN(io.Discard, c, size); err != nil {
		tb.Fatal(err)
	}
	return &conn{c, make([]byte, len(head)+size)}
}

func (c *conn) ask(tb testing.TB) {
	if _, err := io.WriteString(c, request); err != nil {
		tb.Error(err)
	}
	if _, err := io.ReadFull(c, c.answer); err != nil {
		tb.Error(err)
	}
}

func BenchmarkAlone(b *testing.B) {
	for _, x := range contestants(site(b)) {
		b.Run(x.name, func(b *testing.B) {
			c := dial(b, x.handler)
			b.ReportAllocs()
			for b.Loop() {
				c.ask(b)
			}
		})
	}
}

// A server's turn is so many requests over so many connections at once: enough to be warm and busy, as one is that has work.
const (
	inARow     = 20
	atOnce     = 8
	perRequest = 1000 * inARow * atOnce // nanoseconds of a turn to microseconds of a request
)

// BenchmarkInTurns reports the median CPU time of each server for a request, that of the client included, in microseconds; how many
// requests Carafe answers in the CPU time that ServeContent takes for one; and the same of the time that passes.
func BenchmarkInTurns(b *testing.B) {
	list := contestants(site(b))
	conns := make([][atOnce]*conn, len(list))
	for i, x := range list {
		for k := range conns[i] {
			conns[i][k] = dial(b, x.handler)
		}
	}
	cpu, passed := make([][]float64, len(list)), make([][]float64, len(list))
	for n := 0; b.Loop(); n++ {
		for turn := range conns { // another one begins each time
			i := (turn + n) % len(conns)
			start, used := time.Now(), cpuTime(b)
			var all sync.WaitGroup
			for _, c := range conns[i] {
				all.Go(func() {
					for range inARow {
						c.ask(b)
					}
				})
			}
			all.Wait()
			passed[i] = append(passed[i], float64(time.Since(start)))
			cpu[i] = append(cpu[i], float64(cpuTime(b)-used))
		}
	}
	for i := range list {
		slices.Sort(cpu[i])
		slices.Sort(passed[i])
		b.ReportMetric(median(cpu[i])/perRequest, fmt.Sprintf("cpu-µs/%s", list[i].name))
	}
	b.ReportMetric(median(cpu[0])/median(cpu[1]), "cpu-ratio")
	b.ReportMetric(median(passed[0])/median(passed[1]), "time-ratio")
}

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }

// cpuTime is what the process has used.
func cpuTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
