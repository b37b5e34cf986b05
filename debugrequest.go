package carafe

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carafeweb/carafe/devserver"
)

// secretHeader says whether a header gives its bearer rights.
func secretHeader(name string) bool { return strings.Contains(name, "Cookie") || soundsSecret(name) }

func headerSection(title string, h http.Header, all bool) devserver.Section {
	s := devserver.Section{Name: title}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		value := strings.Join(h[name], "\n")
		if !all && secretHeader(name) {
			value = masked
		}
		s.Rows = append(s.Rows, devserver.Row{Name: name, Value: value})
	}
	return s
}

// valuesSection masks what is secret by its name.
func valuesSection(title string, values url.Values) devserver.Section {
	s := devserver.Section{Name: title, Open: len(values) > 0}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := strings.Join(values[name], "\n")
		if soundsSecret(name) || hasPassword(value) {
			value = masked
		}
		s.Rows = append(s.Rows, devserver.Row{Name: name, Value: value})
	}
	return s
}

// bodySections are the form, or the JSON, or the text of the body, as far as it was read.
func bodySections(c *Context) []devserver.Section {
	data, complete := devserver.Body(c)
	r := c.Request
	switch {
	case r.PostForm != nil && r.MultipartForm == nil:
		return []devserver.Section{valuesSection("Form", r.PostForm)}
	case len(data) == 0:
		return nil
	case r.MediaType() == "application/x-www-form-urlencoded":
		values, _ := url.ParseQuery(string(data)) // what could be read of it
		return []devserver.Section{valuesSection("Form", values)}
	case r.MediaType() == "multipart/form-data":
		return []devserver.Section{multipartSection(c)}
	}
	text := bodyText(r.MediaType(), data, false)
	title := "Body"
	if r.IsJSON() {
		title = "JSON"
	}
	if !complete {
		title += " (its beginning)"
	}
	return []devserver.Section{{Name: title, Open: true, Rows: []devserver.Row{{Name: r.MediaType(), Value: text}}}}
}

// multipartSection shows a form that the view has read. Files are named only.
func multipartSection(c *Context) devserver.Section {
	values := url.Values{}
	if form, err := c.Request.Forms(); err == nil {
		for name, list := range form.All() {
			values[name] = append(values[name], list)
		}
	}
	return valuesSection("Form", values)
}

// bodyText is a body for people: JSON indented and without what sounds secret, unless all is wanted; what is no text by its size.
func bodyText(mediaType string, data []byte, all bool) string {
	var v any
	if !all && strings.HasSuffix(mediaType, "json") && json.Unmarshal(data, &v) == nil {
		text, err := json.MarshalIndent(maskJSON(v), "", "  ")
		if err == nil {
			return string(text)
		}
	}
	if !utf8.Valid(data) {
		return strconv.Itoa(len(data)) + " bytes that are no text"
	}
	return string(data)
}

func maskJSON(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if soundsSecret(name) {
				v[name] = masked
			} else {
				v[name] = maskJSON(inner)
			}
		}
	case []any:
		for i, inner := range v {
			v[i] = maskJSON(inner)
		}
	}
	return v
}

// sessionSection shows the session if the request has opened it: to open it now would be to read what nobody has asked for.
func sessionSection(c *Context) devserver.Section {
	s := devserver.Section{Name: "Session", Open: true}
	if session := c.openedSession(); session != nil {
		values := maskMap(session.Values())
		for _, name := range sortedKeys(values) {
			s.Rows = append(s.Rows, devserver.Row{Name: name, Value: fmt.Sprintf("%v (%T)", values[name], values[name])})
		}
	}
	return s
}

// configSection masks secrets also after the PIN: nobody needs them on a screen.
func (a *App) configSection() devserver.Section {
	s := devserver.Section{Name: "Configuration"}
	values := map[string]any{}
	for _, key := range a.Config.Keys() {
		values[key] = a.Config.Get(key)
	}
	values = maskMap(values)
	for _, key := range sortedKeys(values) {
		s.Rows = append(s.Rows, devserver.Row{Name: key, Value: fmt.Sprintf("%v", values[key])})
	}
	return s
}

func environmentSection() devserver.Section {
	s := devserver.Section{Name: "Environment"}
	env := os.Environ()
	slices.Sort(env)
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		if soundsSecret(name) || hasPassword(value) {
			value = masked
		}
		s.Rows = append(s.Rows, devserver.Row{Name: name, Value: value})
	}
	return s
}

// repeatRequest writes what repeats the request, once without what is secret and once with all.
func repeatRequest(c *Context, rep *devserver.Report) {
	rep.Curl, rep.FullCurl = curlCommand(c, false), curlCommand(c, true)
	rep.Test, rep.FullTest = goTest(c, false), goTest(c, true)
}

