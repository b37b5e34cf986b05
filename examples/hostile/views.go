package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/carafeweb/carafe"
)

const secretPanic = "SECRET-PANIC-VALUE"

func number(id int) *carafe.Response { return carafe.Text(strconv.Itoa(id)) }

func query(c *carafe.Context) *carafe.Response {
	return carafe.Text(fmt.Sprintf("keys=%d", c.Request.Args().Len()))
}

func cookies(c *carafe.Context) map[string]string {
	got := map[string]string{}
	for name, value := range c.Request.CookieValues().All() {
		got[name] = value
	}
	return got
}

// page shows what it got in every place of a page where such a thing may stand. Jinja escapes for HTML alone: in a script
// it is tojson that does it, and an address takes a filter that looks at the scheme.
func page(c *carafe.Context) any {
	return carafe.RenderString(`<!doctype html>
<title>{{ x }}</title>
<p title="{{ x }}">{{ x }}</p>
<a href="{{ x|link }}">there</a>
<script>var x = {{ x|tojson }};</script>
`, map[string]any{"x": c.Query("x")})
}

// link is what may stand in href: a relative address, or one of the web or of mail. Anything else leads nowhere.
func link(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return "#"
	}
	switch u.Scheme {
	case "", "http", "https", "mailto":
		return u.String()
	}
	return "#"
}

func (s *site) download(c *carafe.Context) any {
	return carafe.SendFromDirectory(filepath.Join(s.site, "uploads"), c.Query("name"))
}

func attach(c *carafe.Context) any {
	return carafe.SendReader(strings.NewReader("attached"), carafe.Attachment(c.Query("name")))
}

func readJSON(c *carafe.Context) (any, error) {
	v, err := c.Request.JSONValue()
	return map[string]any{"ok": true, "v": v}, err
}

func readForm(c *carafe.Context) (any, error) {
	form, err := c.Request.Forms()
	if err != nil {
		return nil, err
	}
	return carafe.Text(fmt.Sprintf("fields=%d", form.Len())), nil
}

func readUpload(c *carafe.Context) (any, error) {
	form, err := c.Request.Forms()
	if err != nil {
		return nil, err
	}
	files, err := c.Request.Files()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files.All() {
		names = append(names, carafe.SecureFilename(file.Filename))
	}
	return carafe.Text(fmt.Sprintf("files=%d fields=%d names=%s", len(names), form.Len(), strings.Join(names, ","))), nil
}

// order is what /bind takes. A list of structs from a form would need indexes in the names of its fields, and who chooses the
// index chooses how much memory the list takes: Carafe has none. Fields go by key, and there are as many as were sent.
type order struct {
	Items map[string]string `form:"Items"`
}

func bind(form order) *carafe.Response { return carafe.Text(fmt.Sprintf("items=%d", len(form.Items))) }

func readBody(c *carafe.Context) (any, error) {
	data, err := c.Request.Data()
	return carafe.Text(fmt.Sprintf("len=%d", len(data))), err
}

func setHeader(c *carafe.Context) (string, http.Header) {
	return "set", http.Header{"X-Echo": {c.Query("v")}}
}

func setHeaderName(c *carafe.Context) (string, http.Header) {
	return "set", http.Header{c.Query("k"): {"1"}}
}

func setCookie(c *carafe.Context) (*carafe.Response, error) {
	resp := carafe.Text("set")
	return resp, resp.SetCookie(&http.Cookie{Name: c.Query("name"), Value: c.Query("v"), Path: c.Query("path"), Domain: c.Query("domain")})
}

func status(c *carafe.Context) (string, int, error) {
	code, err := strconv.Atoi(c.Query("code"))
	if err != nil {
		return "", 0, carafe.Abort(http.StatusBadRequest, "code is no number")
	}
	return "a body", code, nil
}

// wrongLength lies about its length, as a handler of net/http can.
func wrongLength(w http.ResponseWriter, r *http.Request) {
	send, err := strconv.Atoi(r.FormValue("send"))
	if err != nil || send < 0 || send > 1<<20 {
		http.Error(w, "send is no number", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Length", r.FormValue("declare"))
	_, _ = w.Write([]byte(strings.Repeat("x", send)))
}

func nilMap() string {
	var m map[string]int
	//lint:ignore SA5000 it is what the catalogue asks for: a fault of user code
	m["SECRET"] = 1
	return "written"
}

// late fails when a part of the page is out.
func late() any {
	return carafe.Stream(func(yield func([]byte) bool) {
		for range 4 {
			if !yield([]byte(strings.Repeat("part of the page\n", 1000))) {
				return
			}
		}
		panic(secretPanic)
	})
}

func failing() (string, error) { return "", errors.New("dial tcp: password=SECRET-DB-DSN") }

func panicBefore(c *carafe.Context) (any, error) {
	if c.Request.Path() == "/panic-before" {
		panic(secretPanic)
	}
	return nil, nil
}

func panicAfter(c *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
	if c.Request.Path() == "/panic-after" {
		panic(secretPanic)
	}
	return resp, nil
}

func panicTeardown(c *carafe.Context, _ error) {
	if c.Request.Path() == "/panic-teardown" {
		panic(secretPanic)
	}
}

// login begins a session anew: what was in it before, and who has seen it, does not matter any more.
func login(c *carafe.Context) *carafe.Response {
	s := c.Session()
	s.Clear()
	s.Regenerate()
	s.Set("user", c.Query("user"))
	return carafe.Text("welcome")
}

func whoami(c *carafe.Context) *carafe.Response {
	user, _ := c.Session().Get("user").(string)
	return carafe.Text("user=" + user)
}

func hasUser(c *carafe.Context) *carafe.Response {
	return carafe.Text(strconv.FormatBool(c.Session().Has("user")))
}

// scratch has fifty goroutines use the request's store at once.
func scratch(c *carafe.Context) *carafe.Response {
	done := make(chan struct{})
	for i := range 50 {
		go func() {
			defer func() { done <- struct{}{} }()
			for j := range 200 {
				c.G().Set(strconv.Itoa(j), i)
				c.G().Get(strconv.Itoa(j))
			}
		}()
	}
	wait := time.After(10 * time.Second)
	for range 50 {
		select {
		case <-done:
		case <-wait:
			return carafe.Text("stuck")
		}
	}
	return carafe.Text("used")
}
