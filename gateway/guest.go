package gateway

import (
	"net/http"
	"net/url"
	"strings"
)

// Guest fits a handler that knows nothing of script names, such as a router of another framework or http.ServeMux, into a
// mount: of a Dispatcher, of an App, of FastCGI.
//
//   - To the mount's very root, whose PATH_INFO is empty, it answers as to "/". Routers have no route for an empty path.
//   - A Location or Content-Location that is a path, "/there", gets the script name in front: routers redirect to what they
//     take for the path. "//host/there", full URLs and relative ones stay.
//
// At the root it is h itself. Do not put it around an App or another Application that builds its URLs with the script name.
// Like http.StripPrefix, it does not touch links in a body; a handler that makes some finds the mount by ScriptName.
func Guest(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		script := ScriptName(r)
		if r.URL.Path == "" {
			r = atRoot(r)
		}
		if script == "" {
			h.ServeHTTP(w, r)
			return
		}
		escaped := (&url.URL{Path: script}).EscapedPath()
		h.ServeHTTP(Track(w, func(int) { rebase(w.Header(), escaped) }), r)
	})
}

// atRoot is r with the path "/".
func atRoot(r *http.Request) *http.Request {
	r = r.WithContext(r.Context())
	u := *r.URL
	u.Path, u.RawPath = "/", ""
	r.URL = &u
	return r
}

// rebase puts script in front of the paths that a header has. The values may be shared, so they are not written to.
func rebase(h http.Header, script string) {
	for _, name := range [...]string{"Location", "Content-Location"} {
		if v := h[name]; len(v) == 1 && strings.HasPrefix(v[0], "/") && !strings.HasPrefix(v[0], "//") && !strings.HasPrefix(v[0], `/\`) {
			h[name] = []string{script + v[0]}
		}
	}
}
