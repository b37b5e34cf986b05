package routing

import (
	"fmt"
	"strings"
)

// A RequestRedirect means that another URL is the right one. It is answered with Code 308,
// so that method and body are kept.
//
// Find returns it without the URL, since it does not know the host; Adapter.Complete adds it.
//
// Source: Werkzeug RequestRedirect.
type RequestRedirect struct {
	URL string // absolute; for rules with a RedirectTo whatever that gives

	pathOnly  bool   // only the path differs
	path      string // decoded
	alias     bool
	canonical *Rule
	target    bool
}

// Code is the status of every redirect: 308, Permanent Redirect.
func (*RequestRedirect) Code() int { return 308 }

// Error says where the client is sent.
func (e *RequestRedirect) Error() string {
	if e.URL == "" {
		return "routing: the request redirects"
	}
	return "routing: the request redirects to " + e.URL
}

// Complete works out the URL of a *RequestRedirect that Find returned with dst; other errors
// it returns as they are. method is the request's.
func (a *Adapter) Complete(dst *Match, method string, err error) error {
	e, ok := err.(*RequestRedirect)
	if !ok || e.URL != "" {
		return err
	}
	url, failure := a.completeURL(dst, e, method)
	if failure != nil {
		return failure
	}
	return &RequestRedirect{URL: url}
}

func (a *Adapter) completeURL(dst *Match, e *RequestRedirect, method string) (string, error) {
	switch {
	case e.pathOnly:
		return a.redirectURL(a.currentHost(), QuotePath(e.path), a.Query), nil
	case e.alias:
		return a.aliasURL(dst, method)
	case e.canonical != nil:
		return a.canonicalURL(dst, e.canonical)
	}
	return a.targetURL(dst)
}

func (a *Adapter) currentHost() string {
	if a.Map.opts.HostMatching {
		return a.ServerName
	}
	return a.host(a.Subdomain)
}

func (a *Adapter) redirectScheme() string {
	if a.Scheme == "" {
		return "http"
	}
	return a.Scheme
}

// redirectURL joins scheme, host, script root, a quoted path and a query.
func (a *Adapter) redirectURL(host, path, query string) string {
	url := a.redirectScheme() + "://" + host
	if root := strings.Trim(a.ScriptName, "/"); root != "" {
		url += "/" + root
	}
	url += "/" + strings.TrimLeft(path, "/")
	if query != "" {
		url += "?" + query
	}
	return url
}

// aliasURL builds the endpoint's own URL.
func (a *Adapter) aliasURL(dst *Match, method string) (string, error) {
	url, err := a.Build(dst.Rule.Endpoint, dst.Pairs(), BuildOptions{Method: method, External: true, DropUnknown: true})
	if err == nil && a.Query != "" {
		url += "?" + a.Query
	}
	return url, err
}

// canonicalURL builds the rule whose defaults are the values of the match.
func (a *Adapter) canonicalURL(dst *Match, c *Rule) (string, error) {
	s := c.sent(dst.Pairs())
	domain, err := c.buildDomain(s)
	if err != nil {
		return "", err
	}
	path, err := c.appendPath(nil, s)
	if err != nil {
		return "", err
	}
	return a.redirectURL(a.host(domain), string(path), a.Query), nil
}

// targetURL fills in RedirectTo. The query is not kept, as in Werkzeug.
func (a *Adapter) targetURL(dst *Match) (string, error) {
	r := dst.Rule
	target, err := "", error(nil)
	if f, ok := r.RedirectTo.(RedirectFunc); ok {
		target, err = f(a, dst.Values())
	} else {
		target, err = dst.fillTarget()
	}
	if err != nil {
		return "", err
	}
	host := a.ServerName
	if a.Subdomain != "" {
		host = a.Subdomain + "." + host
	}
	return joinURL(a.redirectScheme()+"://"+host+a.ScriptName, target), nil
}

func (m *Match) fillTarget() (string, error) {
	var url []byte
	for _, p := range m.Rule.target {
		if p.def == nil {
			url = append(url, p.text...)
			continue
		}
		i, ok := m.Lookup(p.text)
		if !ok || m.Rule.variables[i].def == nil {
			return "", &RuleError{Rule: m.Rule.Rule, Source: m.Rule.Source, Fault: FaultVariable,
				Reason: fmt.Sprintf("RedirectTo names %q, which the rule's text does not", p.text)}
		}
		var err error
		if url, err = m.Rule.variables[i].def.appendURL(url, m.Value(i)); err != nil {
			return "", err
		}
	}
	return string(url), nil
}
