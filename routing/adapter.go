package routing

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// An Adapter is a Map seen from one request, or from one place in the web: it knows the host
// and the script root, and so can redirect and build complete URLs. It is a cheap value; make
// one with Bind or BindRequest. Its fields may be changed before use, not during it.
//
// Source: Werkzeug MapAdapter.
type Adapter struct {
	Map           *Map   // whose rules it asks
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
	if m.compiled.Load() == nil {
		m.index()
	}
	rules := m.byEndpoint[endpoint]
	if len(rules) > 0 {
		if url, ok := a.buildPlain(rules[0], values, &opts); ok {
			return url, nil
		}
	}
	return a.buildAny(endpoint, rules, values, opts)
}

func (a *Adapter) buildAny(endpoint string, rules []*Rule, values []Pair, opts BuildOptions) (string, error) {
	var path [128]byte // room for most URLs; what is returned is copied from it
	var places [12]int32
	s := sending{values: values, places: places[:]}
	b, err := a.choose(path[:0], rules, s, &opts)
	if err != nil {
		return "", err
	}
	if b.rule == nil {
		return "", &BuildError{Endpoint: endpoint, Method: opts.Method, Values: given(values), m: a.Map}
	}
	if !opts.External && !b.rule.Websocket && b.domain == a.Domain() {
		return string(b.path), nil
	}
	return a.assemble(&b, &opts), nil
}

// built is a URL in parts. The script root stands before the path from the beginning, so that
// the usual URL is complete.
type built struct {
	rule   *Rule // nil if none suits
	domain string
	path   []byte
}

// choose builds the first rule that suits and can write its values; with host matching, the
// first for this host, else the first at all. Rules for the adapter's own method go before others.
//
// The values and dst, which the URL is written to, go from hand to hand in here, so that they stay
// on the stack.
func (a *Adapter) choose(dst []byte, rules []*Rule, s sending, opts *BuildOptions) (built, error) {
	if opts.Method == "" && a.DefaultMethod != "" {
		b, err := a.chooseFor(dst, rules, s, a.DefaultMethod, opts)
		if err != nil || b.rule != nil {
			return b, err
		}
	}
	return a.chooseFor(dst, rules, s, opts.Method, opts)
}

func (a *Adapter) chooseFor(dst []byte, rules []*Rule, s sending, method string, opts *BuildOptions) (built, error) {
	bit := a.Map.methods.bit(method)
	var b built
	for _, r := range rules {
		if method != "" && !r.allows(bit) || !s.suit(r) {
			continue
		}
		path, domain, err := a.buildRule(r, dst, s, opts)
		switch {
		case err == nil && (!a.Map.opts.HostMatching || domain == a.ServerName):
			return built{r, domain, path}, nil
		case err == nil && b.rule == nil:
			b = built{r, domain, path}
			dst = path[len(path):]
		case err != nil && !errors.Is(err, ErrValidation):
			return built{}, err
		}
	}
	return b, nil
}

// buildRule writes script root, path and query to dst, and the domain. The values are placed.
func (a *Adapter) buildRule(r *Rule, dst []byte, s sending, opts *BuildOptions) ([]byte, string, error) {
	domain, err := r.buildDomain(s)
	if err != nil {
		return nil, "", err
	}
	if a.ScriptName != "/" {
		dst = append(dst, strings.TrimRight(a.ScriptName, "/")...)
	}
	dst, err = r.appendPath(dst, s)
	if err != nil {
		return nil, "", err
	}
	if s.extra && !opts.DropUnknown {
		dst = r.appendQuery(dst, s.values, a.Map.opts.SortParameters)
	}
	return dst, domain, nil
}

func (r *Rule) buildDomain(s sending) (string, error) {
	switch steps := r.builder.domain; len(steps) {
	case 0:
		return "", nil
	case 1:
		if steps[0].variable < 0 {
			return steps[0].text, nil
		}
	}
	text, err := r.appendSteps(nil, r.builder.domain, s)
	return string(text), err
}

// appendPath writes the path with exactly one slash before it: a value "//evil" must not
// make a URL for another host.
func (r *Rule) appendPath(dst []byte, s sending) ([]byte, error) {
	steps := r.builder.path
	if text := steps[0].text; text == "/" && len(steps) == 1 || len(text) > 1 && text[0] == '/' && text[1] != '/' {
		return r.appendSteps(dst, steps, s)
	}
	start := len(dst)
	dst, err := r.appendSteps(append(dst, '/'), steps, s)
	extra := 0
	for start+1+extra < len(dst) && dst[start+1+extra] == '/' {
		extra++
	}
	return append(dst[:start+1], dst[start+1+extra:]...), err
}

// assemble puts scheme and host before the path, if they are wanted or needed.
func (a *Adapter) assemble(b *built, opts *BuildOptions) string {
	scheme := opts.Scheme
	switch scheme {
	case "":
		scheme = a.Scheme
	case SchemeRelative:
		scheme = ""
	}
	secure := scheme == "https" || scheme == "wss"
	switch {
	case b.rule.Websocket:
		scheme = "ws"
	case scheme != "":
		scheme = "http"
	}
	if secure {
		scheme += "s"
	}
	if scheme != "" {
		scheme += ":"
	}
	return scheme + "//" + a.host(b.domain) + string(b.path)
}

func given(values []Pair) []Pair {
	return slices.DeleteFunc(slices.Clone(values), func(p Pair) bool { return p.Value == nil })
}
