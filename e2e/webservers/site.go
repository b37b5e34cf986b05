// Package webservers has one site that its tests run behind real web servers: as a CGI program of lighttpd, and by FastCGI behind
// lighttpd and nginx, over unix and TCP sockets.
//
// It is a module of its own because it starts programs that a machine may not have.
package webservers

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway"
)

// Site has an App at its root: a greeting, an upload, a stream, errors. DemoApp is at /environ, a literal application at /beans.
//
// The stream goes on when gate lets it, or ends with its client, of which left is told.
func Site(gate <-chan bool, left func()) http.Handler {
	return &gateway.Dispatcher{
		Default: app(gate, left),
		Mounts: map[string]http.Handler{
			"/environ": gateway.Handler(gateway.DemoApp),
			"/beans":   gateway.Handler(gateway.ApplicationFunc(beans)),
		},
	}
}

func app(gate <-chan bool, left func()) *carafe.App {
	app := carafe.New("site")
	app.Get("/hello/<name>", func(c *carafe.Context, name string) *carafe.Response {
		return carafe.Text(fmt.Sprintf("hello %s from %s, again at %s", name, c.Request.ClientAddr(), c.URLFor("hello", "name", "you")))
	}, carafe.Endpoint("hello"))
	app.Post("/upload", upload, carafe.Endpoint("upload"))
	app.Get("/stream", func(c *carafe.Context) any {
		return carafe.Stream(func(yield func([]byte) bool) {
			if !yield([]byte("one\n")) {
				return
			}
			select {
			case <-gate:
				yield([]byte("two\n"))
			case <-c.Done():
				left()
			}
		})
	}, carafe.Endpoint("stream"))
	app.Get("/error", func() (any, error) { return nil, errors.New("secret of the house") }, carafe.Endpoint("error"))
	app.Get("/panic", func() string { panic("secret of the house") }, carafe.Endpoint("panic"))
	app.Get("/broken", func() any {
		return func(yield func([]byte, error) bool) {
			yield([]byte("half"), nil)
			yield(nil, errors.New("secret of the house"))
		}
	}, carafe.Endpoint("broken"))
	return app
}

// upload says what came: a field, and the file's name, size and sum.
func upload(c *carafe.Context) (any, error) {
	files, err := c.Request.Files()
	if err != nil {
		return nil, err
	}
	file := files.Get("file")
	if file == nil {
		return nil, carafe.Abort(400, "no file")
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, file.Open()); err != nil {
		return nil, err
	}
	return carafe.Text(fmt.Sprintf("%s %s %d %x", c.Form("roast"), file.Filename, file.Size(), sum.Sum(nil))), nil
}

// beans is what the literal contract sees of a request, its errors, and an answer that breaks off at a length that was announced.
func beans(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
	header := http.Header{"Content-Type": {"text/plain"}}
	if env.String("PATH_INFO") == "/broken" {
		header.Set("Content-Length", "100")
		_, err := start("200 OK", header, nil)
		return gateway.Text("half"), err
	}
	if env.String("PATH_INFO") == "/error" {
		return nil, errors.New("secret of the house")
	}
	fmt.Fprintln(env.Errors(), "beans were counted")
	var lines gateway.List
	for _, key := range []string{"REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "HTTP_X_ROAST", "HTTP_PROXY", "REMOTE_ADDR", "wsgi.url_scheme",
		"wsgi.run_once", "wsgi.multithread", "wsgi.multiprocess"} {
		lines = append(lines, fmt.Appendf(nil, "%s=%v\n", key, env[key]))
	}
	_, err := start("200 OK", header, nil)
	return lines, err
}
