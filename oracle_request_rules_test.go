package carafe_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/carafeweb/carafe/wire"
)

// compare holds an answer against the recorded one. What differs must be explained by a rule; the first that explains it
// gives the reason.
func (c *requestCase) compare(got requestAnswer) (v verdict) {
	if reason, right := c.refused(got); reason != "" {
		if v.reason = reason; !right {
			v.wrongf("status %d %q, though %s", got.status, got.body, reason)
		}
		return v
	}
	want := 204
	if c.Expect.Status != "" {
		want, _ = strconv.Atoi(c.Expect.Status[:3])
	}
	if got.status != want || want != 204 && got.body != c.Expect.Body {
		c.compareAnswer(got, want, &v)
		return v
	}
	for _, item := range c.Extract {
		c.compareItem(item, got, &v)
	}
	return v
}

func (c *requestCase) header(name string) []string {
	var values []string
	for _, h := range c.Request.Headers {
		if strings.EqualFold(h[0], name) {
			values = append(values, h[1])
		}
	}
	return values
}

// hostGrammar is a host that Carafe serves.
var hostGrammar = regexp.MustCompile(`^(?i)([a-z0-9._-]+|\[[0-9a-f.]*:[0-9a-f:.]*\])(:[0-9]{1,5})?$`)

func goodHost(host string) bool {
	m := hostGrammar.FindStringSubmatch(host)
	if m == nil {
		return false
	}
	port, _ := strconv.Atoi(strings.TrimPrefix(m[2], ":"))
	return port <= 65535 && (host[0] != '[' || net.ParseIP(strings.Trim(m[1], "[]")) != nil)
}

// refused is why Carafe answers 400 where Flask goes on, or refuses with other words; right says that it does.
func (c *requestCase) refused(got requestAnswer) (reason string, right bool) {
	hosts, lengths := c.header("Host"), c.header("Content-Length")
	absolute := strings.Contains(c.Request.Target, "://")
	switch {
	case len(hosts) > 1:
		reason = "two Host lines are refused (RFC 9112, 3.2)"
	case len(hosts) == 0 && c.Request.HTTP == "HTTP/1.1" && !absolute:
		reason = "a request of HTTP/1.1 without Host is refused (RFC 9112, 3.2)"
	case len(hosts) == 1 && hosts[0] != "" && !goodHost(hosts[0]):
		reason = "a Host that is none is refused, not taken for an empty one"
	case len(lengths) > 1 || len(lengths) == 1 && len(c.header("Transfer-Encoding")) == 0 && strings.Trim(lengths[0], "0123456789") != "":
		reason = "a Content-Length that is no number is refused (RFC 9112, 6.3)"
	case brokenEscape.MatchString(target(c.Request.Target)):
		reason = "a path with a broken escape is refused (RFC 3986, 2.1)"
	}
	return reason, got.status == 400
}

var brokenEscape = regexp.MustCompile(`%($|.$|[^0-9a-fA-F]|.[^0-9a-fA-F])`)

// target is the path of a request target.
func target(s string) string {
	path, _, _ := strings.Cut(s, "?")
	return path
}

// compareAnswer is for cases whose whole answer differs.
func (c *requestCase) compareAnswer(got requestAnswer, want int, v *verdict) {
	host := strings.ToLower(strings.Join(c.header("Host"), ""))
	switch {
	case want == 400 && got.status == 204 && c.App.Config["TRUSTED_HOSTS"] != nil && host != strings.Join(c.header("Host"), ""):
		v.reason = "the case of a trusted host does not matter (RFC 9110, 4.2.3)"
	case got.status == 405 && c.Request.Method != strings.ToUpper(c.Request.Method):
		v.reason = "methods are case-sensitive (RFC 9110, 9.1)"
	case want == 400 && got.status == 400 && c.App.Debug && strings.Contains(got.body, "Failed to decode JSON object: ") &&
		strings.Contains(c.Expect.Body, "Failed to decode JSON object: "):
		v.reason = "what is wrong with JSON is told in the words of Go's decoder"
	case want == 500 && c.nestedDeeply() && (got.status == 400 || got.status == 204 && c.isSilent()):
		v.reason = "JSON that is nested too deeply is not read, like any other that cannot be"
	default:
		v.wrongf("status %d %q, want %d %q", got.status, got.body, want, c.Expect.Body)
	}
}

// nestedDeeply says whether the body is JSON beyond StdJSON's MaxDepth.
func (c *requestCase) nestedDeeply() bool {
	text, _ := c.body().(string)
	return strings.Count(text, "[")+strings.Count(text, "{") > 500
}

