package devserver

import (
	"bytes"
	"html/template"
	"net/http"
	"path/filepath"
	"strconv"
)

// A Miss is a request that no rule answers: what the page of a 404 or 405 shows.
type Miss struct {
	Status             int          // 404 or 405
	Name               string       // "Not Found"
	Method, Host, Path string       // the request's, as they came
	Allow              []string     // for a 405
	Rules              []MissedRule // the nearest, the closest first; nil means that there are none
}

// A MissedRule is a rule that came close.
type MissedRule struct {
	Rule, Domain, Endpoint string   // its text, its subdomain or host ("" for none), and its endpoint
	Methods                []string // nil means any
	Verdict, Reason        string   // in a word, and in words
	File                   string   // where the rule was added; full path, "" if it is not known
	Line                   int      // from 1, 0 if it is not known
}

// missedView is a MissedRule as the page shows it.
type missedView struct {
	MissedRule
	Place string
	Link  template.URL
}

// MissPage is the page of a miss, and the headers to send it with.
func (d *Debugger) MissPage(m *Miss) (http.Header, []byte) {
	rules := make([]missedView, len(m.Rules))
	for i, r := range m.Rules {
		rules[i] = missedView{MissedRule: r, Link: editorLink(d.options.Editor, r.File, r.Line, 0)}
		if r.File != "" {
			rules[i].Place = filepath.Base(r.File) + ":" + strconv.Itoa(r.Line)
		}
	}
	return securePage(func(b *bytes.Buffer, nonce string) {
		_ = missPage.Execute(b, map[string]any{"M": m, "Path": shorten(m.Path, maxValue), "Host": shorten(m.Host, maxLine), "Rules": rules, "Nonce": nonce, "Style": pageStyle})
	})
}
