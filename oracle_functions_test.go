package carafe_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/routing"
	"github.com/carafeweb/carafe/signing"
	"github.com/carafeweb/carafe/wire"
)

// functionCase is a line of functions-cases.json: a call of one of Werkzeug's functions.
type functionCase struct {
	ID, Function string
	Args         []json.RawMessage
	Kwargs       map[string]json.RawMessage
	Expect       json.RawMessage
	Error        *struct{ Type, Message string }
	Note         string
}

// A function is Go's form of one of Werkzeug's: it answers what the golden data has, and a reason if it differs on purpose.
type function func(c *functionCase) (got any, reason string, err error)

func TestOracleFunctions(t *testing.T) {
	count := tally{kind: "functions"}
	for _, c := range readOracle[functionCase](t, "functions") {
		count.count(t, c.ID, c.Function+" "+c.call(), c.run())
	}
	count.log(t)
}

func (c *functionCase) call() string {
	data, _ := json.Marshal(c.Args)
	return string(data)
}

func (c *functionCase) run() (v verdict) {
	f := oracleFunctions[c.Function]
	if f == nil {
		v.wrongf("a function that has no Go form in this test")
		return v
	}
	got, reason, err := f(c)
	var want any
	dec := json.NewDecoder(bytes.NewReader(c.Expect))
	_ = dec.Decode(&want)
	switch {
	case c.Error != nil && err != nil, c.Error == nil && err == nil && reflect.DeepEqual(plain(got), untagged(want)):
		return v
	case reason != "" && !errors.As(err, new(brokenRule)):
		v.reason = reason
	default:
		v.wrongf("%v (error %v), want %v (error %v)", plain(got), err, want, c.Error)
	}
	return v
}

// untagged turns tuples into lists.
func untagged(v any) any {
	switch x := v.(type) {
	case map[string]any:
		if t, ok := x["$tuple"]; ok && len(x) == 1 {
			return untagged(t)
		}
		for k := range x {
			x[k] = untagged(x[k])
		}
	case []any:
		for i := range x {
			x[i] = untagged(x[i])
		}
	}
	return v
}

// text is an argument that is a text; ok is false for null.
func (c *functionCase) text(i int) (s string, ok bool) {
	if i >= len(c.Args) || string(c.Args[i]) == "null" {
		return "", false
	}
	if json.Unmarshal(c.Args[i], &s) == nil {
		return s, true
	}
	var tagged map[string][]byte
	if json.Unmarshal(c.Args[i], &tagged) == nil && tagged["$bytes"] != nil {
		return string(tagged["$bytes"]), true
	}
	s = string(c.Args[i])
	return map[string]string{"true": "True", "false": "False"}[s] + strings.Trim(s, "truefals"), true
}

func (c *functionCase) str(i int) string {
	s, _ := c.text(i)
	return s
}

func (c *functionCase) kwarg(name string) (s string, ok bool) {
	raw, ok := c.Kwargs[name]
	if !ok || string(raw) == "null" {
		return "", false
	}
	_ = json.Unmarshal(raw, &s)
	return s, true
}

// ofText is a function of one text that cannot fail.
func ofText(f func(string) any) function {
	return func(c *functionCase) (any, string, error) { return f(c.str(0)), "", nil }
}

var oracleFunctions = map[string]function{
	"parse_options_header": func(c *functionCase) (any, string, error) {
		value, params := wire.ParseOptions(c.str(0))
		return []any{value, params.Map()}, "", nil
	},
	"parse_list_header":          ofText(func(s string) any { return append([]string{}, wire.ParseList(s)...) }),
	"parse_set_header":           ofText(func(s string) any { return append([]string{}, wire.ParseList(s)...) }),
	"parse_dict_header":          ofText(func(s string) any { return nullable(wire.ParseDict(s)) }),
	"quote_header_value":         functionQuote,
	"unquote_header_value":       ofText(func(s string) any { return wire.Unquote(s) }),
	"dump_options_header":        functionDumpOptions,
	"dump_header":                functionDump,
	"parse_date":                 ofText(functionParseDate),
	"http_date":                  functionFormatDate,
	"unquote_etag":               functionUnquoteETag,
	"quote_etag":                 functionQuoteETag,
	"parse_etags":                ofText(func(s string) any { return tags(wire.ParseETags(s)) }),
	"parse_range_header":         ofText(functionRange),
	"parse_content_range_header": ofText(functionContentRange),
	"parse_if_range_header":      ofText(functionIfRange),
	"parse_cookie":               functionCookies,
	"secure_filename":            ofText(func(s string) any { return carafe.SecureFilename(s) }),
	"safe_join":                  functionSafeJoin,
	"host_is_trusted":            functionHostIsTrusted,
	"get_host":                   functionHost,
	"get_content_length":         functionContentLength,
	"get_current_url":            functionCurrentURL,
	"get_content_type":           functionContentType,
	"iri_to_uri":                 functionIRIToURI,
	"uri_to_iri":                 ofText(func(s string) any { return carafe.URIToIRI(s) }),
	"_urlencode":                 functionURLEncode,
	"is_resource_modified":       functionIsModified,
	"generate_password_hash":     functionPasswordHash,
	"check_password_hash":        functionCheckPassword,
}

