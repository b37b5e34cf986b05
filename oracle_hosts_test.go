package carafe_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/routing"
)

// served asks an app for something, as a client of that host.
func served[T any](c *functionCase, scheme, host string, trusted []string, read func(*carafe.Context) T) (got T, code int) {
	app := carafe.New("functions")
	app.Config.TrustedHosts = trusted
	app.Route("/", func(ctx *carafe.Context) string { got = read(ctx); return "" }, carafe.Endpoint("i"))
	app.Route("/<path:p>", func(ctx *carafe.Context) string { got = read(ctx); return "" }, carafe.Endpoint("p"), carafe.MergeSlashes(false))
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = host
	w := httptest.NewRecorder()
	app.ServeHTTP(w, gateway.WithScheme(r, scheme))
	return got, w.Code
}

func functionHostIsTrusted(c *functionCase) (any, string, error) {
	host, given := c.text(0)
	var trusted []string
	if json.Unmarshal(c.Args[1], &trusted) != nil {
		trusted = []string{c.str(1)}
	}
	if string(c.Args[1]) == "null" || len(trusted) == 0 {
		trusted = nil
	}
	_, code := served(c, "http", host, trusted, func(*carafe.Context) any { return nil })
	reason := ""
	if must := host == "" && trusted == nil || host != "" && goodHost(host) && trustedHere(host, trusted); must != (code == 200) {
		return nil, "", brokenRule(fmt.Sprintf("status %d for host %q, trusted %q", code, host, trusted))
	}
	switch {
	case !given || host == "":
		reason = "a request without a host is served unless hosts are trusted"
	case strings.Contains(host, "_"):
		reason = `"_" is accepted in hosts, since names of containers have it`
	case anyCase(host, trusted):
		reason = "the case of a trusted host does not matter (RFC 9110, 4.2.3)"
	case strings.HasPrefix(host, "["):
		reason = "IPv6 addresses are compared whole (fixed in Werkzeug 3.2)"
	case !goodHost(host):
		reason = "a port must be one"
	}
	return code == 200, reason, nil
}

// anyCase says whether there are capitals among the hosts, or the dot of the root behind the asked one.
func anyCase(host string, trusted []string) bool {
	all := host + strings.Join(trusted, "")
	return all != strings.ToLower(all) || strings.HasSuffix(bareName.ReplaceAllString(host, ""), ".")
}

var bareName = regexp.MustCompile(`:[0-9]*$`)

// trustedHere is the rule by which Carafe trusts a host: names without ports, whatever their case.
func trustedHere(host string, trusted []string) bool {
	asked := strings.TrimSuffix(strings.ToLower(bareName.ReplaceAllString(host, "")), ".")
	for _, ref := range trusted {
		name, below := strings.CutPrefix(strings.ToLower(bareName.ReplaceAllString(ref, "")), ".")
		if ascii, err := routing.ASCIIHost(name); err == nil {
			name = ascii
		}
		if asked == name || below && strings.HasSuffix(asked, "."+name) {
			return true
		}
	}
	return len(trusted) == 0
}

func functionHost(c *functionCase) (any, string, error) {
	var server struct {
		Tuple []any `json:"$tuple"`
	}
	var trusted []string
	if len(c.Args) > 2 {
		_ = json.Unmarshal(c.Args[2], &server)
	}
	if len(c.Args) > 3 {
		_ = json.Unmarshal(c.Args[3], &trusted)
	}
	host, given := c.text(1)
	if given && host != "" && !goodHost(host) {
		_, code := served(c, c.str(0), host, trusted, func(*carafe.Context) any { return nil })
		return "", "a Host that is none is refused, not taken for an empty one", errorUnless(code == 400, "served all the same")
	}
	if len(trusted) == 0 {
		trusted = nil
	}
	if !given {
		return functionServerHost(c, server.Tuple, trusted)
	}
	got, code := served(c, c.str(0), host, trusted, func(ctx *carafe.Context) string { return ctx.Request.Authority() })
	reason := ""
	switch {
	case strings.Contains(host, "_"):
		reason = `"_" is accepted in hosts, since names of containers have it`
	case trusted != nil && anyCase(host, trusted):
		reason = "the case of a trusted host does not matter (RFC 9110, 4.2.3)"
	case strings.HasPrefix(host, "[") && trusted != nil:
		reason = "IPv6 addresses are compared whole (fixed in Werkzeug 3.2)"
	}
	if must := host == "" && trusted == nil || host != "" && trustedHere(host, trusted); must != (code == 200) {
		return nil, reason, brokenRule(fmt.Sprintf("status %d for host %q, trusted %q", code, host, trusted))
	}
	if code != 200 {
		return nil, reason, fmt.Errorf("status %d", code)
	}
	return got, reason, nil
}

// functionServerHost is the host of a client of HTTP/1.0 that names none.
func functionServerHost(c *functionCase, server []any, trusted []string) (any, string, error) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Host, r.Proto, r.ProtoMinor = "", "HTTP/1.0", 0
	if trusted != nil {
		_, code := served(c, c.str(0), "", trusted, func(*carafe.Context) any { return nil })
		return "", "a request without a host is not trusted, whatever the server's address", errorUnless(code == 400, "served all the same")
	}
	reason := ""
	if len(server) == 2 && server[1] != nil {
		ip := net.ParseIP(strings.Trim(fmt.Sprint(server[0]), "[]"))
		if ip == nil {
			reason, ip = "the server's name is the address it listens at", net.IPv4(127, 0, 0, 1)
		}
		port, _ := strconv.Atoi(fmt.Sprint(server[1]))
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: ip, Port: port}))
	} else if len(server) == 2 {
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.UnixAddr{Name: fmt.Sprint(server[0]), Net: "unix"}))
	}
	ctx := carafe.New("functions").TestRequestContext(gateway.WithScheme(r, c.str(0)))
	got := ctx.Request.Authority()
	if reason != "" {
		return got, reason, errorUnless(strings.HasPrefix(got, "127.0.0.1"), "not the address")
	}
	return got, "", nil
}

