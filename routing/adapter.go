package routing

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unsafe"
)

// An Adapter is a Map seen from one request, or from one place in the web: it knows the host
// and the script root, and so can redirect and build complete URLs. It is a cheap value; make
// one with Bind or BindRequest. Its fields may be changed before use, not during it.
//
// Source: Werkzeug MapAdapter.
type Adapter struct {
	Map           *Map
	ServerName    string // host and port, in ASCII
	ScriptName    string // where the application is mounted; begins and ends with "/"
	Subdomain     string // of this request
	Scheme        string // "http", "https", "ws", "wss"; "" builds "//host/…" and redirects to http
	Path          string // decoded, below the script root; what Match takes for ""
	DefaultMethod string // the request's; what Match takes for "", and Build prefers
	Query         string // of the request, kept by redirects; without "?"
	Websocket     bool   // whether it is a websocket's handshake

	// Foreign marks a request for a host that does not belong to the server name: no rule
	// matches it. Unlike Flask, where rules for a variable subdomain do.
	Foreign bool
}

// Domain is what the first part of rules is matched against.
func (a *Adapter) Domain() string {
	if a.Map.opts.HostMatching {
		return a.ServerName
	}
	return a.Subdomain
}

// Match finds the rule for a method and a path, as Map.Find does; "" stands for the adapter's
// own. A *RequestRedirect that it returns is complete: its URL is absolute.
//
// Source: Werkzeug MapAdapter.match.
func (a *Adapter) Match(ctx context.Context, method, path string) (Match, error) {
	var m Match
	if method == "" {
		method = a.DefaultMethod
	}
	if path == "" {
		path = a.Path
	}
	return m, a.MatchTo(ctx, &m, method, path)
}

// MatchTo is Match with nothing taken for granted: an empty path is an empty path, and the
// match goes to dst.
func (a *Adapter) MatchTo(ctx context.Context, dst *Match, method, path string) error {
	if a.Foreign {
		a.Map.index()
		return ErrNotFound
	}
	err := a.Map.Find(ctx, dst, a.Domain(), method, path, a.Websocket)
	if err == nil {
		return nil
	}
	return a.Complete(dst, strings.ToUpper(method), err)
}

// AllowedMethods are those of the rules that match the path, sorted; none if there are none,
// or if a rule that takes any method matches. Source: Werkzeug MapAdapter.allowed_methods.
func (a *Adapter) AllowedMethods(ctx context.Context, path string) []string {
	var m Match
	var refused *MethodNotAllowed
	if errors.As(a.MatchTo(ctx, &m, "--", path), &refused) {
		return slices.Clone(refused.Allow)
	}
	return nil
}

// host is the full host of a domain part.
func (a *Adapter) host(domain string) string {
	switch {
	case a.Map.opts.HostMatching:
		return domain
	case domain == "":
		return a.ServerName
	}
	return domain + "." + a.ServerName
}

// BuildOptions say how a URL is wanted. The zero value: for any method (the adapter's if that
// is possible), without host if it leads to the same one, unknown values in the query.
type BuildOptions struct {
	// Method limits the choice to rules with this method, in upper case.
	Method string
	// Scheme of URLs with a host; "" means the adapter's, SchemeRelative none ("//host/…").
	// It is https or wss, or it counts as http.
	Scheme string
	// External makes the URL complete in any case.
	External bool
	// DropUnknown leaves values out that the rule has no place for.
	DropUnknown bool
}

// SchemeRelative as a scheme makes URLs without one.
const SchemeRelative = "//"

// Build writes the URL of an endpoint. Of its rules it takes the one with the most variables
// for which all values are given; values that are no variables go to the query, in the order
// given. A nil value is as good as none. Text is quoted as QuotePath does.
//
// The error is a *BuildError if no rule fits, a *ValueError if a built-in converter cannot
// write a value, or what the user's converter returned. Limits of converters (min, maxlength)
// are not checked: values are trusted.
//
// Source: Werkzeug MapAdapter.build.
func (a *Adapter) Build(endpoint string, values []Pair, opts BuildOptions) (string, error) {
	m := a.Map
	m.index()
	built := built{path: make([]byte, 0, 96)} // room for most URLs
	err := a.choose(&built, m.byEndpoint[endpoint], values, opts)
	if err != nil {
		return "", err
	}
	if built.rule == nil {
		return "", &BuildError{Endpoint: endpoint, Method: opts.Method, Values: given(values), m: m}
	}
	return a.assemble(&built, opts), nil
}