// hopHeaders say something about the connection, or follow from the rest.
var hopHeaders = []string{"Connection", "Content-Length", "Transfer-Encoding", "Accept-Encoding", "Keep-Alive", "Te", "Upgrade", "Upgrade-Insecure-Requests"}

// repeatedHeaders are those worth repeating. Without all, the secret ones are masked.
func repeatedHeaders(h http.Header, all bool) (pairs [][2]string) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if slices.Contains(hopHeaders, name) || strings.HasPrefix(name, "Sec-") || name == "Priority" {
			continue
		}
		for _, value := range h[name] {
			if !all && secretHeader(name) {
				value = masked
			}
			pairs = append(pairs, [2]string{name, value})
		}
	}
	return pairs
}

// repeatedBody is the body to send again; note says what is wrong with it.
func repeatedBody(c *Context, all bool) (text, note string) {
	data, complete := devserver.Body(c)
	mediaType := c.Request.MediaType()
	switch {
	case len(data) == 0:
		return "", ""
	case !complete:
		note = "the body is longer, or was not read to its end: this is its beginning"
	case strings.IndexByte(string(data), 0) >= 0 || !utf8.Valid(data):
		return "", "the body is left out: it is no text"
	}
	if all {
		return string(data), note
	}
	if mediaType == "application/x-www-form-urlencoded" {
		values, _ := url.ParseQuery(string(data)) // what could be read of it
		for name := range values {
			if soundsSecret(name) {
				values[name] = []string{masked}
			}
		}
		return values.Encode(), note
	}
	return bodyText(mediaType, data, false), note
}

func curlCommand(c *Context, all bool) string {
	r := c.Request
	var b strings.Builder
	body, note := repeatedBody(c, all)
	if note != "" {
		b.WriteString("# " + note + "\n")
	}
	b.WriteString("curl -i --globoff --path-as-is")
	if r.Method == http.MethodHead {
		b.WriteString(" --head")
	} else if r.Method != http.MethodGet || body != "" {
		b.WriteString(" -X " + shellQuote(r.Method))
	}
	b.WriteString(" " + shellQuote(r.Scheme()+"://"+r.Host+r.RequestURI))
	for _, h := range repeatedHeaders(r.Header, all) {
		b.WriteString(" \\\n  -H " + shellQuote(h[0]+": "+h[1]))
	}
	if body != "" {
		b.WriteString(" \\\n  --data-raw " + shellQuote(body))
	}
	return b.String()
}

// shellQuote is one word for sh. Control characters are written with the quotes of bash, so that pasting shows all there is.
func shellQuote(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == utf8.RuneError || !unicode.IsPrint(r) && r != ' '
	}) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(s) {
		switch ch := s[i]; {
		case ch == '\'' || ch == '\\':
			b.WriteString(`\` + string(ch))
		case ch == '\n':
			b.WriteString(`\n`)
		case ch < 0x20 || ch >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, ch)
		default:
			b.WriteByte(ch)
		}
	}
	return b.String() + "'"
}

// goTest is a test of carafetest that repeats the request, and fails as long as it ends in an error.
func goTest(c *Context, all bool) string {
	r := c.Request
	var b strings.Builder
	body, note := repeatedBody(c, all)
	b.WriteString("func Test" + testName(r.Method, r.URL.Path) + "(t *testing.T) {\n\tapp := testApp(t) // makes the app under test, as in a project of carafe new\n\tclient := carafetest.NewClient(t, app)\n")
	if note != "" {
		b.WriteString("\t// " + note + "\n")
	}
	fmt.Fprintf(&b, "\tresp := client.Open(%q, %q", r.Method, r.RequestURI)
	if r.Host != "localhost" {
		fmt.Fprintf(&b, ",\n\t\tcarafetest.BaseURL(%q)", r.Scheme()+"://"+r.Host)
	}
	for _, h := range repeatedHeaders(r.Header, all) {
		fmt.Fprintf(&b, ",\n\t\tcarafetest.Header{%q: %q}", h[0], h[1])
	}
	if body != "" {
		fmt.Fprintf(&b, ",\n\t\tcarafetest.Body(%s)", goQuote(body))
	}
	b.WriteString(")\n\tif resp.StatusCode >= 500 {\n\t\tt.Errorf(\"" + `%s %s: status %d\n%s", ` + strconv.Quote(r.Method) + ", " + strconv.Quote(r.URL.Path) +
		", resp.StatusCode, resp.Text())\n\t}\n}\n")
	return b.String()
}

// goQuote prefers the quotes that leave JSON legible.
func goQuote(s string) string {
	if strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// testName is "GetUsers7" for GET /users/7.
func testName(method, path string) string {
	var b strings.Builder
	b.WriteString(strings.ToUpper(method[:1]) + strings.ToLower(method[1:]))
	for word := range strings.FieldsFuncSeq(path, func(r rune) bool { return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	name := b.String()
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return r
	}, name[:min(len(name), 60)])
}
