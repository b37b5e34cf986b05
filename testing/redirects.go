package carafetest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// redirect is where an answer sends the client; twice the same is a loop.
type redirect struct {
	location string
	status   int
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusUseProxy,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// redirected is the next request. The location is resolved as browsers do, also one relative to the path.
//
// Source: werkzeug.test.Client.resolve_redirect. Unlike there, a relative path is not taken for one from the root.
func (q *request) redirected(to redirect, subdomains bool) (*request, error) {
	if to.location == "" {
		return nil, errors.New("it has no Location")
	}
	here := q.url()
	here.Scheme, here.Host = q.scheme, q.host
	target, err := here.Parse(to.location)
	if err != nil {
		return nil, fmt.Errorf("its location cannot be read: %w", err)
	}
	if err := mayFollow(q.hostname(), hostname(target.Host), subdomains); err != nil {
		return nil, err
	}
	next := *q
	next.scheme, next.host, next.query = target.Scheme, target.Host, escapeQuery(target.RawQuery)
	next.header = q.header.Clone()
	next.setPath(target)
	if to.status != http.StatusTemporaryRedirect && to.status != http.StatusPermanentRedirect {
		next.dropBody()
	} else if q.reader != nil {
		return nil, errors.New("a body of BodyFrom cannot be sent again: use Body")
	}
	return &next, nil
}

// mayFollow says why a redirect between two hosts is not followed.
func mayFollow(from, to string, subdomains bool) error {
	switch {
	case to == from, subdomains && strings.HasSuffix(to, "."+from):
		return nil
	case strings.HasSuffix(to, "."+from):
		return errors.New("following subdomain redirects is not enabled: create the client with carafetest.SubdomainRedirects(true)")
	}
	return errors.New("following external redirects is not supported")
}

// setPath takes the path of the target, without the root that the app is mounted below. What is not below it is asked for at
// the root.
func (q *request) setPath(target *url.URL) {
	path, raw := target.Path, target.RawPath
	segments := strings.Split(path, "/")
	root := strings.Split(q.root, "/")
	if len(segments) >= len(root) && slices.Equal(segments[:len(root)], root) {
		path = strings.TrimPrefix(path, q.root)
		raw = strings.TrimPrefix(raw, (&url.URL{Path: q.root}).EscapedPath())
	} else {
		q.root = ""
	}
	q.path, q.raw = path, raw
	if q.path == "" {
		q.path = "/"
	}
}

// dropBody makes the request one that only asks.
func (q *request) dropBody() {
	if q.method != http.MethodHead {
		q.method = http.MethodGet
	}
	q.body, q.reader = nil, nil
	for _, name := range []string{"Content-Type", "Content-Length", "Transfer-Encoding"} {
		q.header.Del(name)
	}
}