func nullable(params wire.Params) map[string]any {
	m := map[string]any{}
	for _, p := range params {
		if m[p.Name] = p.Value; p.Bare {
			m[p.Name] = nil
		}
	}
	return m
}

func functionQuote(c *functionCase) (any, string, error) {
	if string(c.Kwargs["allow_token"]) == "false" && c.str(0) != "" {
		return wire.QuoteAlways(c.str(0)), "", nil
	}
	return wire.Quote(c.str(0)), "", nil
}

// orderedParams are the items of an object in their order.
func orderedParams(raw json.RawMessage) (params wire.Params) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	_, _ = dec.Token()
	for dec.More() {
		key, _ := dec.Token()
		var v json.RawMessage
		_ = dec.Decode(&v)
		p := wire.Param{Name: key.(string), Bare: string(v) == "null"}
		if json.Unmarshal(v, &p.Value) != nil {
			p.Value = string(v)
		}
		params = append(params, p)
	}
	return params
}

func functionDumpOptions(c *functionCase) (any, string, error) {
	return wire.DumpOptions(c.str(0), orderedParams(c.Args[1])), "", nil
}

func functionDump(c *functionCase) (any, string, error) {
	var list []any
	if json.Unmarshal(c.Args[0], &list) != nil {
		return wire.DumpDict(orderedParams(c.Args[0])), "", nil
	}
	items := make([]string, len(list))
	for i := range list {
		items[i] = fmt.Sprint(list[i])
	}
	return wire.DumpList(items...), "", nil
}

func functionParseDate(s string) any {
	d, ok := carafe.ParseDate(s)
	if !ok {
		return nil
	}
	return datetime(d)
}

func functionFormatDate(c *functionCase) (any, string, error) {
	var n float64
	var tagged map[string]string
	if json.Unmarshal(c.Args[0], &n) == nil {
		return carafe.FormatDate(time.Unix(int64(math.Floor(n)), 0)), "", nil
	}
	if json.Unmarshal(c.Args[0], &tagged) == nil && tagged["$datetime"] != "" {
		d, err := time.Parse(time.RFC3339Nano, tagged["$datetime"])
		return carafe.FormatDate(d), "", err
	}
	return nil, "", errors.New("no date")
}

func functionUnquoteETag(c *functionCase) (any, string, error) {
	tag, weak, ok := wire.ParseETag(c.str(0))
	if !ok {
		return []any{nil, nil}, "", nil
	}
	return []any{tag, weak}, "", nil
}

func functionQuoteETag(c *functionCase) (any, string, error) {
	got, err := wire.QuoteETag(c.str(0), string(c.Kwargs["weak"]) == "true")
	if strings.IndexFunc(c.str(0), func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0 && err != nil {
		return got, "an entity tag with a control character is refused", err
	}
	return got, "", err
}

func functionRange(s string) any {
	r, ok := wire.ParseRange(s, true)
	if !ok {
		return nil
	}
	var spans [][]any
	for _, p := range r.Spans {
		if p.Open {
			spans = append(spans, []any{p.Start, nil})
		} else {
			spans = append(spans, []any{p.Start, p.End})
		}
	}
	return map[string]any{"units": r.Unit, "ranges": spans}
}

func functionContentRange(s string) any {
	r, ok := wire.ParseContentRange(s)
	if !ok {
		return nil
	}
	unknown := func(n int64) any {
		if n < 0 {
			return nil
		}
		return n
	}
	return map[string]any{"units": r.Unit, "start": unknown(r.Start), "stop": unknown(r.End), "length": unknown(r.Length)}
}

func functionIfRange(s string) any {
	if d, ok := carafe.ParseDate(s); ok {
		return map[string]any{"etag": nil, "date": datetime(d)}
	}
	tag, _, ok := wire.ParseETag(s)
	if !ok {
		return map[string]any{"etag": nil, "date": nil}
	}
	return map[string]any{"etag": tag, "date": nil}
}

func functionCookies(c *functionCase) (any, string, error) {
	list := [][]string{}
	for k, v := range wire.Cookies(c.str(0)) {
		list = append(list, []string{k, v})
	}
	return list, "", nil
}

func functionSafeJoin(c *functionCase) (any, string, error) {
	var parts []string
	for i := 1; i < len(c.Args); i++ {
		parts = append(parts, c.str(i))
	}
	got, ok := carafe.SafeJoin(c.str(0), parts...)
	if !ok {
		if strings.Contains(strings.Join(parts, ""), "\x00") {
			return nil, "a NUL is refused", nil
		}
		return nil, "", nil
	}
	return got, "", nil
}

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
	case host != strings.ToLower(host), strings.HasSuffix(host, "."):
		reason = "the case of a trusted host does not matter (RFC 9110, 4.2.3)"
	case strings.HasPrefix(host, "["):
		reason = "IPv6 addresses are compared whole (fixed in Werkzeug 3.2)"
	case goodHost(host) != (code == 200) && trusted == nil:
		reason = "a port must be one"
	}
	return code == 200, reason, nil
}