func (c *requestCase) isSilent() bool {
	return strings.Contains(string(c.Extract[0]), `"silent": true`) || strings.Contains(string(c.Extract[0]), `"silent":true`)
}

func (c *requestCase) compareItem(item json.RawMessage, got requestAnswer, v *verdict) {
	key := string(item)
	_ = json.Unmarshal(item, &key)
	raw, ok := c.Expect.Values[key]
	if !ok || got.values == nil {
		return
	}
	var want any
	_ = json.Unmarshal(raw, &want)
	have := plain(got.values[key])
	if reflect.DeepEqual(have, want) {
		return
	}
	for _, rule := range requestRules {
		if rule.explains(c, key, have, want) {
			v.reason = rule.reason
			return
		}
	}
	v.wrongf("%s is %v, want %v", key, have, want)
}

// A requestRule is one way in which Carafe differs on purpose.
type requestRule struct {
	reason   string
	explains func(c *requestCase, key string, have, want any) bool
}

var requestRules = []requestRule{
	{"what a proxy tells that cannot be an address, a scheme, a host or a path is not believed", func(c *requestCase, key string, have, want any) bool {
		return c.App.Proxies != nil && have == c.disbelieved(key)
	}},
	{"bytes beyond ASCII in targets and headers are text in UTF-8, not in Latin-1", func(c *requestCase, key string, have, want any) bool {
		return c.hasRawBytes() && reflect.DeepEqual(asLatin1(have), want)
	}},
	{`a "#" in a request target is no fragment, since clients never send one`, func(c *requestCase, key string, have, want any) bool {
		_, fragment, ok := strings.Cut(c.Request.Target, "#")
		return ok && strings.ReplaceAll(strings.ReplaceAll(fmt.Sprint(have), "#"+fragment, ""), "%23"+fragment, "") == fmt.Sprint(want)
	}},
	{"userinfo in an absolute target is no part of the host", func(c *requestCase, key string, have, want any) bool {
		_, rest, ok := strings.Cut(c.Request.Target, "://")
		user, after, at := strings.Cut(rest, "@")
		host, _, _ := strings.Cut(after, "/")
		return ok && at && !strings.Contains(user, "/") && strings.Replace(fmt.Sprint(have), host, "", 1) == fmt.Sprint(want)
	}},
	{"methods are as they were sent (RFC 9110, 9.1)", func(c *requestCase, key string, have, want any) bool {
		return key == "method" && have == c.Request.Method && strings.ToUpper(c.Request.Method) == want
	}},
	{`"_" is accepted in hosts, since names of containers have it`, func(c *requestCase, key string, have, want any) bool {
		host := strings.Join(c.header("Host"), "")
		return strings.Contains(host, "_") && strings.Replace(fmt.Sprint(have), strings.ToLower(host), "", 1) == fmt.Sprint(want)
	}},
	{"Data is the raw body of a form too", func(c *requestCase, key string, have, want any) bool {
		return key == "data" && want == "" && c.isForm() && reflect.DeepEqual(have, c.body())
	}},
	{"Values keeps the values of a name together, as every other MultiDict", func(c *requestCase, key string, have, want any) bool {
		return key == "values" && reflect.DeepEqual(have, grouped(want))
	}},
	{"chunk extensions and trailers are read (RFC 9112, 7.1)", func(c *requestCase, key string, have, want any) bool {
		expected, _ := want.(map[string]any)
		return expected["error"] != nil && c.hasLegalChunks() && key == "form" && reflect.DeepEqual(have, []any{[]any{"a", "1"}})
	}},
	{"a broken chunk is a 400", func(c *requestCase, key string, have, want any) bool {
		expected, _ := want.(map[string]any)
		return expected["error"] == "OSError" && !c.hasLegalChunks() && isHTTPError(have, 400)
	}},
	{"the limit of a chunked body is a 413, not a cut", func(c *requestCase, key string, have, want any) bool {
		return len(c.header("Transfer-Encoding")) > 0 && c.App.Config["MAX_CONTENT_LENGTH"] != nil && isHTTPError(have, 413)
	}},
	{"a form that is not UTF-8 is a 400, not an empty one", func(c *requestCase, key string, have, want any) bool {
		_, invalid := c.body().(map[string]any)
		return c.isForm() && !c.isMultipart() && invalid && isHTTPError(have, 400) && reflect.DeepEqual(want, []any{})
	}},
	{"malformed multipart is a 400, not an empty form", func(c *requestCase, key string, have, want any) bool {
		return c.isMultipart() && c.malformed() && isHTTPError(have, 400) && (reflect.DeepEqual(want, []any{}) || key == "values")
	}},
	{"what was read of a malformed form is gone, and not put back for Data", func(c *requestCase, key string, have, want any) bool {
		return c.isMultipart() && c.malformed() && key == "data" && have == "" && want == c.body()
	}},
	{"seconds end with 2³¹-1 (RFC 9111, 1.2.2)", func(c *requestCase, key string, have, want any) bool {
		h, _ := have.(map[string]any)
		w, _ := want.(map[string]any)
		for name, v := range w {
			if n, ok := v.(float64); ok && n > math.MaxInt32 && h[name] == float64(math.MaxInt32) {
				w[name] = h[name]
			}
		}
		return key == "cache_control" && reflect.DeepEqual(h, w)
	}},
	{"a part without a name is malformed (RFC 7578, 4.2)", func(c *requestCase, key string, have, want any) bool {
		return c.isMultipart() && c.hasNamelessPart() && isHTTPError(have, 400)
	}},
	{"two Cookie lines are several cookies, not one broken one", func(c *requestCase, key string, have, want any) bool {
		var all []any
		for _, line := range c.header("Cookie") {
			for k, v := range wire.Cookies(line) {
				all = append(all, []any{k, v})
			}
		}
		return key == "cookies" && len(c.header("Cookie")) > 1 && reflect.DeepEqual(have, all)
	}},
	{"what is wrong with JSON is told in the words of Go's decoder", func(c *requestCase, key string, have, want any) bool {
		h, _ := have.(map[string]any)
		w, _ := want.(map[string]any)
		const lead = "Failed to decode JSON object: "
		return isHTTPError(have, 400) && isHTTPError(want, 400) && strings.HasPrefix(fmt.Sprint(h["description"]), lead) &&
			strings.HasPrefix(fmt.Sprint(w["description"]), lead)
	}},
	{"NaN and the infinities are not read: they are no JSON", func(c *requestCase, key string, have, want any) bool {
		return strings.Contains(fmt.Sprint(want), "$float") && isHTTPError(have, 400)
	}},
	{"JSON is UTF-8 (RFC 8259, 8.1)", func(c *requestCase, key string, have, want any) bool {
		text, plain := c.body().(string)
		return (!plain || strings.IndexByte(text, 0) >= 0) && isHTTPError(have, 400)
	}},
	{"the Base64 of Basic credentials must be well-formed", func(c *requestCase, key string, have, want any) bool {
		auth := strings.Join(c.header("Authorization"), "")
		return key == "authorization" && have == nil && strings.HasPrefix(strings.ToLower(auth), "basic ") && !wellFormedBase64.MatchString(auth[6:])
	}},
	{"a header with an underscore is not dropped: no environ can confuse it with a dash", func(c *requestCase, key string, have, want any) bool {
		return key == "headers" && withoutUnderscores(have, want)
	}},
	{"numbers are those of strconv: no blanks, no underscores", func(c *requestCase, key string, have, want any) bool {
		var args []any
		return json.Unmarshal([]byte(key), &args) == nil && args[0] == "get" && len(args) == 5 && args[4] != nil &&
			strings.ContainsAny(c.Request.Target, "_+ %") && reflect.DeepEqual(have, args[3])
	}},
}