// built is a URL in parts. The script root stands before the path from the beginning, so that
// the usual URL is complete.
type built struct {
	rule   *Rule
	domain string
	path   []byte
}

// choose builds the first rule that suits and can write its values; with host matching, the
// first for this host, else the first at all.
func (a *Adapter) choose(b *built, rules []*Rule, values []Pair, opts BuildOptions) error {
	if opts.Method == "" && a.DefaultMethod != "" {
		if err := a.chooseFor(b, rules, values, a.DefaultMethod, opts); err != nil || b.rule != nil {
			return err
		}
	}
	return a.chooseFor(b, rules, values, opts.Method, opts)
}

func (a *Adapter) chooseFor(b *built, rules []*Rule, values []Pair, method string, opts BuildOptions) error {
	for _, r := range rules {
		if !r.suits(values, method) {
			continue
		}
		path, domain, err := a.buildRule(r, b.path[len(b.path):], values, opts)
		if errors.Is(err, ErrValidation) {
			continue
		}
		if err != nil {
			return err
		}
		if !a.Map.opts.HostMatching || domain == a.ServerName {
			*b = built{r, domain, path}
			return nil
		}
		if b.rule == nil {
			*b = built{r, domain, path}
		}
	}
	return nil
}

// buildRule writes script root, path and query to dst, and the domain.
func (a *Adapter) buildRule(r *Rule, dst []byte, values []Pair, opts BuildOptions) ([]byte, string, error) {
	domain, err := r.buildDomain(values)
	if err != nil {
		return nil, "", err
	}
	dst = append(dst, strings.TrimRight(a.ScriptName, "/")...)
	dst, err = r.appendPath(dst, values)
	if err != nil {
		return nil, "", err
	}
	if !opts.DropUnknown && len(values) > 0 {
		dst = r.appendQuery(dst, values, a.Map.opts.SortParameters)
	}
	return dst, domain, nil
}

func (r *Rule) buildDomain(values []Pair) (string, error) {
	switch steps := r.builder.domain; len(steps) {
	case 0:
		return "", nil
	case 1:
		if steps[0].variable < 0 {
			return steps[0].text, nil
		}
	}
	text, err := r.appendSteps(nil, r.builder.domain, values)
	return string(text), err
}

// appendPath writes the path with exactly one slash before it: a value "//evil" must not
// make a URL for another host.
func (r *Rule) appendPath(dst []byte, values []Pair) ([]byte, error) {
	start := len(dst)
	dst, err := r.appendSteps(append(dst, '/'), r.builder.path, values)
	extra := 0
	for start+1+extra < len(dst) && dst[start+1+extra] == '/' {
		extra++
	}
	return append(dst[:start+1], dst[start+1+extra:]...), err
}

// assemble puts scheme and host before the path, if they are wanted or needed.
func (a *Adapter) assemble(b *built, opts BuildOptions) string {
	scheme := opts.Scheme
	switch scheme {
	case "":
		scheme = a.Scheme
	case SchemeRelative:
		scheme = ""
	}
	secure := scheme == "https" || scheme == "wss"
	external := opts.External
	switch {
	case b.rule.Websocket:
		external = true
		scheme = "ws"
	case scheme != "":
		scheme = "http"
	}
	if secure {
		scheme += "s"
	}
	if !external && b.domain == a.Domain() {
		// The bytes are this URL's own and written no more: a copy would be a second allocation.
		return unsafe.String(unsafe.SliceData(b.path), len(b.path))
	}
	if scheme != "" {
		scheme += ":"
	}
	return scheme + "//" + a.host(b.domain) + string(b.path)
}

func given(values []Pair) []Pair {
	return slices.DeleteFunc(slices.Clone(values), func(p Pair) bool { return p.Value == nil })
}