// A brokenRule says that Carafe does not do what the reason for a difference says.
type brokenRule string

func (b brokenRule) Error() string { return string(b) }

func errorUnless(ok bool, text string) error {
	if ok {
		return nil
	}
	return brokenRule(text)
}

func functionContentLength(c *functionCase) (any, string, error) {
	text, given := c.text(0)
	encoding, chunked := c.text(1)
	head := "GET / HTTP/1.1\r\nHost: x\r\n"
	if given {
		head += "Content-Length: " + text + "\r\n"
	}
	if chunked {
		head += "Transfer-Encoding: " + encoding + "\r\n"
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\r\n")))
	if err != nil {
		return nil, "a length that is no number, and a coding that is not known, are refused (RFC 9112, 6)", nil
	}
	n, ok := carafe.New("functions").TestRequestContext(r).Request.BodyLength()
	if !ok {
		return nil, "", nil
	}
	return n, "", nil
}

func functionCurrentURL(c *functionCase) (any, string, error) {
	root, hasRoot := c.text(2)
	path, hasPath := c.text(3)
	query, hasQuery := c.text(4)
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = c.str(1)
	r.URL = &url.URL{Path: path, RawQuery: query}
	ctx := carafe.New("functions").TestRequestContext(gateway.WithScriptName(gateway.WithScheme(r, c.str(0)), root))
	switch {
	case !hasRoot:
		return ctx.Request.HostURL(), "", nil
	case !hasPath:
		return ctx.Request.RootURL(), "", nil
	case !hasQuery:
		return ctx.Request.BaseURL(), "", nil
	}
	return ctx.Request.FullURL(), "", nil
}

func functionContentType(c *functionCase) (any, string, error) {
	resp := carafe.Text("")
	resp.SetMediaType(c.str(0))
	if c.str(1) != "utf-8" {
		return resp.Header.Get("Content-Type"), "text is UTF-8", nil
	}
	return resp.Header.Get("Content-Type"), "", nil
}

func functionIRIToURI(c *functionCase) (any, string, error) {
	got := carafe.IRIToURI(c.str(0))
	reason, err := c.strangeHost(got)
	return got, reason, err
}

func functionURIToIRI(c *functionCase) (any, string, error) {
	got := carafe.URIToIRI(c.str(0))
	reason, err := c.strangeHost(got)
	return got, reason, err
}

// strangeHost is how a URL may differ in its host alone.
func (c *functionCase) strangeHost(got string) (reason string, err error) {
	if c.Error != nil {
		return "a host or port that cannot be is left as it is, and refused where it is used", errorUnless(got != "", "nothing is left")
	}
	var want string
	_ = json.Unmarshal(c.Expect, &want)
	_, host, rest := cutAuthority(c.str(0))
	if host == strings.ToLower(host) && strings.IndexFunc(host, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return "", nil
	}
	_, _, gotRest := cutAuthority(got)
	_, _, wantRest := cutAuthority(want)
	return "names of hosts are not normalised (NFKC): ß stays what it is", errorUnless(gotRest == wantRest, "more than the host differs: "+rest)
}

// cutAuthority cuts a URL around its authority.
func cutAuthority(s string) (scheme, authority, rest string) {
	scheme, after, _ := strings.Cut(s, "//")
	end := strings.IndexAny(after, "/?#")
	if end < 0 {
		end = len(after)
	}
	return scheme, after[:end], after[end:]
}

func functionURLEncode(c *functionCase) (any, string, error) {
	var values []routing.Pair
	add := func(key string, raw json.RawMessage) {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			list = []json.RawMessage{raw}
		}
		for _, r := range list {
			if v := scalar(r); v != nil {
				values = append(values, routing.Pair{Name: key, Value: v})
			}
		}
	}
	var pairList [][]json.RawMessage
	if json.Unmarshal(c.Args[0], &pairList) == nil {
		for _, p := range pairList {
			var key string
			_ = json.Unmarshal(p[0], &key)
			add(key, p[1])
		}
		return routing.EncodeQuery(values), "", nil
	}
	dec := json.NewDecoder(bytes.NewReader(c.Args[0]))
	_, _ = dec.Token()
	for dec.More() {
		key, _ := dec.Token()
		var raw json.RawMessage
		_ = dec.Decode(&raw)
		add(key.(string), raw)
	}
	return routing.EncodeQuery(values), "", nil
}

// scalar is a value of the golden data as Go has it, nil for null.
func scalar(raw json.RawMessage) any {
	var s string
	var b bool
	var n json.Number
	switch {
	case string(raw) == "null":
		return nil
	case json.Unmarshal(raw, &s) == nil:
		return s
	case json.Unmarshal(raw, &b) == nil:
		return b
	case json.Unmarshal(raw, &n) == nil:
		if i, err := n.Int64(); err == nil {
			return int(i)
		}
		f, _ := n.Float64()
		return f
	}
	return string(raw)
}
