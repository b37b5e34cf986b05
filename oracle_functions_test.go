package carafe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
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
	return pythonText(c.Args[i]), true
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

// ofNumbers is a function of a text that may hold numbers beyond int64.
func ofNumbers(f func(string) any) function {
	return func(c *functionCase) (any, string, error) {
		got := f(c.str(0))
		for _, number := range strings.FieldsFunc(c.str(0), func(r rune) bool { return r < '0' || r > '9' }) {
			if _, err := strconv.ParseInt(number, 10, 64); err != nil || number == strconv.Itoa(math.MaxInt64) { // ends are exclusive: one more
				return got, "numbers end with int64", errorUnless(got == nil || strings.Contains(fmt.Sprint(got), strconv.Itoa(math.MaxInt64)), "they do not")
			}
		}
		return got, "", nil
	}
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
	"parse_etags":                functionETags,
	"parse_range_header":         ofNumbers(functionRange),
	"parse_content_range_header": ofNumbers(functionContentRange),
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
	"uri_to_iri":                 functionURIToIRI,
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
			p.Value = pythonText(v)
		}
		params = append(params, p)
	}
	return params
}

// pythonText is what Python makes of a JSON value that is no text when it is asked for one.
func pythonText(raw json.RawMessage) string {
	if word := map[string]string{"true": "True", "false": "False"}[string(raw)]; word != "" {
		return word
	}
	return string(raw)
}

func functionDumpOptions(c *functionCase) (any, string, error) {
	got := wire.DumpOptions(c.str(0), orderedParams(c.Args[1]))
	if v, given := c.text(0); given && v == "" {
		return got, "an empty value is none: there is no None beside it", errorUnless(!strings.HasPrefix(got, ";"), "a leading semicolon")
	}
	return got, "", nil
}

func functionDump(c *functionCase) (any, string, error) {
	var list []json.RawMessage
	if json.Unmarshal(c.Args[0], &list) != nil {
		return wire.DumpDict(orderedParams(c.Args[0])), "", nil
	}
	items := make([]string, len(list))
	for i := range list {
		if json.Unmarshal(list[i], &items[i]) != nil {
			items[i] = pythonText(list[i])
		}
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

func functionETags(c *functionCase) (any, string, error) {
	got := wire.ParseETags(c.str(0))
	if bytes.Contains(c.Expect, []byte("null")) || c.Error != nil {
		return tags(got), "an empty tag is one, not None", errorUnless(slices.Contains(append(got.Weak, got.Strong...), ""), "no empty tag")
	}
	return tags(got), "", nil
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
	list := []any{}
	for k, v := range wire.Cookies(c.str(0)) {
		list = append(list, []any{k, v})
	}
	together, _ := grouped(list).([]any) // as a MultiDict lists them
	return append([]any{}, together...), "", nil
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

// functionIsModified asks through a response: what is not modified is answered with 304, 412, or the range that was asked for.
func functionIsModified(c *functionCase) (any, string, error) {
	app := carafe.New("functions")
	var etag, changed string
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
		etag, changed = resp.Header.Get("Etag"), resp.Header.Get("Last-Modified")
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
	whole := r.Header.Get("If-Range") != "" && string(c.Kwargs["ignore_if_range"]) == "false"
	must := preconditions(r.Header, etag, changed)
	err := errorUnless(must == w.Code || must == 0 && w.Code != 304 && w.Code != 412, fmt.Sprintf("status %d, by RFC 9110 %d", w.Code, must))
	if same := r.Header.Get("If-Range"); err == nil && whole && w.Code == 206 {
		err = errorUnless(same == etag && etag[0] == '"' || same == changed, "a range of something else")
	}
	return w.Code == 200 || w.Code > 200 && w.Code != 304 && w.Code != 412 && !whole, "preconditions are those of RFC 9110, 13.2.2", err
}

// preconditions is the status by RFC 9110, 13.2.2, of what has this tag and date, 0 if they hold. As in Flask, tags are not compared with
// what has none.
func preconditions(asked http.Header, etag, changed string) int {
	tag, weak, exists := wire.ParseETag(etag)
	modified, _ := carafe.ParseDate(changed)
	since, dated := carafe.ParseDate(asked.Get("If-Modified-Since"))
	match, none := wire.ParseETags(asked.Get("If-Match")), wire.ParseETags(asked.Get("If-None-Match"))
	switch {
	case exists && !match.IsZero() && !match.Matches(tag, weak):
		return 412
	case exists && none.MatchesWeakly(tag):
		return 304
	case none.IsZero() && dated && !modified.IsZero() && !modified.After(since):
		return 304
	}
	return 0
}

func functionPasswordHash(c *functionCase) (any, string, error) {
	method, given := c.kwarg("method")
	_, err := signing.GeneratePasswordHash(c.str(0), signing.PasswordOptions{Method: method})
	switch {
	case given && method == "":
		return nil, "no method is the default one", err
	case err == nil && memoryLimit(c):
		return nil, "scrypt's memory is what its cost needs: Werkzeug gives OpenSSL too little for a small one", nil
	case c.Error != nil:
		return nil, "", err
	case isUnknownHash(err):
		return nil, unknownHash, nil
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
	case isUnknownHash(err):
		return ok, unknownHash, err
	case memoryLimit(c):
		return ok, "scrypt's memory is what its cost needs: Werkzeug gives OpenSSL too little for a small one", err
	}
	return ok, "", err
}

const unknownHash = "pbkdf2 knows the hashes of Go's library, not those of OpenSSL"

func isUnknownHash(err error) bool {
	return err != nil && strings.Contains(err.Error(), "does not know the hash")
}

func memoryLimit(c *functionCase) bool {
	return c.Error != nil && strings.Contains(c.Error.Message, "memory limit exceeded")
}
