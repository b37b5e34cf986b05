package gateway

import (
	"fmt"
	"log"
	"net/http"
	"net/url"
	"reflect"
	"runtime"
	"strconv"
	"strings"
)

// A Lint wraps handlers and applications and says where they break the rules of HTTP and of this contract. It never
// changes an answer. What it finds goes to Report, from the goroutine that serves; nil means the standard logger.
//
// In a test: gateway.Lint{Report: func(f gateway.Finding) { t.Error(f) }}.
//
// Source: wsgiref.validate and Werkzeug LintMiddleware, every check that has a meaning in Go. Unlike both, a Location
// need not be absolute (RFC 9110 section 10.2.2), and a 204 without Content-Length is right.
type Lint struct {
	Report func(Finding) // called from any goroutine; nil means the standard logger
}

// A Finding is one broken rule.
type Finding struct {
	Rule    string // where the rule stands: "RFC 9110 section 8.6", "PEP 3333, environ Variables"
	Message string // what is wrong, and what would be right
	Request string // which answer: "GET /path"
	File    string // of the line that did it, or of the handler if no line of user code did; "" if not known
	Line    int    // in File, from 1; 0 if it is not known
}

// String is "file.go:12: GET /path: message (rule)".
func (f Finding) String() string {
	text := fmt.Sprintf("%s (%s)", f.Message, f.Rule)
	if f.Request != "" {
		text = f.Request + ": " + text
	}
	if f.File != "" {
		text = fmt.Sprintf("%s:%d: %s", f.File, f.Line, text)
	}
	return text
}

// A linter collects the findings of one wrapped handler or application; one with a request, those of one answer.
type linter struct {
	report  func(Finding)
	request string
	file    string // where the handler is defined
	line    int
}

// of is l for one answer.
func (l *linter) of(method, path string) *linter {
	one := *l
	one.request = method + " " + path
	return &one
}

func (l Lint) linter(subject any, method string) *linter {
	lt := &linter{report: l.Report}
	if lt.report == nil {
		lt.report = func(f Finding) { log.Printf("lint: %v", f) }
	}
	lt.file, lt.line = definition(subject, method)
	return lt
}

// definition is where a func, or the method of a type, stands.
func definition(subject any, method string) (string, int) {
	v := reflect.ValueOf(subject)
	if v.Kind() != reflect.Func {
		m, ok := v.Type().MethodByName(method)
		if !ok {
			return "", 0
		}
		v = m.Func
	}
	if f := runtime.FuncForPC(v.Pointer()); f != nil {
		return f.FileLine(f.Entry())
	}
	return "", 0
}

// here reports something that the running line of user code did.
func (l *linter) here(rule, format string, args ...any) {
	file, line := caller()
	if file == "" {
		file, line = l.file, l.line
	}
	l.report(Finding{rule, fmt.Sprintf(format, args...), l.request, file, line})
}

// whole reports something that no single line did.
func (l *linter) whole(rule, format string, args ...any) {
	l.report(Finding{rule, fmt.Sprintf(format, args...), l.request, l.file, l.line})
}

// caller is the innermost frame that belongs neither to the standard library, nor to this package, nor to Carafe's root: an
// App writes every answer at the same line of its own.
func caller() (string, int) {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		frame, more := frames.Next()
		if !isOurs(frame.Function) && strings.Contains(frame.Function, ".") && !isStandard(frame) {
			return frame.File, frame.Line
		}
		if !more {
			return "", 0
		}
	}
}

// ownPackage is the import path of this package with a dot: what its functions' names begin with. rootPackage is that of
// the room above.
var (
	ownPackage  = reflect.TypeFor[Lint]().PkgPath() + "."
	rootPackage = strings.TrimSuffix(ownPackage, "/gateway.") + "."
)

func isOurs(function string) bool {
	return strings.HasPrefix(function, ownPackage) || strings.HasPrefix(function, rootPackage)
}

// isStandard goes by where the file is. In a binary built with -trimpath it goes by the package path, whose first
// element has no dot in the standard library.
func isStandard(frame runtime.Frame) bool {
	if goRoot != "" {
		return strings.HasPrefix(frame.File, goRoot)
	}
	first, _, nested := strings.Cut(frame.Function, "/")
	return !strings.HasPrefix(first, "main.") && (!nested && !strings.Contains(first, "_test.") || nested && !strings.Contains(first, "."))
}

// goRoot is the folder of the standard library's sources, "" if the binary does not remember it.
var goRoot = standardRoot()

func standardRoot() string {
	f := runtime.FuncForPC(reflect.ValueOf(strings.Contains).Pointer())
	if f == nil {
		return ""
	}
	file, _ := f.FileLine(f.Entry())
	root, _, _ := strings.Cut(file, "strings/strings.go")
	return root
}

