package gateway_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"

	"github.com/carafeweb/carafe/gateway"
)

// A rule is one rule of the contract: an application that keeps or breaks it, a request, and what the client sees. It
// holds for every server of the contract.
type rule struct {
	section, name string // of PEP 3333; a sentence
	app           gateway.ApplicationFunc
	method, path  string // GET and "/" if empty
	header        http.Header
	body          string

	status     int               // 200 if 0
	wantHeader map[string]string // "-" means absent
	want       string            // the whole body
	broken     bool              // the answer breaks off
	log        string            // part of what wsgi.errors and the server said
}

var text = http.Header{"Content-Type": {"text/plain"}}

const serverError = "A server error occurred. Please contact the administrator.\n"

// started begins a plain 200 and returns body.
func started(body gateway.Body) gateway.ApplicationFunc {
	return func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		_, err := start("200 OK", text.Clone(), nil)
		return body, err
	}
}

// startedWith calls start with these arguments, ignores its error and returns a body.
func startedWith(status string, headers http.Header) gateway.ApplicationFunc {
	return func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		start(status, headers.Clone(), nil)
		return gateway.Text("body"), nil
	}
}

// show answers with what f makes of the environ.
func show(f func(env gateway.Environ) string) gateway.ApplicationFunc {
	return func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		start("200 OK", text.Clone(), nil)
		return gateway.Text(f(env)), nil
	}
}

// blocks is a Body of a generator that yields each text, and "!" for an error; Close is told to the environ's errors.
func blocks(env gateway.Environ, texts ...string) gateway.Body {
	return gateway.Stream(func(yield func([]byte, error) bool) {
		for _, s := range texts {
			if s == "!" {
				yield(nil, errors.New("the beans are off"))
				return
			}
			if !yield([]byte(s), nil) {
				return
			}
		}
	}, func() error {
		fmt.Fprintln(env.Errors(), "body closed")
		return nil
	})
}

func streamed(texts ...string) gateway.ApplicationFunc {
	return func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		_, err := start("200 OK", text.Clone(), nil)
		return blocks(env, texts...), err
	}
}

func keys(names ...string) gateway.ApplicationFunc {
	return show(func(env gateway.Environ) string {
		var b strings.Builder
		for _, name := range names {
			fmt.Fprintf(&b, "%s=%v\n", name, env[name])
		}
		return b.String()
	})
}

// lazy starts the response while its first block is made.
func lazy(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
	var seq iter.Seq2[[]byte, error] = func(yield func([]byte, error) bool) {
		start("200 OK", text.Clone(), nil)
		yield([]byte("late"), nil)
	}
	return gateway.Stream(seq, nil), nil
}

