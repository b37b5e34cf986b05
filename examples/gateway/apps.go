package main

import (
	"bytes"
	"io"
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
// environ on the way in, and headers and blocks on the way out.
func Shout(app gateway.Application) gateway.Application {
	return gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		env["PATH_INFO"] = strings.ToLower(env.String("PATH_INFO"))
		body, err := app.ServeGateway(env, func(status string, headers http.Header, excInfo error) (io.Writer, error) {
			headers.Set("X-Volume", "11")
			return start(status, headers, excInfo)
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
