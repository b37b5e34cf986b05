package carafe

import (
	"html/template"
	"iter"
	"net/http"
	"strconv"
	"strings"
)

const typeProblem = "application/problem+json"

// An errorForm is how an error answers for itself.
type errorForm uint8

const (
	formPage errorForm = iota
	formProblem
	formText
)

// A problem is what an API client gets of an error: RFC 9457. Its type is about:blank, so that the title is the status'
// phrase; errors is an extension.
type problem struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Errors []Fault `json:"errors,omitempty"`
}

// form is how the error answers the request. A *ValidationError is problem details unless something else is preferred; any other
// error is Werkzeug's page.
func (e *HTTPError) form(c *Context) errorForm {
	preferred := formPage
	if e.validation != nil {
		preferred = formProblem
	}
	if c == nil {
		return preferred
	}
	return negotiateError(c.Request.Header["Accept"], preferred)
}

// negotiateError chooses among page, problem details and text what an Accept header wants most; otherwise, when all the same to it, the one
// given. An API client may name JSON and take anything ("application/json, text/plain, */*"), so that with equal
// quality a type that is named beats one that only a wildcard allows. What nothing fits gets text.
//
// Source: RFC 9110, 12.5.1.
func negotiateError(accept []string, otherwise errorForm) errorForm {
	if len(accept) == 0 {
		return otherwise
	}
	page, problem, text := acceptance{}, acceptance{}, acceptance{}
	for item, q := range weighted(accept) {
		page.consider(item, q, "text/html")
		problem.consider(item, q, typeJSON, typeProblem)
		text.consider(item, q, "text/plain")
		switch { // those that no wildcard stands for
		case item == "application/xhtml+xml":
			page.consider(item, q, item)
		case strings.HasPrefix(item, "application/") && strings.HasSuffix(item, "+json"):
			problem.consider(item, q, item)
		}
	}
	switch {
	case page == problem && page.quality > 0:
		return otherwise
	case problem.beats(page) && !text.beats(problem):
		return formProblem
	case page.quality > 0:
		return formPage
	case text.quality > 0 || problem.quality == 0:
		return formText
	}
	return formProblem
}

// An acceptance is how much a kind of answer is wanted, and how closely it was named: 1 by */*, 2 by type/*, 3 by itself.
type acceptance struct {
	quality float64
	closely int
}

// consider takes note of an item of Accept that is, or allows, one of types. The closest item decides; among several as close, the
// one with the highest quality.
func (a *acceptance) consider(item string, q float64, types ...string) {
	closely := 0
	for _, t := range types {
		family, _, _ := strings.Cut(t, "/")
		switch item {
		case t:
			closely = 3
		case family + "/*":
			closely = max(closely, 2)
		case "*/*":
			closely = max(closely, 1)
		}
	}
	if closely > a.closely || closely == a.closely && closely > 0 && q > a.quality {
		a.closely, a.quality = closely, q
	}
}

func (a acceptance) beats(b acceptance) bool {
	return a.quality > b.quality || a.quality == b.quality && a.quality > 0 && a.closely > b.closely
}

// weighted are the items of a list with qualities, in lower case and without other parameters. A quality that cannot be read is 0.
func weighted(header []string) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for _, line := range header {
			for item := range strings.SplitSeq(line, ",") {
				name, params, _ := strings.Cut(item, ";")
				name = strings.ToLower(strings.TrimSpace(name))
				if name != "" && !yield(name, qualityOf(params)) {
					return
				}
			}
		}
	}
}

func qualityOf(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil || !(q >= 0 && q <= 1) {
				return 0
			}
			return q
		}
	}
	return 1
}

// body is the error's answer in the form that the request wants, without its own headers.
func (e *HTTPError) body(c *Context) (*Response, error) {
	var resp *Response
	switch e.form(c) {
	case formProblem:
		data, err := providerOf(c).Marshal(e.problem())
		if err != nil {
			return nil, err
		}
		resp = &Response{data: data, Header: http.Header{headerType: {typeProblem}}}
	case formText:
		resp = Text(e.text())
	default:
		resp = e.plain()
	}
	if c != nil {
		e.vary(c, resp)
	}
	return resp, nil
}

func providerOf(c *Context) JSONProvider {
	if c == nil {
		return &StdJSON{}
	}
	return c.App().JSON
}

// vary tells caches what the answer depended on. Without an Accept header nothing is said, so that the page of an error is, byte for byte,
// Flask's.
func (e *HTTPError) vary(c *Context, resp *Response) {
	if c.Request.Header["Accept"] != nil {
		resp.materialize()
		addVary(resp.Header, "Accept")
	}
	if e.validation != nil && e.validation.language != "" {
		resp.materialize()
		resp.Header["Content-Language"] = []string{e.validation.language}
		if len(c.App().binder.rules().languages) > 1 {
			addVary(resp.Header, "Accept-Language")
		}
	}
}

func (e *HTTPError) problem() problem {
	p := problem{Type: "about:blank", Title: e.Name(), Status: e.Code, Detail: e.detail()}
	if e.validation != nil {
		p.Errors = e.validation.Faults
	}
	return p
}

// detail is the description for those who do not read HTML.
func (e *HTTPError) detail() string {
	if e.Description != "" {
		return e.Description
	}
	return statusTexts[e.Code]
}

func (e *HTTPError) text() string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(e.Code) + " " + e.Name() + "\n")
	if d := e.detail(); d != "" {
		b.WriteString("\n" + d + "\n")
	}
	if e.validation != nil {
		for _, f := range e.validation.Faults {
			b.WriteString("- " + strings.ReplaceAll(f.describe(), "\n", " ") + "\n")
		}
	}
	return b.String()
}

// describe is the message with the field, if the message does not name it itself.
func (f Fault) describe() string {
	if f.Name == "" || strings.Contains(f.Message, f.Name) {
		return f.Message
	}
	return f.Name + ": " + f.Message
}

// list is the part of the page that names the faults.
func (e *ValidationError) list() template.HTML {
	var b strings.Builder
	b.WriteString("<ul>\n")
	for _, f := range e.Faults {
		b.WriteString("<li>" + escapeHTML(f.describe()) + "\n")
	}
	b.WriteString("</ul>\n")
	return template.HTML(b.String())
}