var rules = []rule{
	{section: "The Application/Framework Side", name: "a function is an application", app: hello, want: "Hello world!\n"},
	{section: "The Application/Framework Side", name: "a type is an application", app: AppClass{"Hi"}.ServeGateway, path: "/x", want: "Hi, /x\n"},
	{section: "The Server/Gateway Side", name: "an application that never starts is a 500", status: 500, want: serverError, log: "no start_response",
		app: func(gateway.Environ, gateway.StartResponse) (gateway.Body, error) { return gateway.Text("x"), nil }},
	{section: "The Server/Gateway Side", name: "no body and no start is a 500 too", status: 500, want: serverError, log: "no start_response",
		app: func(gateway.Environ, gateway.StartResponse) (gateway.Body, error) { return nil, nil }},
	{section: "The Server/Gateway Side", name: "a nil body is an empty one", app: started(nil), wantHeader: map[string]string{"Content-Type": "text/plain"}},
	{section: "Middleware: Components that Play Both Sides", name: "middleware changes environ, headers and blocks", path: "/in", want: "Hi, /changed\n!",
		wantHeader: map[string]string{"X-Through": "middleware"}, app: exclaim(AppClass{"Hi"}).ServeGateway},
	{section: "Specification Details", name: "a block that is not empty sends the header, an empty one does not", status: 500, want: serverError,
		log: "the beans are off", app: streamed("", "", "!")},
	{section: "Specification Details", name: "an error after the first block breaks the answer off", broken: true, want: "one", log: "the beans are off",
		app: streamed("one", "!")},
	{section: "Specification Details", name: "start_response may be called while the first block is made", app: lazy, want: "late"},
	{section: "Specification Details", name: "close is called at the end", app: streamed("a", "b"), want: "ab", log: "body closed"},
	{section: "Specification Details", name: "close is called after an error", app: streamed("!"), status: 500, want: serverError, log: "body closed"},
	{section: "Specification Details", name: "close is called when the application returns an error too", status: 500, want: serverError, log: "body closed",
		app: func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			return blocks(env, "never"), errors.New("secret of the house")
		}},
	{section: "Specification Details", name: "close is called when nothing was asked for", status: 500, want: serverError, log: "body closed",
		app: func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			return blocks(env, "x"), nil
		}},
	{section: "environ Variables", name: "the request line is there under CGI's names", path: "/a%20b/c?x=1&y=%20",
		app:  keys("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"),
		want: "REQUEST_METHOD=GET\nSCRIPT_NAME=\nPATH_INFO=/a b/c\nQUERY_STRING=x=1&y=%20\n"},
	{section: "environ Variables", name: "the server's name and port are never empty", want: "true true true",
		app: show(func(env gateway.Environ) string {
			return fmt.Sprint(env.String("SERVER_NAME") != "", env.String("SERVER_PORT") != "", strings.HasPrefix(env.String("SERVER_PROTOCOL"), "HTTP/1."))
		})},
	{section: "environ Variables", name: "headers are HTTP_ keys but for the body's two", method: "POST", body: "beans",
		header: http.Header{"X-Roast": {"dark", "slow"}, "Content-Type": {"text/beans"}},
		app:    keys("HTTP_X_ROAST", "CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"),
		want:   "HTTP_X_ROAST=dark,slow\nCONTENT_TYPE=text/beans\nCONTENT_LENGTH=5\nHTTP_CONTENT_TYPE=<nil>\nHTTP_CONTENT_LENGTH=<nil>\n"},
	{section: "environ Variables", name: "a header that could pose as another is dropped", header: http.Header{"X_Real_Ip": {"6.6.6.6"}, "Proxy": {"evil:80"}},
		app: keys("HTTP_X_REAL_IP", "HTTP_PROXY"), want: "HTTP_X_REAL_IP=<nil>\nHTTP_PROXY=<nil>\n"},
	{section: "environ Variables", name: "the wsgi keys have their types", want: "[1 0] http true true true true true true",
		app: show(func(env gateway.Environ) string {
			_, input := env["wsgi.input"].(io.Reader)
			_, errs := env["wsgi.errors"].(io.Writer)
			_, thread := env["wsgi.multithread"].(bool)
			_, process := env["wsgi.multiprocess"].(bool)
			_, once := env["wsgi.run_once"].(bool)
			_, wrapper := env["wsgi.file_wrapper"].(func(io.Reader, int64) *gateway.FileBody)
			return fmt.Sprint(env["wsgi.version"], " ", env["wsgi.url_scheme"], " ", input, errs, thread, process, once, wrapper)
		})},
	{section: "environ Variables", name: "the client's address is there", app: keys("REMOTE_ADDR"), want: "REMOTE_ADDR=127.0.0.1\n"},
	{section: "Input and Error Streams", name: "the input ends where the body does", method: "PUT", body: "one two", want: "one two",
		app: show(func(env gateway.Environ) string { b, err := io.ReadAll(env.Input()); return string(b) + errText(err) })},
	{section: "Input and Error Streams", name: "without a body the input is empty", want: "",
		app: show(func(env gateway.Environ) string { b, err := io.ReadAll(env.Input()); return string(b) + errText(err) })},
	{section: "Input and Error Streams", name: "errors go to the log, not to the client", want: "fine", log: "grounds in the cup",
		app: show(func(env gateway.Environ) string { fmt.Fprintln(env.Errors(), "grounds in the cup"); return "fine" })},
	{section: "The start_response() Callable", name: "status and headers arrive", app: startedWith("404 Gone fishing", http.Header{"x-a": {"1"}, "Set-Cookie": {"a=1", "b=2"}}),
		status: 404, want: "body", wantHeader: map[string]string{"X-A": "1", "Set-Cookie": "a=1|b=2"}},
	{section: "The start_response() Callable", name: "a status without a space is an error", app: startedWith("200", text), status: 500, want: serverError, log: `status "200"`},
	{section: "The start_response() Callable", name: "a status that is no number is an error", app: startedWith("OK 200", text), status: 500, want: serverError, log: `status "OK 200"`},
	{section: "The start_response() Callable", name: "a status with a line break is an error", app: startedWith("200 OK\r\nX: y", text), status: 500, want: serverError, log: "control character"},
	{section: "The start_response() Callable", name: "an interim status is an error", app: startedWith("100 Continue", text), status: 500, want: serverError, log: "no final answer"},
	{section: "The start_response() Callable", name: "a header value with a line break is an error", app: startedWith("200 OK", http.Header{"X-A": {"1\r\nX-B: 2"}}),
		status: 500, want: serverError, wantHeader: map[string]string{"X-B": "-"}, log: "control character"},
	{section: "The start_response() Callable", name: "a header name with a colon is an error", app: startedWith("200 OK", http.Header{"X-A: b": {"1"}}), status: 500, want: serverError, log: "no token"},
	{section: "The start_response() Callable", name: "the start_response error reaches the application", status: 500, want: serverError, log: "sent up",
		app: func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			if _, err := start("bad", nil, nil); err != nil {
				return nil, fmt.Errorf("sent up: %w", err)
			}
			return nil, nil
		}},
	{section: "The start_response() Callable", name: "a second start without exc_info is an error", status: 500, want: serverError, log: "called again",
		app: func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			start("200 OK", text.Clone(), nil)
			start("201 Created", text.Clone(), nil)
			return gateway.Text("x"), nil
		}},
	{section: "Error Handling", name: "a second start with exc_info replaces status and headers", status: 503, want: "closed today",
		wantHeader: map[string]string{"X-Old": "-", "X-New": "1"},
		app: func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			start("200 OK", http.Header{"X-Old": {"1"}}, nil)
			_, err := start("503 Sorry", http.Header{"X-New": {"1"}}, errors.New("no beans"))
			return gateway.Text("closed today"), err
		}},
	{section: "Error Handling", name: "a start that failed can be replaced with exc_info", status: 502, want: "x",
		app: func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			_, err := start("bad", nil, nil)
			start("502 Bad Gateway", text.Clone(), err)
			return gateway.Text("x"), nil
		}},
	{section: "Error Handling", name: "once the header is out, start returns exc_info and the answer breaks off", broken: true, want: "half", log: "too late for this",
		app: func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			w, _ := start("200 OK", text.Clone(), nil)
			io.WriteString(w, "half")
			_, err := start("500 Oops", text.Clone(), errors.New("too late for this"))
			return gateway.Text("other half"), err
		}},
	{section: "Error Handling", name: "that error is sticky", broken: true, want: "half", log: "too late for this",
		app: func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			w, _ := start("200 OK", text.Clone(), nil)
			io.WriteString(w, "half")
			start("500 Oops", text.Clone(), errors.New("too late for this"))
			return gateway.Text("other half"), nil
		}},
	{section: "Error Handling", name: "the client does not see the error's text", status: 500, want: serverError, log: "secret of the house",
		app: func(gateway.Environ, gateway.StartResponse) (gateway.Body, error) {
			return nil, errors.New("secret of the house")
		}},
	{section: "Error Handling", name: "headers of a failed answer do not survive it", status: 500, want: serverError, wantHeader: map[string]string{"X-Old": "-", "Set-Cookie": "-"},
		app: func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			start("200 OK", http.Header{"X-Old": {"1"}, "Set-Cookie": {"a=b"}, "Content-Length": {"3"}}, nil)
			return nil, errors.New("oops")
		}},
	{section: "Handling the Content-Length Header", name: "a body of one block gets a length", app: hello, want: "Hello world!\n", wantHeader: map[string]string{"Content-Length": "13"}},
	{section: "Handling the Content-Length Header", name: "so does a list of several", app: started(gateway.List{[]byte("a"), []byte("bc")}), want: "abc", wantHeader: map[string]string{"Content-Length": "3"}},
	{section: "Handling the Content-Length Header", name: "a generator's length is not guessed", app: streamed("a", "bc"), want: "abc", wantHeader: map[string]string{"Content-Length": "-"}},
	{section: "Handling the Content-Length Header", name: "a length that is too short for the first block is a 500", status: 500, want: serverError,
		log: "longer than its Content-Length", app: startedWith("200 OK", http.Header{"Content-Length": {"3"}})},
	{section: "Handling the Content-Length Header", name: "a length that is too short for a later block breaks the answer off", broken: true, want: "one",
		log: "longer than its Content-Length", app: func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			_, err := start("200 OK", http.Header{"Content-Length": {"4"}}, nil)
			return blocks(env, "one", "two"), err
		}},
	{section: "Handling the Content-Length Header", name: "a length that is too long breaks the answer off", broken: true, want: "body", log: "shorter than its Content-Length",
		app: startedWith("200 OK", http.Header{"Content-Length": {"30"}})},
	{section: "The write() Callable", name: "what is written comes before the body", want: "first second",
		app: func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			w, err := start("200 OK", text.Clone(), nil)
			io.WriteString(w, "first ")
			return gateway.Text("second"), err
		}},
	{section: "Input and Error Streams", name: "the input can be read while blocks are sent", method: "POST", body: strings.Repeat("beans ", 30_000),
		want: strings.Repeat("beans ", 30_000), app: func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			_, err := start("200 OK", text.Clone(), nil)
			return gateway.File(io.NopCloser(env.Input()), -1), err
		}},
	{section: "Input and Error Streams", name: "also by write", method: "POST", body: strings.Repeat("beans ", 30_000),
		want: strings.Repeat("beans ", 30_000), app: func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			w, _ := start("200 OK", text.Clone(), nil)
			_, err := io.Copy(struct{ io.Writer }{w}, struct{ io.Reader }{env.Input()})
			return nil, err
		}},
	{section: "Middleware: Components that Play Both Sides", name: "what the server says of itself reaches an application within a handler", app: within, log: "heard"},
	{section: "Unicode Issues", name: "PATH_INFO holds the bytes that came", path: "/%ff%C3%A9", want: `"/\xffé"`,
		app: show(func(env gateway.Environ) string { return fmt.Sprintf("%q", env.String("PATH_INFO")) })},
	{section: "Other HTTP Features", name: "HEAD has the header and no body", method: "HEAD", app: hello, wantHeader: map[string]string{"Content-Type": "text/plain", "Content-Length": "13"}},
	{section: "Other HTTP Features", name: "an endless body ends at HEAD", method: "HEAD", app: endless, log: "body closed"},
	{section: "Other HTTP Features", name: "204 has no body", status: 204, app: startedWith("204 No Content", nil), wantHeader: map[string]string{"Content-Length": "-"}},
	{section: "Other HTTP Features", name: "304 has no body", status: 304, app: startedWith("304 Not Modified", http.Header{"Etag": {`"x"`}}), wantHeader: map[string]string{"Etag": `"x"`}},
	{section: "Other HTTP Features", name: "hop-by-hop headers are the server's", status: 500, want: serverError, log: "hop-by-hop", app: startedWith("200 OK", http.Header{"Connection": {"close"}})},
	{section: "Other HTTP Features", name: "however they are spelled", status: 500, want: serverError, log: "hop-by-hop", app: startedWith("200 OK", http.Header{"transfer-encoding": {"chunked"}})},
	{section: "HTTP 1.1 Expect/Continue", name: "the server answers Expect when the input is read", method: "POST", body: "after all", header: http.Header{"Expect": {"100-continue"}},
		want: "after all", app: show(func(env gateway.Environ) string { b, _ := io.ReadAll(env.Input()); return string(b) })},
	{section: "Optional Platform-Specific File Handling", name: "a file wrapper sends the rest of a file", want: "ground beans", wantHeader: map[string]string{"Content-Length": "12"}, app: wrapped},
}

