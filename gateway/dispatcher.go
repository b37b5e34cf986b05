package gateway

import (
	"net/http"
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
