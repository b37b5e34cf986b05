package bind_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/gin-gonic/gin"
	"github.com/go-playground/validator/v10"
	"github.com/gofiber/fiber/v3"
	"github.com/labstack/echo/v5"
	"github.com/valyala/fasthttp"
)

// The order has the tags of all frameworks: gin's are called binding, the others' validate.
type (
	order struct {
		Customer string    `json:"customer" validate:"required,min=2,max=64" binding:"required,min=2,max=64"`
		Email    string    `json:"email" validate:"required,email" binding:"required,email"`
		Currency string    `json:"currency" validate:"required,oneof=EUR USD GBP" binding:"required,oneof=EUR USD GBP"`
		Express  bool      `json:"express"`
		Lines    []line    `json:"lines" validate:"required,min=1,max=100,dive" binding:"required,min=1,max=100,dive"`
		Address  addressed `json:"address"`
	}
	line struct {
		SKU      string  `json:"sku" validate:"required,alphanum" binding:"required,alphanum"`
		Quantity int     `json:"quantity" validate:"required,gte=1,lte=1000" binding:"required,gte=1,lte=1000"`
		Price    float64 `json:"price" validate:"gte=0" binding:"gte=0"`
	}
	addressed struct {
		Street string `json:"street" validate:"required" binding:"required"`
		City   string `json:"city" validate:"required" binding:"required"`
		Zip    string `json:"zip" validate:"required,numeric,len=5" binding:"required,numeric,len=5"`
	}
)

const body = `{"customer":"Ada Lovelace","email":"ada@example.org","currency":"EUR","express":true,` +
	`"lines":[{"sku":"A100","quantity":2,"price":19.99},{"sku":"B200","quantity":1,"price":5.5},{"sku":"C300","quantity":10,"price":0.25}],` +
	`"address":{"street":"12 St James's Square","city":"London","zip":"10115"}}`

const broken = `{"customer":"A","email":"no","lines":[],"address":{}}`

func carafeHandler() http.Handler {
	app := carafe.New("bench")
	app.Post("/orders", func(in order) (order, error) { return in, nil })
	return app
}

func ginHandler() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.POST("/orders", func(c *gin.Context) {
		var in order
		if err := c.ShouldBindJSON(&in); err != nil {
			c.JSON(http.StatusUnprocessableEntity, gin.H{"error": err.Error()})
			return
		}
		c.JSON(http.StatusOK, in)
	})
	return g
}

// structs has the Validate method that echo and fiber ask for.
type structs struct{ v *validator.Validate }

func (s structs) Validate(i any) error { return s.v.Struct(i) }

func echoHandler() http.Handler {
	e := echo.New()
	e.Validator = structs{validator.New()}
	e.POST("/orders", func(c *echo.Context) error {
		var in order
		if err := c.Bind(&in); err != nil {
			return err
		}
		if err := c.Validate(&in); err != nil {
			return c.JSON(http.StatusUnprocessableEntity, map[string]string{"error": err.Error()})
		}
		return c.JSON(http.StatusOK, in)
	})
	return e
}

// stdHandler is what one writes without a framework: encoding/json, validator, net/http.
func stdHandler() http.Handler {
	v := validator.New()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		var in order
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := v.Struct(&in); err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(in)
	})
	return mux
}

func fiberHandler() fasthttp.RequestHandler {
	app := fiber.New(fiber.Config{StructValidator: structs{validator.New()}})
	app.Post("/orders", func(c fiber.Ctx) error {
		var in order
		if err := c.Bind().JSON(&in); err != nil {
			return c.Status(http.StatusUnprocessableEntity).SendString(err.Error())
		}
		return c.JSON(in)
	})
	return app.Handler()
}

var handlers = []struct {
	name string
	make func() http.Handler
}{
	{"carafe", carafeHandler},
	{"gin", ginHandler},
	{"echo", echoHandler},
	{"std", stdHandler},
}

// TestSameAnswer holds the contestants to the same work: the order comes back whole, and one with faults is refused.
func TestSameAnswer(t *testing.T) {
	var want any
	if err := json.Unmarshal([]byte(body), &want); err != nil {
		t.Fatal(err)
	}
	check := func(name string, status int, text string) {
		t.Helper()
		var got any
		if err := json.Unmarshal([]byte(text), &got); status != http.StatusOK || err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s echoes the order with %d %s", name, status, text)
		}
	}
	for _, h := range handlers {
		handler := h.make()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, post(body))
		check(h.name, w.Code, w.Body.String())
		w = httptest.NewRecorder()
		handler.ServeHTTP(w, post(broken))
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s answers an order with faults with %d, want 422", h.name, w.Code)
		}
	}
	f := fiberHandler()
	ctx := fastContext(body)
	f(ctx)
	check("fiber", ctx.Response.StatusCode(), string(ctx.Response.Body()))
	ctx = fastContext(broken)
	f(ctx)
	if got := ctx.Response.StatusCode(); got != http.StatusUnprocessableEntity {
		t.Errorf("fiber answers an order with faults with %d, want 422", got)
	}
}

func post(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/orders", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func fastContext(body string) *fasthttp.RequestCtx {
	ctx := &fasthttp.RequestCtx{}
	ctx.Request.Header.SetMethod(http.MethodPost)
	ctx.Request.SetRequestURI("/orders")
	ctx.Request.Header.SetContentType("application/json")
	ctx.Request.SetBodyString(body)
	return ctx
}

type silent struct{ header http.Header }

func (w silent) Header() http.Header               { return w.header }
func (w silent) Write(p []byte) (int, error)       { return len(p), nil }
func (w silent) WriteString(p string) (int, error) { return len(p), nil }
func (w silent) WriteHeader(int)                   {}

// BenchmarkBind reports CPU time besides: it is the process', collector included, and does not depend on what else the machine does.
func BenchmarkBind(b *testing.B) {
	for _, h := range handlers {
		b.Run(h.name, func(b *testing.B) {
			handler := h.make()
			reader := strings.NewReader(body)
			r := post(body)
			w := silent{http.Header{}}
			measure(b, func() {
				reader.Reset(body)
				r.Body = io.NopCloser(reader)
				handler.ServeHTTP(w, r)
			})
		})
	}
	b.Run("fiber", func(b *testing.B) {
		handler := fiberHandler()
		ctx := fastContext(body)
		measure(b, func() {
			ctx.Response.Reset()
			ctx.Request.SetBodyString(body)
			handler(ctx)
		})
	})
}

func measure(b *testing.B, serve func()) {
	b.ReportAllocs()
	start := cpuTime()
	for b.Loop() {
		serve()
	}
	b.ReportMetric(float64(cpuTime()-start)/float64(b.N), "cpu-ns/op")
}

func cpuTime() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