// within is an application within a handler of net/http within an application. What the server says of itself differs from server
// to server, so that the application compares it with what came in from outside.
func within(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
	outside := make(map[string]any)
	for _, key := range []string{"SERVER_SOFTWARE", "GATEWAY_INTERFACE", "wsgi.run_once", "wsgi.multithread", "wsgi.multiprocess", "wsgi.errors"} {
		outside[key] = env[key]
	}
	compare := gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		for key, want := range outside {
			if env[key] != want {
				return nil, fmt.Errorf("%s is %v within the handler, %v outside", key, env[key], want)
			}
		}
		fmt.Fprintln(env.Errors(), "heard")
		_, err := start("200 OK", text.Clone(), nil)
		return nil, err
	})
	return gateway.FromHandler(gateway.Handler(compare)).ServeGateway(env, start)
}

func errText(err error) string {
	if err != nil {
		return " (" + err.Error() + ")"
	}
	return ""
}

// exclaim is PEP 3333's idea of a middleware: an application to the server, a server to the application.
func exclaim(app gateway.Application) gateway.Application {
	return gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		env["PATH_INFO"] = "/changed"
		body, err := app.ServeGateway(env, func(status string, headers http.Header, excInfo error) (io.Writer, error) {
			headers.Set("X-Through", "middleware")
			return start(status, headers, excInfo)
		})
		if body == nil || err != nil {
			return body, err
		}
		return gateway.Stream(func(yield func([]byte, error) bool) {
			for block, err := range body.Blocks() {
				if !yield(block, err) {
					return
				}
			}
			yield([]byte("!"), nil)
		}, body.Close), nil
	})
}

func endless(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
	_, err := start("200 OK", text.Clone(), nil)
	return gateway.Stream(func(yield func([]byte, error) bool) {
		for yield([]byte("drip"), nil) {
		}
	}, func() error { fmt.Fprintln(env.Errors(), "body closed"); return nil }), err
}

func wrapped(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
	wrap := env["wsgi.file_wrapper"].(func(io.Reader, int64) *gateway.FileBody)
	file := strings.NewReader("un-ground beans")
	file.Seek(3, io.SeekStart)
	_, err := start("200 OK", text.Clone(), nil)
	return wrap(file, int64(file.Len())), err
}