// checkAnswer checks status and headers as they go out.
func (l *linter) checkAnswer(status int, h http.Header) {
	if status < 100 || status > 999 {
		l.here("RFC 9110 section 15", "status %d: want three digits", status)
	}
	for name, values := range h {
		l.checkField(name, values)
	}
	l.checkETag(h)
	l.checkLocation(h)
	l.checkEntity(status, h)
}

// single are the headers that make no sense twice.
var single = map[string]bool{"Content-Length": true, "Content-Type": true, "Location": true, "Etag": true, "Last-Modified": true,
	"Content-Range": true, "Retry-After": true, "Content-Disposition": true, "Access-Control-Allow-Origin": true}

func (l *linter) checkField(name string, values []string) {
	plain := strings.TrimPrefix(name, http.TrailerPrefix)
	if !isToken(plain) {
		l.here("RFC 9110 section 5.1", "header name %q is no token", name)
	}
	if plain != http.CanonicalHeaderKey(plain) {
		l.here("net/http.Header", "header %q was put into the map under another spelling than %q: Get and Del will not find it", name, http.CanonicalHeaderKey(plain))
	}
	switch {
	case strings.EqualFold(name, "Status"):
		l.here("PEP 3333, start_response", "a header named Status changes the status line under CGI: use the status")
	case strings.EqualFold(name, "Transfer-Encoding"):
		l.here("RFC 9112 section 6.1", "Transfer-Encoding is the server's to send")
	case single[name] && len(values) > 1:
		l.here("RFC 9110 section 5.3", "header %s is sent %d times", name, len(values))
	}
	for _, value := range values {
		if !isText(value) {
			l.here("RFC 9110 section 5.5", "header %s: %q holds a control character", name, value)
		}
	}
}

func (l *linter) checkETag(h http.Header) {
	tag := h.Get("Etag")
	if tag == "" {
		return
	}
	if strings.HasPrefix(tag, "w/") {
		l.here("RFC 9110 section 8.8.3", "ETag %s: the weak mark is an upper case W/", tag)
	}
	if bare := strings.TrimPrefix(strings.TrimPrefix(tag, "w/"), "W/"); len(bare) < 2 || bare[0] != '"' || bare[len(bare)-1] != '"' {
		l.here("RFC 9110 section 8.8.3", "ETag %s is not in double quotes", tag)
	}
}

func (l *linter) checkLocation(h http.Header) {
	values, ok := h["Location"]
	if !ok || len(values) == 0 {
		return
	}
	location := values[0]
	if _, err := url.Parse(location); err != nil || location == "" || strings.ContainsAny(location, " \\\"<>") {
		l.here("RFC 9110 section 10.2.2", "Location %q is no URI reference", location)
	}
}

// entityHeaders describe a body, which a 304 has not. Source: Werkzeug http.is_entity_header.
var entityHeaders = []string{"Allow", "Content-Encoding", "Content-Language", "Content-Length", "Content-Md5",
	"Content-Range", "Content-Type", "Last-Modified"}

func (l *linter) checkEntity(status int, h http.Header) {
	switch {
	case status == http.StatusNotModified:
		for _, name := range entityHeaders {
			if h.Get(name) != "" {
				l.here("RFC 9110 section 15.4.5", "a 304 has no body for %s to describe", name)
			}
		}
	case isBodiless(status):
		if length := h.Get("Content-Length"); length != "" && length != "0" {
			l.here("RFC 9110 section 8.6", "a %d has no Content-Length, let alone %s", status, length)
		}
		if h.Get("Content-Type") != "" {
			l.here("wsgiref.validate", "a %d has no body for Content-Type to describe", status)
		}
	}
	if length := h.Get("Content-Length"); length != "" && lengthOf(http.Header{"Content-Length": {length}}) < 0 {
		l.here("RFC 9110 section 8.6", "Content-Length %q is no decimal number", length)
	}
}

// isBodiless reports a status that has no body whatever the method.
func isBodiless(status int) bool {
	return status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
}

// checkEnd compares what was sent with what was announced.
func (l *linter) checkEnd(method string, status int, h http.Header, sent int64) {
	switch {
	case isBodiless(status) && sent > 0:
		l.whole("RFC 9110 section 6.4.1", "a %d must not have a body, %d bytes were written", status, sent)
	case method == http.MethodHead || isBodiless(status):
	case lengthOf(h) >= 0 && lengthOf(h) != sent:
		l.whole("RFC 9110 section 8.6", "Content-Length is %s, but %d bytes were written", strconv.FormatInt(lengthOf(h), 10), sent)
	case sent > 0 && h.Get("Content-Type") == "" && h["Content-Type"] == nil:
		l.whole("wsgiref.validate", "a body of %d bytes without a Content-Type: the server, or the browser, will guess one", sent)
	}
}
