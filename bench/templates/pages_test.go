// Package templates_test measures a page of 50 rows on its way through an app: what Carafe adds to html/template, and what
// its own engine makes of the same page.
//
//	go test -bench . -benchmem -count 6
package templates_test

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/carafeweb/carafe"
)

// A User is a row.
type User struct {
	ID    int
	Name  string
	Email string
	Admin bool
}

func users(n int) []User {
	list := make([]User, n)
	for i := range list {
		list[i] = User{ID: i + 1, Name: fmt.Sprintf("User %d <Ann & Co>", i), Email: fmt.Sprintf("user%d@example.com", i), Admin: i%3 == 0}
	}
	return list
}

const goRows = `<!doctype html>
<title>{{ .title }}</title>
<h1>{{ .title }}</h1>
<table>
{{ range .users }}<tr>
  <td>{{ .ID }}</td>
  <td><a href="/users/{{ .ID }}">{{ .Name }}</a></td>
  <td>{{ .Email }}</td>
  <td>{{ if .Admin }}admin{{ else }}user{{ end }}</td>
</tr>
{{ end }}</table>
`

const jinjaRows = `<!doctype html>
<title>{{ title }}</title>
<h1>{{ title }}</h1>
<table>
{% for user in users %}<tr>
  <td>{{ user.id }}</td>
  <td><a href="/users/{{ user.id }}">{{ user.name }}</a></td>
  <td>{{ user.email }}</td>
  <td>{% if user.admin %}admin{% else %}user{% endif %}</td>
</tr>
{% endfor %}</table>
`

func data() map[string]any { return map[string]any{"title": "Users & friends", "users": users(50)} }

// alone is the page as a program would serve it with html/template and nothing else.
func alone() http.Handler {
	page := template.Must(template.New("rows.html").Parse(goRows))
	all := data()
	buffers := sync.Pool{New: func() any { return &bytes.Buffer{} }}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b := buffers.Get().(*bytes.Buffer)
		defer buffers.Put(b)
		b.Reset()
		if err := page.Execute(b, all); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(b.Bytes())
	})
}

// app serves the page by an engine of Carafe.
func app(engine carafe.TemplateEngine, rows string) http.Handler {
	a := carafe.New("bench", carafe.Templates{FS: fstest.MapFS{"rows.html": {Data: []byte(rows)}}})
	a.Templates = engine
	all := data()
	a.Get("/", func() any { return carafe.Render("rows.html", all) }, carafe.Endpoint("rows"))
	return a
}

// sink takes a response and forgets it.
type sink struct {
	header http.Header
	bytes  int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(p []byte) (int, error) { s.bytes += len(p); return len(p), nil }

var contenders = []struct {
	name string
	make func() http.Handler
}{
	{"html-alone", alone},
	{"html-carafe", func() http.Handler { return app(&carafe.HTMLTemplates{}, goRows) }},
	{"jinja-carafe", func() http.Handler { return app(nil, jinjaRows) }},
}

func serve(h http.Handler, w http.ResponseWriter) {
	r, _ := http.NewRequest(http.MethodGet, "http://bench.test/", nil)
	h.ServeHTTP(w, r)
}

func BenchmarkRows(b *testing.B) {
	for _, c := range contenders {
		b.Run(c.name, func(b *testing.B) {
			h, w := c.make(), &sink{header: http.Header{}}
			serve(h, w)
			b.SetBytes(int64(w.bytes))
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				serve(h, w)
			}
		})
	}
}

// batch is how many pages are served before the other's turn: enough for the collector to run a few times in each.
const batch = 500

// BenchmarkOverhead serves pages in batches, alone and through Carafe in turns, and compares the processor time of the process: it has
// the collector's share in it, which a median of single pages hides, and not what other programs do. ratio 1.05 means that
// the second costs 5 % more than the first; the pairs of one kind show how far the figure can be trusted.
func BenchmarkOverhead(b *testing.B) {
	html := contenders[1].make
	for _, p := range []struct {
		name          string
		first, second func() http.Handler
	}{
		{"carafe-over-alone", alone, html},
		{"alone-over-carafe", html, alone},
		{"alone-over-alone", alone, alone},
		{"carafe-over-carafe", html, html},
	} {
		b.Run(p.name, func(b *testing.B) {
			hs := []http.Handler{p.first(), p.second()}
			var used [2]time.Duration
			for _, h := range hs {
				serveBatch(h)
			}
			for turn := 0; b.Loop(); turn++ {
				for i := range hs {
					i = (i + turn) % 2
					used[i] += serveBatch(hs[i])
				}
			}
			b.ReportMetric(float64(used[1])/float64(used[0]), "ratio")
		})
	}
}

// serveBatch is the processor time of a batch, from one collection to the next so that no batch pays for the other's garbage.
func serveBatch(h http.Handler) time.Duration {
	w := &sink{header: http.Header{}}
	runtime.GC()
	start := processorTime()
	for range batch {
		clear(w.header)
		serve(h, w)
	}
	runtime.GC()
	return processorTime() - start
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// recorder keeps the page.
type recorder struct {
	sink
	page strings.Builder
}

func (r *recorder) Write(p []byte) (int, error) { return r.page.Write(p) }

// TestAllServeTheSamePage keeps the comparison fair. Jinja drops the newline that ends a file.
func TestAllServeTheSamePage(t *testing.T) {
	var first string
	for _, c := range contenders {
		w := &recorder{sink: sink{header: http.Header{}}}
		serve(c.make(), w)
		page := strings.TrimSuffix(w.page.String(), "\n")
		if first == "" {
			first = page
		}
		if page != first || !strings.Contains(page, "user49@example.com") {
			t.Errorf("%s serves\n%s\nwant\n%s", c.name, page, first)
		}
	}
}
