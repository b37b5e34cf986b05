package gateway_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/carafeweb/carafe/gateway"
)

// hello is PEP 3333's simple_app.
func hello(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
	start("200 OK", http.Header{"Content-Type": {"text/plain"}}, nil)
	return gateway.Text("Hello world!\n"), nil
}

// AppClass is PEP 3333's AppClass: the application as a type.
type AppClass struct{ Greeting string }

func (a AppClass) ServeGateway(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
	start("200 OK", http.Header{"Content-Type": {"text/plain"}}, nil)
	return gateway.Text(a.Greeting + ", " + env.String("PATH_INFO") + "\n"), nil
}

func Example() {
	for _, app := range []gateway.Application{gateway.ApplicationFunc(hello), AppClass{"Good morning"}} {
		w := httptest.NewRecorder()
		gateway.Handler(app).ServeHTTP(w, httptest.NewRequest("GET", "/world", nil))
		fmt.Print(w.Body)
	}
	// Output:
	// Hello world!
	// Good morning, /world
}

// Shout is a middleware: a server to the application inside, an application to the server outside. It changes the
// environ on the way in, and headers, blocks and what is written on the way out.
func Shout(app gateway.Application) gateway.Application {
	return gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		env["PATH_INFO"] = strings.TrimPrefix(env.String("PATH_INFO"), "/loud")
		body, err := app.ServeGateway(env, func(status string, headers http.Header, excInfo error) (io.Writer, error) {
			louder := http.Header{"X-Volume": {"11"}}
			maps.Copy(louder, headers)
			w, err := start(status, louder, excInfo)
			return shouter{w}, err
		})
		if err != nil || body == nil {
			return body, err
		}
		return gateway.Stream(func(yield func([]byte, error) bool) {
			for block, err := range body.Blocks() {
				if !yield(bytes.ToUpper(block), err) {
					return
				}
			}
		}, body.Close), nil
	})
}

// shouter is start_response's writer for applications that write.
type shouter struct{ io.Writer }

func (s shouter) Write(p []byte) (int, error) { return s.Writer.Write(bytes.ToUpper(p)) }

func Example_middleware() {
	w := httptest.NewRecorder()
	gateway.Handler(Shout(AppClass{"Good morning"})).ServeHTTP(w, httptest.NewRequest("GET", "/loud/world", nil))
	fmt.Print(w.Header().Get("X-Volume"), " ", w.Body)
	// Output: 11 GOOD MORNING, /WORLD
}

func ExampleEnviron() {
	r := httptest.NewRequest("GET", "http://shop.test/a%20b?roast=dark", nil)
	r.Header.Set("Accept-Language", "de")
	env := gateway.EnvironOf(r)
	for _, key := range []string{"REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "HTTP_HOST", "HTTP_ACCEPT_LANGUAGE"} {
		fmt.Printf("%s = %q\n", key, env.String(key))
	}
	// Output:
	// REQUEST_METHOD = "GET"
	// SCRIPT_NAME = ""
	// PATH_INFO = "/a b"
	// QUERY_STRING = "roast=dark"
	// HTTP_HOST = "shop.test"
	// HTTP_ACCEPT_LANGUAGE = "de"
}

func ExampleEnviron_url() {
	app := gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		whole := url.URL{
			Scheme:   env.String("wsgi.url_scheme"),
			Host:     env.String("HTTP_HOST"), // HTTP/1.0 may have none: SERVER_NAME and SERVER_PORT then
			Path:     env.String("SCRIPT_NAME") + env.String("PATH_INFO"),
			RawQuery: env.String("QUERY_STRING"),
		}
		start("200 OK", http.Header{"Content-Type": {"text/plain"}}, nil)
		return gateway.Text(whole.String()), nil
	})
	site := &gateway.Dispatcher{Mounts: map[string]http.Handler{"/shop": gateway.Handler(app)}}
	w := httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequest("GET", "http://shop.test/shop/a%20b?roast=dark", nil))
	fmt.Println(w.Body)
	// Output: http://shop.test/shop/a%20b?roast=dark
}

