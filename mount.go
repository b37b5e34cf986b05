package carafe

import (
	"errors"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/carafeweb/carafe/gateway"
)

// A mount is a foreign handler below a path of the app.
type mount struct {
	prefix  string
	handler http.Handler
}

// Mount has h answer everything below prefix, with the prefix moved from the path to the script root
// ([gateway.ScriptName]); the longest prefix wins. None of the app's hooks run for it.
//
// Source: werkzeug's DispatcherMiddleware.
func (a *App) Mount(prefix string, h http.Handler) {
	a.setup("Mount", func(Site) error {
		prefix := strings.TrimRight(prefix, "/")
		switch {
		case h == nil:
			return errors.New("Mount of a nil handler: give an http.Handler")
		case !strings.HasPrefix(prefix, "/"):
			return errors.New("Mount needs a prefix that begins with a slash and is not the root: to wrap the whole app use app.Gateway")
		}
		at := 0
		for at < len(a.mounts) && len(a.mounts[at].prefix) >= len(prefix) {
			if a.mounts[at].prefix == prefix {
				return errors.New("something is mounted at " + prefix + " already")
			}
			at++
		}
		a.mounts = append(a.mounts, mount{})
		copy(a.mounts[at+1:], a.mounts[at:])
		a.mounts[at] = mount{prefix, h}
		return nil
	})
}

// serveMount passes a request on to what is mounted at its path; false if nothing is.
func (a *App) serveMount(w http.ResponseWriter, r *http.Request) bool {
	for _, m := range a.mounts {
		if shifted, ok := gateway.ShiftPrefix(r, m.prefix); ok {
			a.callMounted(m.handler, w, shifted)
			return true
		}
	}
	return false
}

// callMounted logs a panic as those of views are, and cuts the connection: how much of an answer is out only the handler knows.
func (a *App) callMounted(h http.Handler, w http.ResponseWriter, r *http.Request) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			a.LogError(a.newContext(nil, r), &PanicError{Value: v, Stack: debug.Stack()})
		}
		panic(http.ErrAbortHandler)
	}()
	h.ServeHTTP(w, r)
}
