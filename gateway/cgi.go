package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
)

// RunCGI answers the one request that the web server has put into the process's environment and standard input, on
// standard output, and returns. Standard error is wsgi.errors.
//
// Every variable of the process's environment is in the environ, the shell's too. SCRIPT_NAME and PATH_INFO are what the
// web server says. wsgi.run_once and wsgi.multiprocess are true, wsgi.multithread is false.
//
// The error means that there is no CGI request, or that the answer broke off after its header was out: exit with a status
// that is not zero. A request that makes no sense is a 400, an application's error before the header a 500, and both are
// no error here.
//
// Source: PEP 3333's example CGI gateway (run_with_cgi), wsgiref.handlers.CGIHandler, RFC 3875.
func RunCGI(app Application) error {
	vars := processEnv()
	if vars["REQUEST_METHOD"] == "" {
		return errors.New("gateway: RunCGI: no REQUEST_METHOD in the environment: a web server has to run this program as CGI")
	}
	w := newCGIWriter(os.Stdout, vars["REQUEST_METHOD"])
	h := &handler{app: app, multiprocess: true, runOnce: true, vars: vars, errors: os.Stderr}
	err := h.serveVars(context.Background(), w, os.Stdin, "")
	if flushErr := w.finish(); err == nil {
		err = flushErr
	}
	return err
}

func processEnv() map[string]string {
	vars := make(map[string]string)
	for _, pair := range os.Environ() {
		if name, value, ok := strings.Cut(pair, "="); ok {
			vars[name] = value
		}
	}
	return vars
}

// serveVars answers the request that h.vars and body are, by 400 if they are none. The error means that the answer broke
// off.
func (h *handler) serveVars(ctx context.Context, w http.ResponseWriter, body io.ReadCloser, mount string) (err error) {
	r, err := requestOfVars(ctx, h.vars, body, mount)
	if err != nil {
		fmt.Fprintln(h.errors, err)
		http.Error(w, "Bad Request", http.StatusBadRequest)
		return nil
	}
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			err = errors.New("gateway: the answer broke off")
		} else if p != nil {
			fmt.Fprintf(h.errors, "gateway: panic serving %s %q: %v\n%s", r.Method, r.URL.Path, p, debug.Stack())
			err = fmt.Errorf("gateway: panic: %v", p)
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}

// requestOfVars makes a request of CGI variables. mount as in FastCGI.Mount.
func requestOfVars(ctx context.Context, vars map[string]string, body io.ReadCloser, mount string) (*http.Request, error) {
	env := make(Environ, len(vars)+4)
	for name, value := range vars {
		if name != "HTTP_PROXY" && name != "HTTP_CONTENT_TYPE" && name != "HTTP_CONTENT_LENGTH" {
			env[name] = value
		}
	}
	if env.String("SERVER_PROTOCOL") == "INCLUDED" { // a server-side include, RFC 3875 section 4.1.16
		env["SERVER_PROTOCOL"] = "HTTP/1.0"
	}
	env[KeyScheme] = schemeOfVars(vars)
	env[KeyInput] = body
	env[KeyContext] = ctx
	if err := setMount(env, vars, mount); err != nil {
		return nil, err
	}
	return RequestOf(env)
}

// schemeOfVars follows the custom of Apache. Source: wsgiref.util.guess_scheme.
func schemeOfVars(vars map[string]string) string {
	switch strings.ToLower(vars["HTTPS"]) {
	case "on", "yes", "1":
		return "https"
	}
	return "http"
}

// setMount decides between SCRIPT_NAME and PATH_INFO. nginx, known by DOCUMENT_URI, sends no PATH_INFO unless it is told
// to, and the whole path as SCRIPT_NAME: then the application is at the root. Others leave an empty PATH_INFO out.
func setMount(env Environ, vars map[string]string, mount string) error {
	_, told := vars["PATH_INFO"]
	_, nginx := vars["DOCUMENT_URI"]
	target := vars["REQUEST_URI"]
	if mount == "" && (told || !nginx) || target == "" {
		return nil
	}
	u, err := parseTarget(target)
	if err != nil {
		return fmt.Errorf("gateway: REQUEST_URI: %w", err)
	}
	script := strings.TrimRight(mount, "/")
	rest, ok := strings.CutPrefix(u.Path, script)
	if !ok || rest != "" && rest[0] != '/' {
		return fmt.Errorf("gateway: REQUEST_URI %q is not below the mount point %q", target, mount)
	}
	env["SCRIPT_NAME"], env["PATH_INFO"] = script, rest
	return nil
}

// addVars puts into env what the web server said and the request has no place for: REMOTE_USER, DOCUMENT_ROOT,
// SERVER_SOFTWARE and the like.
func addVars(env Environ, vars map[string]string) {
	for name, value := range vars {
		if _, known := env[name]; !known && !strings.HasPrefix(name, "HTTP_") && value != "" {
			env[name] = value
		}
	}
}
