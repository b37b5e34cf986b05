package carafe_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/wire"
)

// requestCase is a line of request-cases.json: bytes on a socket, and what a view reads of them.
type requestCase struct {
	ID, Name string
	App      struct {
		Config   map[string]json.RawMessage
		Debug    bool
		ProxyFix *gateway.ProxyFix `json:"-"`
		Proxies  map[string]int    `json:"proxy_fix"`
	}
	Request struct {
		Method, Target, HTTP string
		Headers              [][2]string
		Body                 json.RawMessage
	}
	Extract []json.RawMessage
	Expect  struct {
		Values map[string]json.RawMessage
		Status string
		Body   string
	}
}

// requestAnswer is what Carafe made of a case.
type requestAnswer struct {
	values map[string]any
	status int
	body   string
}

func TestOracleRequest(t *testing.T) {
	count := tally{kind: "request"}
	for _, c := range readOracle[requestCase](t, "request") {
		count.count(t, c.ID, c.Name, c.compare(c.run(t)))
	}
	count.log(t)
}

// run serves the case on a socket.
func (c *requestCase) run(t *testing.T) requestAnswer {
	t.Helper()
	var values map[string]any
	app := carafe.New("request")
	app.Logger = slog.New(slog.DiscardHandler)
	c.configure(t, app)
	view := func(ctx *carafe.Context) (any, error) {
		values = map[string]any{}
		for _, item := range c.Extract {
			key, v, err := c.extract(ctx, item)
			if err != nil && c.Expect.Values == nil {
				return nil, err
			}
			values[key] = jsonable(v, err)
		}
		return carafe.Reply("", 204), nil
	}
	all := carafe.Methods{"GET", "POST", "PUT", "PATCH", "DELETE"}
	app.Route("/", view, carafe.Endpoint("view"), all)
	app.Route("/<path:p>", view, carafe.Endpoint("view"), all)
	server := httptest.NewUnstartedServer(app)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Start()
	defer server.Close()
	status, body := exchange(t, server.Listener.Addr().String(), c.bytes(t))
	server.Close()
	return requestAnswer{addressedTo(values, server.Listener.Addr().String()), status, body}
}

// addressedTo puts the recorded address of the server in place of ours.
func addressedTo(values map[string]any, addr string) map[string]any {
	for k, v := range values {
		if s, ok := v.(string); ok {
			values[k] = strings.ReplaceAll(s, addr, "127.0.0.1:5000")
		}
	}
	return values
}

func (c *requestCase) configure(t *testing.T, app *carafe.App) {
	t.Helper()
	app.Config.Debug = c.App.Debug
	no := false
	app.Config.PropagateErrors, app.Config.TrapBadRequest = &no, &no
	for k, raw := range c.App.Config {
		into := map[string]any{
			"TRUSTED_HOSTS": &app.Config.TrustedHosts, "SERVER_NAME": &app.Config.ServerName, "MAX_CONTENT_LENGTH": &app.Config.MaxContentLength,
			"MAX_FORM_PARTS": &app.Config.MaxFormParts, "MAX_FORM_MEMORY_SIZE": &app.Config.MaxFormMemorySize,
		}[k]
		if into == nil {
			t.Fatalf("%s: a setting %s that the test does not know", c.ID, k)
		}
		if string(raw) == "null" {
			raw = json.RawMessage("-1")
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatalf("%s: %s: %v", c.ID, k, err)
		}
	}
	if p := c.App.Proxies; p != nil {
		for _, name := range []string{"x_for", "x_proto"} { // Werkzeug's defaults
			if _, given := p[name]; !given {
				p[name] = 1
			}
		}
		app.Use(gateway.ProxyFix{For: p["x_for"], Proto: p["x_proto"], Host: p["x_host"], Port: p["x_port"], Prefix: p["x_prefix"]}.Wrap)
	}
}

// bytes is the request as it goes over the wire.
func (c *requestCase) bytes(t *testing.T) []byte {
	var b bytes.Buffer
	b.Write(latin1(c.Request.Method + " " + c.Request.Target + " " + c.Request.HTTP + "\r\n"))
	for _, h := range c.Request.Headers {
		b.Write(latin1(h[0] + ": " + h[1] + "\r\n"))
	}
	b.WriteString("\r\n")
	b.Write(goldenBytes(t, c.Request.Body))
	return b.Bytes()
}

