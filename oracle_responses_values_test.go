package carafe_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway"
)

func decodeReturned(raw json.RawMessage) (r returned) {
	_ = json.Unmarshal(raw, &r)
	return r
}

// part puts one value into Go: that of a view, or at place 1 and up one beside a body. Place -1 is inside of JSON.
func (c *responseCase) part(r returned, place int) any {
	switch r.Type {
	case "str", "bool", "int", "float", "http status":
		return c.scalar(r)
	case "bytes":
		if place > 0 { // no part of a Reply is bytes
			return r.Base64
		}
		return r.Base64
	case "bytearray":
		c.verdict.reason = "Go has one type of bytes, and it can be sent"
		body := string(r.Base64)
		c.Expect.Body, c.Expect.StreamError = &body, nil
		return r.Base64
	case "none":
		return nil
	case "markup":
		return template.HTML(c.text(r.Value))
	case "dict":
		if place > 0 {
			return c.headerMap(r.Value)
		}
		return c.plain(decode(r.Value))
	case "list":
		return c.plain(decode(r.Value))
	case "tuple":
		return c.tuple(r, place)
	case "pairs":
		return pairs(r.Items)
	case "headers":
		h := http.Header{}
		for _, p := range pairs(r.Items) {
			h.Add(p[0], p[1])
		}
		return h
	case "generator", "iterator", "map", "failing generator":
		return c.pieces(r)
	case "wsgi":
		return c.application(r)
	case "redirect":
		if r.Code == 0 {
			return carafe.Redirect(r.Location)
		}
		return carafe.Redirect(r.Location, r.Code)
	case "response", "base response":
		return carafe.Text("") // replaced by result, which can fail
	case "exception":
		return c.exception(r)
	case "uuid", "datetime", "date", "decimal", "point":
		return c.special(r, place)
	case "set":
		return make(chan int)
	case "object":
		return func() {}
	}
	c.verdict.wrongf("a result of type %s that the test does not know", r.Type)
	return nil
}

func (c *responseCase) scalar(r returned) any {
	v := decode(r.Value)
	n, ok := v.(json.Number)
	if !ok {
		return v
	}
	if r.Type != "float" {
		if i, err := n.Int64(); err == nil {
			return int(i)
		}
	}
	f, _ := n.Float64()
	return f
}

func (c *responseCase) text(raw json.RawMessage) string {
	s, _ := decode(raw).(string)
	return s
}

func (c *responseCase) special(r returned, place int) any {
	text := c.text(r.Value)
	switch r.Type {
	case "uuid":
		return uuid.MustParse(text)
	case "decimal":
		return decimal(text)
	case "datetime", "date":
		when, err := time.Parse("2006-01-02T15:04:05Z07:00", text)
		for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02"} {
			if err != nil {
				when, err = time.Parse(layout, text)
			}
		}
		if place >= 0 {
			c.verdict.reason = "a time.Time is a json.Marshaler, and can be answered with"
			data, _ := json.Marshal(when)
			body := string(data) + "\n"
			c.Expect.Status, c.Expect.Body = "200 OK", &body
			c.Expect.Headers = [][2]string{{"Content-Type", "application/json"}, {"Content-Length", strconv.Itoa(len(body))}}
			return when
		}
		old, _ := json.Marshal(when.UTC().Format(http.TimeFormat))
		now, _ := json.Marshal(when)
		c.replaceBody(string(old), string(now), "JSON has times as RFC 3339")
		return when
	}
	var point struct {
		X any `json:"x"`
		Y any `json:"y"`
	}
	_ = json.Unmarshal(r.Value, &point)
	if point.X == nil {
		point.X, point.Y = 1, "q"
	}
	return point
}

// decimal is a number that is written as text.
type decimal string

func (d decimal) MarshalText() ([]byte, error) { return []byte(d), nil }

// replaceBody changes what is expected by a rule.
func (c *responseCase) replaceBody(old, now, reason string) {
	if c.Expect.Body == nil || !strings.Contains(*c.Expect.Body, old) {
		return
	}
	body := strings.ReplaceAll(*c.Expect.Body, old, now)
	c.Expect.Body, c.verdict.reason = &body, reason
	for i, h := range c.Expect.Headers {
		if h[0] == "Content-Length" {
			c.Expect.Headers[i][1] = strconv.Itoa(len(body))
		}
	}
}

func (c *responseCase) headerMap(raw json.RawMessage) any {
	h := http.Header{}
	m, _ := decode(raw).(map[string]any)
	for k, v := range m {
		switch v := v.(type) {
		case string:
			h[k] = []string{v}
		case json.Number:
			h[k] = []string{v.String()}
		case map[string]any:
			r := typed(v)
			if list, ok := c.part(r, -1).([]any); ok {
				for _, item := range list {
					h[k] = append(h[k], fmt.Sprint(item))
				}
				continue
			}
			h[k] = []string{fmt.Sprint(c.part(r, -1))}
		default:
			h[k] = []string{fmt.Sprint(v)}
		}
	}
	return h
}

