package jinja_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"iter"
	"math"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe/jinja"
)

// Obj is the golden data's object with attributes.
type Obj struct{ attrs map[string]any }

func (o *Obj) Attr(name string) (any, bool) {
	v, ok := o.attrs[name]
	return v, ok
}

// HTMLObj is an object with HTML of its own.
type HTMLObj struct{ html, text string }

func (w *HTMLObj) HTML() template.HTML { return template.HTML(w.html) }
func (w *HTMLObj) String() string      { return w.text }

// decodeDict reads an object of tagged values as render data.
func decodeDict(t *testing.T, raw json.RawMessage) map[string]any {
	t.Helper()
	out := map[string]any{}
	eachMember(t, raw, func(key string, v json.RawMessage) { out[key] = decodeValue(t, v) })
	return out
}

func eachMember(t *testing.T, raw json.RawMessage, f func(key string, v json.RawMessage)) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		f(key.(string), v)
	}
}

func decodeItems(t *testing.T, raw json.RawMessage) []any {
	t.Helper()
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		t.Fatal(err)
	}
	out := make([]any, len(parts))
	for i, p := range parts {
		out[i] = decodeValue(t, p)
	}
	return out
}

func decodeValue(t *testing.T, raw json.RawMessage) any {
	t.Helper()
	switch raw[0] {
	case '[':
		return jinja.NewList(decodeItems(t, raw)...)
	case '{':
		return decodeObject(t, raw)
	case '"', 't', 'f', 'n':
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	return decodeNumber(t, string(raw))
}

func decodeNumber(t *testing.T, s string) any {
	t.Helper()
	if strings.ContainsAny(s, ".eE") {
		var f float64
		if err := json.Unmarshal([]byte(s), &f); err != nil {
			t.Fatal(err)
		}
		return f
	}
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		t.Fatalf("no number: %s", s)
	}
	return n
}

func decodeObject(t *testing.T, raw json.RawMessage) any {
	t.Helper()
	d := jinja.NewDict()
	var tagged any
	eachMember(t, raw, func(key string, v json.RawMessage) {
		if strings.HasPrefix(key, "$") {
			tagged = decodeTagged(t, key, v)
			return
		}
		d.Set(key, decodeValue(t, v))
	})
	if tagged != nil {
		return tagged
	}
	return d
}

func decodeTagged(t *testing.T, tag string, raw json.RawMessage) any {
	t.Helper()
	var s string
	json.Unmarshal(raw, &s)
	switch tag {
	case "$markup":
		return template.HTML(s)
	case "$int":
		return decodeNumber(t, s)
	case "$float":
		return map[string]float64{"inf": math.Inf(1), "-inf": math.Inf(-1), "nan": math.NaN(), "-0.0": math.Copysign(0, -1)}[s]
	case "$bytes":
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	case "$datetime":
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return at.UTC()
	case "$tuple":
		return jinja.NewTuple(decodeItems(t, raw)...)
	}
	return decodeMade(t, tag, raw)
}

func decodeMade(t *testing.T, tag string, raw json.RawMessage) any {
	t.Helper()
	switch tag {
	case "$iter":
		items := decodeItems(t, raw)
		return iter.Seq[any](func(yield func(any) bool) {
			for _, v := range items {
				if !yield(v) {
					return
				}
			}
			items = nil
		})
	case "$pairs":
		d := jinja.NewDict()
		var pairs []json.RawMessage
		json.Unmarshal(raw, &pairs)
		for _, p := range pairs {
			kv := decodeItems(t, p)
			d.Set(kv[0], kv[1])
		}
		return d
	case "$obj":
		return &Obj{decodeDict(t, raw)}
	case "$call":
		v := decodeValue(t, raw)
		return func(jinja.Kwargs, ...any) any { return v }
	case "$html":
		parts := decodeItems(t, raw)
		return &HTMLObj{parts[0].(string), parts[1].(string)}
	case "$fn":
		return decodeFunction(t, decodeItems(t, raw))
	}
	t.Fatalf("unknown tag %s", tag)
	return nil
}

func decodeFunction(t *testing.T, spec []any) any {
	t.Helper()
	switch spec[0] {
	case "counter":
		n := 0
		return func(jinja.Kwargs, ...any) int { n++; return n }
	case "show":
		return jinja.Show()
	case "raise":
		return func(jinja.Kwargs, ...any) (any, error) {
			return nil, &jinja.Error{Kind: spec[1].(string), Message: spec[2].(string)}
		}
	case "url_for":
		return fakeURLFor
	case "get_flashed_messages":
		return flashedMessages(spec[1].(*jinja.List))
	}
	t.Fatalf("unknown function %v", spec[0])
	return nil
}

func fakeURLFor(endpoint string, kw jinja.Kwargs) string {
	u := "/" + strings.ReplaceAll(endpoint, ".", "/")
	q := url.Values{}
	for k, v := range kw {
		if k == "filename" {
			u += "/" + url.PathEscape(v.(string))
			continue
		}
		q.Set(k, fmt.Sprint(v))
	}
	if len(q) > 0 {
		u += "?" + q.Encode()
	}
	return u
}

func flashedMessages(all *jinja.List) any {
	return func(kw jinja.Kwargs) any {
		if kw["with_categories"] == true {
			return all
		}
		var messages []any
		for _, pair := range all.Items() {
			messages = append(messages, pair.([]any)[1])
		}
		return messages
	}
}