// latin1 is text of which each character is a byte.
func latin1(s string) []byte {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

// goldenBytes is a text, or {"$bytes": base64}.
func goldenBytes(t *testing.T, raw json.RawMessage) []byte {
	if t != nil {
		t.Helper()
	}
	var text string
	var tagged map[string]string
	switch {
	case raw == nil:
		return nil
	case json.Unmarshal(raw, &text) == nil:
		return []byte(text)
	case json.Unmarshal(raw, &tagged) == nil:
		data, err := base64.StdEncoding.DecodeString(tagged["$bytes"])
		if err == nil {
			return data
		}
	}
	t.Fatalf("the body %s is not one the test knows", raw)
	return nil
}

// exchange sends bytes, closes that direction, and reads one answer. Interim answers are skipped.
func exchange(t *testing.T, addr string, data []byte) (status int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Write(data); err != nil {
		t.Fatal(err)
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	in := bufio.NewReader(conn)
	for {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("reading the answer to %.200q: %v", data, err)
		}
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode >= 200 {
			return resp.StatusCode, string(text)
		}
	}
}

// extract reads one item: its name, or its name with arguments.
func (c *requestCase) extract(ctx *carafe.Context, item json.RawMessage) (key string, v any, err error) {
	var args []any
	if err := json.Unmarshal(item, &key); err == nil {
		v, err = extractors[key](ctx)
		return key, v, err
	}
	if err := json.Unmarshal(item, &args); err != nil {
		return string(item), nil, err
	}
	v, err = extractWith(ctx, args)
	return string(item), v, err
}

// jsonable is a value as the golden data writes it.
func jsonable(v any, err error) any {
	var he *carafe.HTTPError
	switch {
	case errors.As(err, &he):
		return map[string]any{"http_error": he.Code, "description": describe(he)}
	case err != nil:
		return map[string]any{"error": "error", "message": err.Error()}
	}
	return v
}

var paragraph = regexp.MustCompile(`(?s)<p>(.*)</p>`)

// describe is what a client reads of an error.
func describe(he *carafe.HTTPError) string {
	resp, err := he.Respond(nil)
	if err != nil {
		return err.Error()
	}
	page, _ := resp.Bytes()
	return html.UnescapeString(paragraph.FindStringSubmatch(string(page))[1])
}

func dictPairs(d *carafe.MultiDict[string]) [][]any {
	list := [][]any{}
	for k, v := range d.All() {
		list = append(list, []any{k, v})
	}
	return list
}

func dictPairsOr(d *carafe.MultiDict[string], err error) (any, error) { return dictPairs(d), err }

func preferences(a wire.Accept) [][]any {
	list := [][]any{}
	for _, p := range a.Preferences {
		list = append(list, []any{p.Value, p.Quality})
	}
	return list
}

func tags(e wire.ETags) map[string]any {
	strong, weak := slices.Clone(e.Strong), slices.Clone(e.Weak)
	slices.Sort(strong)
	slices.Sort(weak)
	return map[string]any{"star": e.Star, "strong": append([]string{}, slices.Compact(strong)...), "weak": append([]string{}, slices.Compact(weak)...)}
}

func datetime(d time.Time) any {
	if d.IsZero() {
		return nil
	}
	return map[string]any{"$datetime": d.UTC().Format(time.RFC3339)}
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func textOrBytes(data []byte, err error) (any, error) {
	if utf8.Valid(data) {
		return string(data), err
	}
	return map[string]any{"$bytes": base64.StdEncoding.EncodeToString(data)}, err
}

func always(f func(*carafe.Context) any) func(*carafe.Context) (any, error) {
	return func(c *carafe.Context) (any, error) { return f(c), nil }
}

// extractors read what a case names.
var extractors = map[string]func(*carafe.Context) (any, error){
	"args":            always(func(c *carafe.Context) any { return dictPairs(c.Request.Args()) }),
	"form":            func(c *carafe.Context) (any, error) { return dictPairsOr(c.Request.Forms()) },
	"values":          func(c *carafe.Context) (any, error) { return dictPairsOr(c.Request.Values()) },
	"cookies":         always(func(c *carafe.Context) any { return dictPairs(c.Request.CookieValues()) }),
	"files":           extractFiles,
	"data":            func(c *carafe.Context) (any, error) { return textOrBytes(c.Request.Data()) },
	"json":            func(c *carafe.Context) (any, error) { return c.Request.JSONValue() },
	"is_json":         always(func(c *carafe.Context) any { return c.Request.IsJSON() }),
	"query_string":    always(func(c *carafe.Context) any { return c.Request.QueryString() }),
	"path":            always(func(c *carafe.Context) any { return c.Request.Path() }),
	"full_path":       always(func(c *carafe.Context) any { return c.Request.FullPath() }),
	"url":             always(func(c *carafe.Context) any { return c.Request.FullURL() }),
	"base_url":        always(func(c *carafe.Context) any { return c.Request.BaseURL() }),
	"root_url":        always(func(c *carafe.Context) any { return c.Request.RootURL() }),
	"url_root":        always(func(c *carafe.Context) any { return c.Request.RootURL() }),
	"host_url":        always(func(c *carafe.Context) any { return c.Request.HostURL() }),
	"host":            always(func(c *carafe.Context) any { return c.Request.Authority() }),
	"scheme":          always(func(c *carafe.Context) any { return c.Request.Scheme() }),
	"is_secure":       always(func(c *carafe.Context) any { return c.Request.IsSecure() }),
	"script_root":     always(func(c *carafe.Context) any { return c.Request.ScriptRoot() }),
	"root_path":       always(func(c *carafe.Context) any { return c.Request.ScriptRoot() }),
	"method":          always(func(c *carafe.Context) any { return c.Request.Method }),
	"endpoint":        always(func(c *carafe.Context) any { return c.Endpoint() }),
	"view_args":       always(func(c *carafe.Context) any { return c.Params() }),
	"remote_addr":     always(func(c *carafe.Context) any { return c.Request.ClientAddr() }),
	"access_route":    always(func(c *carafe.Context) any { return append([]string{}, c.Request.AccessRoute()...) }),
	"content_type":    always(func(c *carafe.Context) any { return c.Request.Header.Get("Content-Type") }),
	"mimetype":        always(func(c *carafe.Context) any { return c.Request.MediaType() }),
	"mimetype_params": always(func(c *carafe.Context) any { return c.Request.MediaTypeParams() }),
	"accept":          always(func(c *carafe.Context) any { return preferences(c.Request.AcceptMediaTypes()) }),
	"languages":       always(func(c *carafe.Context) any { return preferences(c.Request.AcceptLanguages()) }),
	"encodings":       always(func(c *carafe.Context) any { return preferences(c.Request.AcceptEncodings()) }),
	"charsets":        always(func(c *carafe.Context) any { return preferences(c.Request.AcceptCharsets()) }),
	"if_match":        always(func(c *carafe.Context) any { return tags(c.Request.IfMatch()) }),
	"if_none_match":   always(func(c *carafe.Context) any { return tags(c.Request.IfNoneMatch()) }),
	"date":            always(func(c *carafe.Context) any { return datetime(c.Request.Date()) }),
	"if_modified_since": always(func(c *carafe.Context) any {
		return datetime(c.Request.IfModifiedSince())
	}),
	"if_unmodified_since": always(func(c *carafe.Context) any {
		return datetime(c.Request.IfUnmodifiedSince())
	}),
	"user_agent": always(func(c *carafe.Context) any { return c.Request.UserAgent() }),
	"referrer": always(func(c *carafe.Context) any {
		if c.Request.Header.Values("Referer") != nil {
			return c.Request.Referer()
		}
		return nil
	}),
	"accept_flags": always(func(c *carafe.Context) any {
		a := c.Request.AcceptMediaTypes()
		return map[string]any{"html": a.HTML(), "xhtml": a.XHTML(), "json": a.JSON(), "best": orNull(a.First()), "provided": a.Provided}
	}),
	"authorization":  always(extractAuthorization),
	"cache_control":  always(extractCacheControl),
	"headers":        always(extractHeaders),
	"content_length": always(extractLength),
	"data_then_form": func(c *carafe.Context) (any, error) {
		data, err := textOrBytes(c.Request.Data())
		if err != nil {
			return nil, err
		}
		form, err := c.Request.Forms()
		return []any{data, dictPairs(form)}, err
	},
	"json_twice": func(c *carafe.Context) (any, error) {
		a, err := c.Request.JSONValue()
		if err != nil {
			return nil, err
		}
		b, err := c.Request.JSONValue()
		return []any{a, b}, err
	},
}

func extractFiles(c *carafe.Context) (any, error) {
	files, err := c.Request.Files()
	list := []any{}
	for name, f := range files.All() {
		data, err := textOrBytes(f.Bytes())
		if err != nil {
			return nil, err
		}
		header := [][]string{}
		var contentType any
		for _, h := range f.Header {
			if strings.EqualFold(h.Name, "Content-Type") {
				contentType = f.ContentType()
			}
			header = append(header, []string{h.Name, h.Value})
		}
		list = append(list, map[string]any{
			"name": name, "filename": f.Filename, "content_type": contentType, "mimetype": f.MediaType(), "mimetype_params": f.MediaTypeParams(),
			"content_length": f.ContentLength(), "headers": header, "data": data, "secure_filename": carafe.SecureFilename(f.Filename),
		})
	}
	return list, err
}

func extractAuthorization(c *carafe.Context) any {
	a, ok := c.Request.Authorization()
	if !ok {
		return nil
	}
	params := map[string]any{}
	for _, p := range a.Parameters {
		params[p.Name] = p.Value
		if p.Bare {
			params[p.Name] = nil
		}
	}
	var token any
	if a.HasToken {
		token = a.Token
	}
	return map[string]any{"type": a.Scheme, "parameters": params, "token": token}
}

func extractCacheControl(c *carafe.Context) any {
	cc := c.Request.CacheControl()
	seconds := func(name string) any {
		if d, ok := cc.Seconds(name); ok {
			return int(d / time.Second)
		}
		return nil
	}
	stale := seconds("max-stale")
	if _, ok := cc.Directives.Get("max-stale"); cc.Has("max-stale") && !ok {
		stale = true
	}
	return map[string]any{
		"no_cache": cc.Has("no-cache"), "no_store": cc.Has("no-store"), "max_age": seconds("max-age"), "max_stale": stale, "min_fresh": seconds("min-fresh"),
		"only_if_cached": cc.Has("only-if-cached"), "no_transform": cc.Has("no-transform"),
	}
}

func extractHeaders(c *carafe.Context) any {
	list := [][]string{{"Host", c.Request.Host}}
	for k, vs := range c.Request.Header {
		for _, v := range vs {
			list = append(list, []string{k, v})
		}
	}
	slices.SortFunc(list, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return list
}

func extractLength(c *carafe.Context) any {
	if n, ok := c.Request.BodyLength(); ok {
		return n
	}
	return nil
}

// extractWith reads an item with arguments.
func extractWith(c *carafe.Context, args []any) (any, error) {
	name, _ := args[0].(string)
	switch name {
	case "best_match", "best_language", "best_encoding", "charset_match":
		return extractBest(c, name, args)
	case "quality":
		return c.Request.AcceptMediaTypes().Quality(args[1].(string))
	case "header":
		if vs := c.Request.Header.Values(args[1].(string)); len(vs) > 0 {
			return strings.Join(vs, ","), nil
		}
		return nil, nil
	case "getlist":
		return append([]string{}, dictOf(c, args[1].(string)).List(args[2].(string))...), nil
	case "get":
		return extractTyped(c, args), nil
	case "get_json":
		return extractJSON(c, args[1].(map[string]any))
	case "get_data":
		opts := args[1].(map[string]any)
		if opts["cache"] == false {
			return textOrBytes(io.ReadAll(c.Request.Stream()))
		}
		data, err := c.Request.Data()
		if opts["as_text"] == true {
			return wire.ValidText(string(data)), err
		}
		return textOrBytes(data, err)
	case "url_for":
		return c.URLFor("view", "_external", args[1].(map[string]any)["_external"]), nil
	}
	return nil, errors.New("an item that the test does not know: " + name)
}

func extractBest(c *carafe.Context, name string, args []any) (any, error) {
	accept := map[string]func() wire.Accept{
		"best_match": c.Request.AcceptMediaTypes, "best_language": c.Request.AcceptLanguages,
		"best_encoding": c.Request.AcceptEncodings, "charset_match": c.Request.AcceptCharsets,
	}[name]()
	var offers []string
	for _, o := range args[1].([]any) {
		offers = append(offers, o.(string))
	}
	best, err := accept.BestOf(offers...)
	if best == "" && len(args) > 2 {
		return args[2], err
	}
	return orNull(best), err
}

func dictOf(c *carafe.Context, name string) *carafe.MultiDict[string] {
	switch name {
	case "form":
		d, _ := c.Request.Forms()
		return d
	case "cookies":
		return c.Request.CookieValues()
	}
	return c.Request.Args()
}

// extractTyped is MultiDict.get with a type.
func extractTyped(c *carafe.Context, args []any) any {
	parse := func(s string) (any, error) { return s, nil }
	switch args[4] {
	case "int":
		parse = func(s string) (any, error) { return strconv.Atoi(s) }
	case "float":
		parse = func(s string) (any, error) { return strconv.ParseFloat(s, 64) }
	}
	return carafe.As(dictOf(c, args[1].(string)), args[2].(string), parse, args[3])
}

func extractJSON(c *carafe.Context, opts map[string]any) (any, error) {
	var all []carafe.JSONOption
	if opts["silent"] == true {
		all = append(all, carafe.SilentJSON)
	}
	if opts["force"] == true {
		all = append(all, carafe.ForceJSON)
	}
	return c.Request.JSONValue(all...)
}

// plain is a value as encoding/json reads it back, with numbers that are no JSON as the golden data has them.
func plain(v any) any {
	if f, ok := v.(float64); ok && (math.IsInf(f, 0) || math.IsNaN(f)) {
		return map[string]any{"$float": strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(f, 'g', -1, 64)), "+")}
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	var out any
	_ = json.Unmarshal(data, &out)
	return out
}