func (c *responseCase) tuple(r returned, place int) any {
	var items []returned
	_ = json.Unmarshal(r.Items, &items)
	values := make([]any, len(items))
	for i, item := range items {
		values[i] = c.part(item, i)
		if item.Type == "response" || item.Type == "base response" {
			values[i] = c.lazyResponse(item)
		}
		if place == -1 {
			continue
		}
		if item.Type == "pairs" && i > 0 {
			c.repeatedHeaders(items[0], values[i].([][2]string))
		}
	}
	switch {
	case place == -1:
		return values
	case len(values) == 0:
		return carafe.Reply(nil)
	}
	return carafe.Reply(values[0], values[1:]...)
}

// repeatedHeaders is Unlike Flask: beside a JSON or response body, it loses all but the last of a repeated name.
func (c *responseCase) repeatedHeaders(body returned, given [][2]string) {
	seen := map[string]bool{}
	for _, p := range given {
		if seen[p[0]] && body.Type != "str" && body.Type != "bytes" && body.Type != "generator" {
			c.verdict.reason = "repeated headers survive whatever the body"
			c.Expect.Headers = slices.DeleteFunc(c.Expect.Headers, func(h [2]string) bool { return h[0] == p[0] })
			for _, all := range given {
				if all[0] == p[0] {
					c.Expect.Headers = append(c.Expect.Headers, all)
				}
			}
		}
		seen[p[0]] = true
	}
}

// lazyResponse is a Response made when make_response asks for it, since that may fail.
func (c *responseCase) lazyResponse(r returned) carafe.Responder {
	return responderFunc(func(ctx *carafe.Context) (*carafe.Response, error) {
		resp, err := c.response(ctx, r)
		if err != nil {
			return nil, err
		}
		return resp.(*carafe.Response), nil
	})
}

type responderFunc func(*carafe.Context) (*carafe.Response, error)

func (f responderFunc) Respond(c *carafe.Context) (*carafe.Response, error) { return f(c) }

func pairs(raw json.RawMessage) [][2]string {
	var list [][2]any
	_ = json.Unmarshal(raw, &list)
	out := make([][2]string, len(list))
	for i, p := range list {
		out[i] = [2]string{fmt.Sprint(p[0]), fmt.Sprint(p[1])}
	}
	return out
}

// pieces is an iterator. What Go's types cannot yield is an error at that place.
func (c *responseCase) pieces(r returned) any {
	raw := r.Chunks
	if raw == nil {
		raw = r.Items
	}
	var chunks []any
	list, _ := decode(raw).([]any)
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			item = c.part(typed(m), 0)
		}
		chunks = append(chunks, item)
	}
	return iter.Seq2[[]byte, error](func(yield func([]byte, error) bool) {
		for _, chunk := range chunks {
			var p []byte
			var err error
			switch v := chunk.(type) {
			case string:
				p = []byte(v)
			case []byte:
				p = v
			case json.Number:
				p = []byte(v.String())
			default:
				err = fmt.Errorf("chunk is %T, not bytes", v)
			}
			if !yield(p, err) {
				return
			}
		}
		if r.Type == "failing generator" {
			yield(nil, errors.New("broken stream"))
		}
	})
}

func (c *responseCase) application(r returned) gateway.Application {
	var status string
	_ = json.Unmarshal(r.Status, &status)
	var chunks []string
	_ = json.Unmarshal(r.Chunks, &chunks)
	return gateway.ApplicationFunc(func(_ gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		h := http.Header{}
		for _, p := range pairs(r.Headers) {
			h.Add(p[0], p[1])
		}
		w, err := start(status, h, nil)
		if err != nil {
			return nil, err
		}
		for _, text := range r.Written {
			if _, err := io.WriteString(w, text); err != nil {
				return nil, err
			}
		}
		body := gateway.List{}
		for _, chunk := range chunks {
			body = append(body, []byte(chunk))
		}
		return body, nil
	})
}

// plain is decoded JSON with the tagged values in it put into Go.
func (c *responseCase) plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if kind, ok := v["type"].(string); ok && slices.Contains([]string{"uuid", "datetime", "date", "decimal", "markup", "point", "tuple", "list", "dict", "none", "int", "float", "bool", "str"}, kind) {
			return c.part(typed(v), -1)
		}
		out := map[string]any{}
		for k, item := range v {
			out[k] = c.plain(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = c.plain(item)
		}
		return out
	}
	return v
}

func typed(m map[string]any) (r returned) {
	data, _ := json.Marshal(m)
	_ = json.Unmarshal(data, &r)
	return r
}

func decode(raw json.RawMessage) any {
	if raw == nil {
		return nil
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var v any
	_ = dec.Decode(&v)
	return v
}
