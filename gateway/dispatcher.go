package gateway

import (
	"net/http"
	"net/url"
	"strings"
)

// A Dispatcher joins several handlers under path prefixes into one. Do not change it while it serves.
//
// The longest prefix that ends at a slash or at the path's end wins, and moves from the path to the script name (see
// ShiftPrefix). The decoded path counts, so "/a%2Fb" is below "/a". A handler mounted at "" takes what no other takes.
//
// Source: Werkzeug DispatcherMiddleware.
type Dispatcher struct {
	Default http.Handler            // what no mount takes; nil means 404
	Mounts  map[string]http.Handler // by prefix: leading slash, no trailing one
}

// ServeHTTP passes r to the handler that its path belongs to.
func (d *Dispatcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, prefix := d.match(r.URL.Path)
	if shifted, ok := ShiftPrefix(r, prefix); ok {
		h.ServeHTTP(w, shifted)
		return
	}
	http.NotFound(w, r)
}

func (d *Dispatcher) match(path string) (http.Handler, string) {
	for prefix := path; strings.Contains(prefix, "/"); prefix = prefix[:strings.LastIndexByte(prefix, '/')] {
		if h, ok := d.Mounts[prefix]; ok {
			return h, prefix
		}
	}
	if h, ok := d.Mounts[""]; ok {
		return h, ""
	}
	if d.Default != nil {
		return d.Default, ""
	}
	return http.HandlerFunc(http.NotFound), ""
}

// ShiftPrefix moves prefix from the path of r to its script name: what a mount point does to a request.
//
// prefix is decoded, with a leading and no trailing slash ("/api"); "" changes nothing. It reports false, and returns r
// itself, if the path is not prefix and does not go on with "/" after it. A path equal to prefix becomes "", as
// PATH_INFO does. The raw path and the rest of the request stay; r itself is not changed.
//
// Source: PEP 3333 on SCRIPT_NAME, wsgiref.util.shift_path_info, Werkzeug DispatcherMiddleware.
func ShiftPrefix(r *http.Request, prefix string) (*http.Request, bool) {
	if prefix == "" {
		return r, true
	}
	rest, ok := strings.CutPrefix(r.URL.Path, prefix)
	if !ok || rest != "" && rest[0] != '/' {
		return r, false
	}
	shifted := WithScriptName(r, ScriptName(r)+prefix)
	u := *r.URL
	u.Path, u.RawPath = rest, cutRawPrefix(r.URL.RawPath, prefix)
	shifted.URL = &u
	return shifted, true
}

// cutRawPrefix cuts from a percent-encoded path as many bytes as decode to prefix. "" stays "".
func cutRawPrefix(raw, prefix string) string {
	i := 0
	for range len(prefix) {
		switch {
		case i >= len(raw):
			return ""
		case raw[i] == '%':
			i += 3
		default:
			i++
		}
	}
	if i > len(raw) {
		return ""
	}
	rest := raw[i:]
	if rest == "" || rest[0] != '/' || !isDecoded(rest, raw, prefix) {
		return "" // "%2F" behind the prefix: no RawPath can say that and begin with a slash
	}
	return rest
}

// isDecoded reports whether rest is a usable RawPath: cut at an escape's border and behind the prefix indeed.
func isDecoded(rest, raw, prefix string) bool {
	head, err := url.PathUnescape(raw[:len(raw)-len(rest)])
	return err == nil && head == prefix
}
