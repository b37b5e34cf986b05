package carafe_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
)

// The order is what the peers are measured with, too: bench/bind.
type (
	order struct {
		Customer string    `json:"customer" validate:"required,min=2,max=64"`
		Email    string    `json:"email" validate:"required,email"`
		Currency string    `json:"currency" validate:"required,oneof=EUR USD GBP"`
		Express  bool      `json:"express"`
		Lines    []line    `json:"lines" validate:"required,min=1,max=100,dive"`
		Address  addressed `json:"address"`
	}
	line struct {
		SKU      string  `json:"sku" validate:"required,alphanum"`
		Quantity int     `json:"quantity" validate:"required,gte=1,lte=1000"`
		Price    float64 `json:"price" validate:"gte=0"`
	}
	addressed struct {
		Street string `json:"street" validate:"required"`
		City   string `json:"city" validate:"required"`
		Zip    string `json:"zip" validate:"required,numeric,len=5"`
	}
)

const orderBody = `{"customer":"Ada Lovelace","email":"ada@example.org","currency":"EUR","express":true,` +
	`"lines":[{"sku":"A100","quantity":2,"price":19.99},{"sku":"B200","quantity":1,"price":5.5},{"sku":"C300","quantity":10,"price":0.25}],` +
	`"address":{"street":"12 St James's Square","city":"London","zip":"10115"}}`

// A silent writer keeps what a benchmark measures to Carafe.
type silent struct{ header http.Header }

func (w silent) Header() http.Header               { return w.header }
func (w silent) Write(p []byte) (int, error)       { return len(p), nil }
func (w silent) WriteString(p string) (int, error) { return len(p), nil }
func (w silent) WriteHeader(int)                   {}

// serveBody returns a function that sends one request again and again.
func serveBody(app http.Handler, method, target, typ, body string) func() {
	reader := strings.NewReader(body)
	r := httptest.NewRequest(method, target, reader)
	if typ != "" {
		r.Header.Set("Content-Type", typ)
	}
	r.ContentLength = int64(len(body))
	w := silent{http.Header{}}
	return func() {
		reader.Reset(body)
		r.Body = io.NopCloser(reader)
		app.ServeHTTP(w, r)
	}
}

func BenchmarkBindJSON(b *testing.B) {
	app := carafe.New("bench")
	app.Post("/orders", func(in order) (order, error) { return in, nil })
	benchmarkServe(b, serveBody(app, "POST", "/orders", "application/json", orderBody))
}

func BenchmarkBindJSONPointer(b *testing.B) {
	app := carafe.New("bench")
	app.Post("/orders", func(in *order) (*order, error) { return in, nil })
	benchmarkServe(b, serveBody(app, "POST", "/orders", "application/json", orderBody))
}

func BenchmarkBindJSONWithoutAnswer(b *testing.B) {
	app := carafe.New("bench")
	app.Post("/orders", func(c *carafe.Context) (string, error) {
		var in order
		return "", c.Bind(&in)
	})
	benchmarkServe(b, serveBody(app, "POST", "/orders", "application/json", orderBody))
}

func BenchmarkBindQuery(b *testing.B) {
	type search struct {
		Text  string   `query:"q" validate:"required"`
		Page  int      `query:"page" default:"1" validate:"min=1"`
		Tags  []string `query:"tag" validate:"max=5"`
		Token string   `header:"X-Token"`
	}
	app := carafe.New("bench")
	app.Get("/search", func(in search) string { return in.Text })
	benchmarkServe(b, serveBody(app, "GET", "/search?q=tea&page=3&tag=a&tag=b", "", ""))
}

func BenchmarkBindFaults(b *testing.B) {
	app := carafe.New("bench")
	app.Post("/orders", func(in order) (order, error) { return in, nil })
	benchmarkServe(b, serveBody(app, "POST", "/orders", "application/json", `{"customer":"A","email":"no","lines":[{"quantity":"many"}]}`))
}

func benchmarkServe(b *testing.B, serve func()) {
	b.ReportAllocs()
	for b.Loop() {
		serve()
	}
}