// disbelieved is what stands in place of a forwarded value that Carafe does not believe and Werkzeug does. Of cases that forward one
// such value: the test of ProxyFix itself has the others.
func (c *requestCase) disbelieved(key string) any {
	scheme := strings.ToLower(c.told("Proto"))
	if scheme != "https" && scheme != "ws" && scheme != "wss" {
		scheme = "http"
	}
	host, root := c.told("Host"), c.told("Prefix")
	if !goodHost(host) {
		host = strings.ToLower(strings.Join(c.header("Host"), ""))
	}
	if port := c.told("Port"); port != "" {
		host = strings.TrimSuffix(host, ":"+host[strings.LastIndex(host, ":")+1:]) + ":" + port
	}
	if root != "" && root[0] != '/' {
		root = ""
	} else if root != "" {
		root = strings.TrimRight("/"+strings.TrimLeft(root, `/\`), "/")
	}
	switch key {
	case "remote_addr":
		addr := c.told("For")
		if name, _, err := net.SplitHostPort(addr); err == nil {
			addr = name
		}
		if ip := net.ParseIP(strings.Trim(addr, "[]")); ip != nil {
			return ip.String()
		}
		return "127.0.0.1"
	case "scheme":
		return scheme
	case "is_secure":
		return scheme == "https" || scheme == "wss"
	case "host":
		return host
	case "script_root":
		return root
	case "url":
		return scheme + "://" + host + root + c.Request.Target
	}
	return nil
}

// told is the value of X-Forwarded-name that the case's ProxyFix reads.
func (c *requestCase) told(name string) string {
	n := c.App.Proxies["x_"+strings.ToLower(name)]
	values := strings.Split(strings.Join(c.header("X-Forwarded-"+name), ","), ",")
	if n == 0 || n > len(values) {
		return ""
	}
	return strings.TrimSpace(values[len(values)-n])
}

var wellFormedBase64 = regexp.MustCompile(`^\s*([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\s*$`)

func isHTTPError(v any, code float64) bool {
	m, _ := v.(map[string]any)
	return m["http_error"] == code
}

func (c *requestCase) hasRawBytes() bool {
	all := c.Request.Target
	for _, h := range c.Request.Headers {
		all += h[0] + h[1]
	}
	return strings.IndexFunc(all, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0
}

// asLatin1 reads the bytes of every text in v as Latin-1.
func asLatin1(v any) any {
	switch x := v.(type) {
	case string:
		return wire.Latin1(x)
	case []any:
		list := make([]any, len(x))
		for i := range x {
			list[i] = asLatin1(x[i])
		}
		return list
	case map[string]any:
		m := map[string]any{}
		for k, e := range x {
			m[k] = asLatin1(e)
		}
		return m
	}
	return v
}

func (c *requestCase) mediaType() string {
	typ, _ := wire.ParseOptions(strings.Join(c.header("Content-Type"), ""))
	return strings.ToLower(typ)
}

func (c *requestCase) isMultipart() bool { return c.mediaType() == "multipart/form-data" }

func (c *requestCase) isForm() bool {
	return c.isMultipart() || c.mediaType() == "application/x-www-form-urlencoded"
}

// body is the case's body as extractors give it.
func (c *requestCase) body() any {
	var v any
	_ = json.Unmarshal(c.Request.Body, &v)
	if v == nil {
		return ""
	}
	return v
}

// hasLegalChunks says whether a chunked body keeps to the grammar, extensions and trailers included.
func (c *requestCase) hasLegalChunks() bool {
	text, _ := c.body().(string)
	return len(c.header("Transfer-Encoding")) > 0 && regexp.MustCompile(`^[0-9a-fA-F]+(;[^\r\n]*)?\r\n`).MatchString(text)
}

// malformed says whether a multipart body lacks a boundary, its end, or something in the header of a part: Werkzeug found
// nothing in it, and it is not the form of no parts.
func (c *requestCase) malformed() bool {
	_, params := wire.ParseOptions(strings.Join(c.header("Content-Type"), ""))
	boundary, _ := params.Get("boundary")
	text, _ := c.body().(string)
	return boundary == "" || !regexp.MustCompile(`^\s*--`+regexp.QuoteMeta(boundary)+`--`).MatchString(text)
}

var (
	anyDisposition   = regexp.MustCompile(`(?i)content-disposition:[^\r\n]*`)
	namedDisposition = regexp.MustCompile(`(?i)\bname\*?\d*\*?=`)
)

func (c *requestCase) hasNamelessPart() bool {
	text, _ := c.body().(string)
	for _, line := range anyDisposition.FindAllString(text, -1) {
		if !namedDisposition.MatchString(line) {
			return true
		}
	}
	return false
}

// grouped puts pairs of a name together, in the order of the names.
func grouped(v any) any {
	list, _ := v.([]any)
	var names []any
	byName := map[any][]any{}
	for _, p := range list {
		name := p.([]any)[0]
		if byName[name] == nil {
			names = append(names, name)
		}
		byName[name] = append(byName[name], p)
	}
	var out []any
	for _, n := range names {
		out = append(out, byName[n]...)
	}
	return out
}

// withoutUnderscores says whether lists of headers differ only in those with an underscore.
func withoutUnderscores(have, want any) bool {
	left := []any{}
	for _, h := range have.([]any) {
		if !strings.Contains(fmt.Sprint(h.([]any)[0]), "_") {
			left = append(left, h)
		}
	}
	return reflect.DeepEqual(left, want)
}
