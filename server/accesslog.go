package server

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// An atom writes one part of an access line.
type atom func(b []byte, x *exchange, r *http.Request, took time.Duration) []byte

// An accessFormat is an access log's template, compiled.
type accessFormat struct {
	json  bool
	atoms []atom
}

// compileAccessFormat reads Gunicorn's template: %(h)s for an atom, %({name}i)s for a request's field, %({name}o)s for an
// answer's, %% for a percent sign; or "json".
func compileAccessFormat(format string) (*accessFormat, error) {
	if format == "json" {
		return &accessFormat{json: true}, nil
	}
	f := &accessFormat{}
	for format != "" {
		text, rest, found := strings.Cut(format, "%")
		f.literal(text)
		if !found {
			break
		}
		if after, ok := strings.CutPrefix(rest, "%"); ok {
			f.literal("%")
			format = after
			continue
		}
		name, after, ok := strings.Cut(strings.TrimPrefix(rest, "("), ")s")
		if !ok || !strings.HasPrefix(rest, "(") {
			return nil, fmt.Errorf("server: access_log_format: %q is no atom: use %%(h)s, and %%%% for a percent sign", "%"+rest)
		}
		a, err := atomNamed(name)
		if err != nil {
			return nil, err
		}
		f.atoms = append(f.atoms, a)
		format = after
	}
	f.literal("\n")
	return f, nil
}

func (f *accessFormat) literal(text string) {
	if text != "" {
		f.atoms = append(f.atoms, func(b []byte, _ *exchange, _ *http.Request, _ time.Duration) []byte { return append(b, text...) })
	}
}

func atomNamed(name string) (atom, error) {
	if a, ok := atoms[name]; ok {
		return a, nil
	}
	if field, ok := strings.CutPrefix(name, "{"); ok {
		switch {
		case strings.HasSuffix(field, "}i"):
			return word(func(x *exchange, r *http.Request) string { return r.Header.Get(field[:len(field)-2]) }), nil
		case strings.HasSuffix(field, "}o"):
			return word(func(x *exchange, r *http.Request) string { return x.sentField(field[:len(field)-2]) }), nil
		}
	}
	return nil, fmt.Errorf("server: access_log_format: there is no atom %%(%s)s: use h l u t r m U q H s b B f a T M D L p {name}i {name}o", name)
}

// sentField is a field of the answer. The length of a short one is net/http's to say, which it does after the line is written.
func (x *exchange) sentField(name string) string {
	v := x.w.Header().Get(name)
	if v != "" || !strings.EqualFold(name, "Content-Length") || x.streamed || x.hijacked || x.method == http.MethodHead ||
		x.bytes >= countedBelow || x.status == http.StatusNoContent || x.status == http.StatusNotModified {
		return v
	}
	return strconv.FormatInt(x.bytes, 10)
}

// countedBelow is how long an answer must be for net/http to send it in chunks, if nobody says its length.
const countedBelow = 2048

// word is an atom that writes text, "-" for none, with everything escaped that could forge a field or a line.
func word(get func(*exchange, *http.Request) string) atom {
	return func(b []byte, x *exchange, r *http.Request, _ time.Duration) []byte {
		v := get(x, r)
		if v == "" {
			return append(b, '-')
		}
		return appendEscaped(b, v)
	}
}

// appendEscaped writes v with quotes, backslashes, control characters and non-ASCII bytes escaped as \xhh.
func appendEscaped(b []byte, v string) []byte {
	const hex = "0123456789abcdef"
	for i := range len(v) {
		switch c := v[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c >= 0x7f:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}

func span(get func(took time.Duration) string) atom {
	return func(b []byte, _ *exchange, _ *http.Request, took time.Duration) []byte {
		return append(b, get(took)...)
	}
}

// atoms are Gunicorn's.
var atoms = map[string]atom{
	"h": word(func(x *exchange, r *http.Request) string { return host(r.RemoteAddr) }),
	"l": word(func(*exchange, *http.Request) string { return "-" }),
	"u": word(func(_ *exchange, r *http.Request) string { user, _, _ := r.BasicAuth(); return user }),
	"t": word(func(x *exchange, _ *http.Request) string { return x.began.Format("[02/Jan/2006:15:04:05 -0700]") }),
	"r": word(func(_ *exchange, r *http.Request) string { return r.Method + " " + r.RequestURI + " " + r.Proto }),
	"m": word(func(_ *exchange, r *http.Request) string { return r.Method }),
	"U": word(func(_ *exchange, r *http.Request) string { return r.URL.Path }),
	"q": word(func(_ *exchange, r *http.Request) string { return r.URL.RawQuery }),
	"H": word(func(_ *exchange, r *http.Request) string { return r.Proto }),
	"s": word(func(x *exchange, _ *http.Request) string { return strconv.Itoa(x.status) }),
	"b": word(func(x *exchange, _ *http.Request) string {
		if x.bytes == 0 {
			return "-"
		}
		return strconv.FormatInt(x.bytes, 10)
	}),
	"B": word(func(x *exchange, _ *http.Request) string { return strconv.FormatInt(x.bytes, 10) }),
	"f": word(func(_ *exchange, r *http.Request) string { return r.Referer() }),
	"a": word(func(_ *exchange, r *http.Request) string { return r.UserAgent() }),
	"T": span(func(t time.Duration) string { return strconv.Itoa(int(t.Seconds())) }),
	"M": span(func(t time.Duration) string { return strconv.FormatInt(t.Milliseconds(), 10) }),
	"D": span(func(t time.Duration) string { return strconv.FormatInt(t.Microseconds(), 10) }),
	"L": span(func(t time.Duration) string { return strconv.FormatFloat(t.Seconds(), 'f', 6, 64) }),
	"p": span(func(time.Duration) string { return "<" + strconv.Itoa(os.Getpid()) + ">" }),
}

// host is an address without its port.
func host(addr string) string {
	if h, _, err := net.SplitHostPort(addr); err == nil {
		return h
	}
	return addr
}

// line is the access line of one exchange that has ended.
func (f *accessFormat) line(x *exchange, r *http.Request, took time.Duration) []byte {
	if f.json {
		return jsonLine(x, r, took)
	}
	b := make([]byte, 0, 256)
	for _, a := range f.atoms {
		b = a(b, x, r, took)
	}
	return b
}

func jsonLine(x *exchange, r *http.Request, took time.Duration) []byte {
	line, err := json.Marshal(struct {
		Time      string  `json:"time"`
		Remote    string  `json:"remote"`
		Method    string  `json:"method"`
		URI       string  `json:"uri"`
		Protocol  string  `json:"protocol"`
		Status    int     `json:"status"`
		Bytes     int64   `json:"bytes"`
		Seconds   float64 `json:"seconds"`
		Referer   string  `json:"referer"`
		UserAgent string  `json:"user_agent"`
		PID       int     `json:"pid"`
	}{
		x.began.Format(time.RFC3339Nano), host(r.RemoteAddr), r.Method, r.RequestURI, r.Proto, x.status, x.bytes, took.Seconds(),
		r.Referer(), r.UserAgent(), os.Getpid(),
	})
	if err != nil {
		return nil // no value of these types fails to encode
	}
	return append(line, '\n')
}