func ExampleEnviron_extensions() {
	app := gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		start("200 OK", http.Header{"Content-Type": {"text/plain"}}, nil)
		return gateway.Text("hello " + env.String("REMOTE_USER")), nil
	})
	login := gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		env["REMOTE_USER"] = "ada" // a key of its own, or of CGI
		return app.ServeGateway(env, start)
	})
	w := httptest.NewRecorder()
	gateway.Handler(login).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Body)
	// Output: hello ada
}

func ExampleEnviron_Input() {
	app := gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		order, err := io.ReadAll(io.LimitReader(env.Input(), 1<<20))
		if err != nil {
			return nil, err
		}
		fmt.Fprintln(env.Errors(), "an order came in")
		start("201 Created", http.Header{"Content-Type": {"text/plain"}}, nil)
		return gateway.Text("one " + string(order)), nil
	})
	w := httptest.NewRecorder()
	gateway.Handler(app).ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader("espresso")))
	fmt.Println(w.Code, w.Body)
	// Output: 201 one espresso
}

func ExampleStartResponse() {
	app := gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		start("200 OK", http.Header{"Content-Type": {"text/plain"}}, nil)
		if err := brew(); err != nil { // nothing is out yet, so that the answer can still be another
			_, err := start("503 Service Unavailable", http.Header{"Retry-After": {"60"}}, err)
			return gateway.Text("no beans\n"), err
		}
		return gateway.Text("coffee\n"), nil
	})
	w := httptest.NewRecorder()
	gateway.Handler(app).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 503 no beans
}

func brew() error { return errors.New("the grinder is empty") }

func ExampleStream() {
	app := gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		start("200 OK", http.Header{"Content-Type": {"text/plain"}}, nil)
		return gateway.Stream(func(yield func([]byte, error) bool) {
			for _, cup := range []string{"espresso\n", "lungo\n"} {
				if !yield([]byte(cup), nil) { // the client has left
					return
				}
			}
		}, func() error { fmt.Println("tidied up"); return nil }), nil
	})
	w := httptest.NewRecorder()
	gateway.Handler(app).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Print(w.Body)
	// Output:
	// tidied up
	// espresso
	// lungo
}

func ExampleFile() {
	app := gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		menu := strings.NewReader("espresso, lungo") // an *os.File goes out by sendfile
		start("200 OK", http.Header{"Content-Type": {"text/plain"}}, nil)
		return gateway.File(menu, int64(menu.Len())), nil
	})
	w := httptest.NewRecorder()
	gateway.Handler(app).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Header().Get("Content-Length"), w.Body)
	// Output: 15 espresso, lungo
}

func ExampleFromHandler() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cups/{size}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, r.PathValue("size")) })
	app := Shout(gateway.FromHandler(mux)) // a mux of net/http in a middleware of the contract
	w := httptest.NewRecorder()
	gateway.Handler(app).ServeHTTP(w, httptest.NewRequest("GET", "/loud/cups/small", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 200 SMALL
}

func ExampleDispatcher() {
	site := &gateway.Dispatcher{
		Default: http.NotFoundHandler(),
		Mounts: map[string]http.Handler{
			"/hello": gateway.Handler(gateway.ApplicationFunc(hello)),
			"/bye":   gateway.Handler(AppClass{"Bye"}),
		},
	}
	for _, path := range []string{"/hello", "/bye/now", "/byebye"} {
		w := httptest.NewRecorder()
		site.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 Hello world!
	// 200 Bye, /now
	// 404 404 page not found
}

func ExampleProxyFix() {
	whoami := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, gateway.RemoteAddr(r), gateway.Scheme(r))
	})
	site := gateway.ProxyFix{For: 1, Proto: 1}.Wrap(whoami) // one proxy in front, which sets both headers
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Forwarded-For", "6.6.6.6, 203.0.113.7") // the first is what the client claimed
	r.Header.Set("X-Forwarded-Proto", "https")
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	fmt.Print(w.Body)
	// Output: 203.0.113.7 https
}