// trustedHere is the rule by which Carafe trusts a host: names without ports, whatever their case.
func trustedHere(host string, trusted []string) bool {
	bare := regexp.MustCompile(`:[0-9]*$`)
	name := strings.ToLower(bare.ReplaceAllString(host, ""))
	for _, ref := range trusted {
		ref = strings.ToLower(bare.ReplaceAllString(ref, ""))
		if name == strings.TrimPrefix(ref, ".") || ref[0] == '.' && strings.HasSuffix(name, ref) {
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
	if !given {
		return functionServerHost(c, server.Tuple)
	}
	got, code := served(c, c.str(0), host, trusted, func(ctx *carafe.Context) string { return ctx.Request.Authority() })
	if code != 200 {
		return nil, "", fmt.Errorf("status %d", code)
	}
	return got, "", nil
}

// functionServerHost is the host of a client of HTTP/1.0 that names none.
func functionServerHost(c *functionCase, server []any) (any, string, error) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Host, r.Proto, r.ProtoMinor = "", "HTTP/1.0", 0
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
	if c.Error != nil && got != "" {
		return got, "a host or port that cannot be is left as it is, and refused where it is used", nil
	}
	return got, "", nil
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

// functionIsModified asks through a response: what is not modified is answered with 304, 412, or the range that was asked for.
func functionIsModified(c *functionCase) (any, string, error) {
	app := carafe.New("functions")
	app.Route("/", func(ctx *carafe.Context) (*carafe.Response, error) {
		resp := carafe.Text("body")
		if data, ok := c.Kwargs["data"]; ok && string(data) != "null" {
			var tagged map[string][]byte
			_ = json.Unmarshal(data, &tagged)
			resp.SetBytes(tagged["$bytes"])
			if err := resp.AddETag(false); err != nil {
				return nil, err
			}
		}
		if tag, ok := c.kwarg("etag"); ok {
			unquoted, weak, _ := wire.ParseETag(tag)
			if err := resp.SetETag(unquoted, weak); err != nil {
				return nil, err
			}
		}
		if text, ok := c.kwarg("last_modified"); ok {
			d, _ := carafe.ParseDate(text)
			resp.SetLastModified(d)
		}
		return resp, resp.MakeConditional(ctx, string(c.Kwargs["ignore_if_range"]) == "false")
	})
	r := httptest.NewRequest("GET", "/", nil)
	for name, key := range map[string]string{"Range": "http_range", "If-Range": "http_if_range", "If-Modified-Since": "http_if_modified_since",
		"If-None-Match": "http_if_none_match", "If-Match": "http_if_match"} {
		if v, ok := c.kwarg(key); ok {
			r.Header.Set(name, v)
		}
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	reason, must := "", w.Code == 200
	switch {
	case r.Header.Get("If-Match") == "*":
		must = true
		reason = "If-Match: * holds for what exists (RFC 9110, 13.1.1)"
	case r.Header.Get("If-Range") != "":
		must = r.Header.Get("If-Range") != w.Header().Get("Etag") && r.Header.Get("If-Range") != w.Header().Get("Last-Modified")
		reason = "If-Range holds for exactly the same tag or date (RFC 9110, 13.1.5)"
	case r.Header.Get("If-None-Match") != "" && r.Header.Get("If-Modified-Since") != "":
		reason = "If-None-Match switches If-Modified-Since off (RFC 9110, 13.1.3)"
	case r.Header.Get("If-Match") != "" && r.Header.Get("If-None-Match") != "":
		reason = "If-Match is heard before If-None-Match (RFC 9110, 13.2.2)"
	}
	return w.Code == 200, reason, errorUnless(must == (w.Code == 200), "status "+strconv.Itoa(w.Code)+", though "+reason)
}

func functionPasswordHash(c *functionCase) (any, string, error) {
	method, _ := c.kwarg("method")
	_, err := signing.GeneratePasswordHash(c.str(0), signing.PasswordOptions{Method: method})
	if c.Error != nil {
		return nil, "", err
	}
	var want string
	_ = json.Unmarshal(c.Expect, &want)
	if ok, err := signing.CheckPasswordHash(want, c.str(0)); !ok || err != nil {
		return nil, "", fmt.Errorf("Werkzeug's own hash is not accepted: %v", err)
	}
	return want, "", err
}

func functionCheckPassword(c *functionCase) (any, string, error) {
	ok, err := signing.CheckPasswordHash(c.str(0), c.str(1))
	switch {
	case errors.Is(err, signing.ErrPasswordCost):
		return ok, "a method that asks for too much work is refused", err
	case c.Error != nil && c.Error.Type == "TypeError" && !ok && err == nil:
		return ok, "a stored hash that is not ASCII is no match", nil
	case err != nil && strings.Contains(err.Error(), "does not know the hash"):
		return ok, "pbkdf2 knows the hashes of Go's library, not those of OpenSSL", err
	}
	return ok, "", err
}
