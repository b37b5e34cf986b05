package main

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/carafeweb/carafe/gateway"
)

// hello is the simplest application: a function.
func hello(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
	start("200 OK", http.Header{"Content-Type": {"text/plain"}}, nil)
	return gateway.Text("Hello world!\n"), nil
}

// Menu is an application as a type.
type Menu []string

// ServeGateway answers with the menu, or with one of its lines: /menu/lungo.
func (m Menu) ServeGateway(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
	wanted := strings.Trim(env.String("PATH_INFO"), "/")
	var lines gateway.List
	for _, line := range m {
		if wanted == "" || wanted == line {
			lines = append(lines, []byte(line+"\n"))
		}
	}
	status := "200 OK"
	if len(lines) == 0 {
		status, lines = "404 Not Found", gateway.Text("not on the menu\n")
	}
	_, err := start(status, http.Header{"Content-Type": {"text/plain"}}, nil)
	return lines, err
}

// Shout is a middleware: a server to the application inside, an application to the server outside. It changes the
// environ on the way in, and headers, blocks and what is written on the way out.
func Shout(app gateway.Application) gateway.Application {
	return gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		env["PATH_INFO"] = strings.ToLower(env.String("PATH_INFO"))
		body, err := app.ServeGateway(env, func(status string, headers http.Header, excInfo error) (io.Writer, error) {
			louder := http.Header{"X-Volume": {"11"}}
			maps.Copy(louder, headers)
			louder.Del("Content-Length") // capitals may be longer
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

// shouter is start_response's writer for applications that write, as an App does.
type shouter struct{ io.Writer }

func (s shouter) Write(p []byte) (int, error) {
	if _, err := s.Writer.Write(bytes.ToUpper(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}
