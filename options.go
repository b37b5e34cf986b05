package carafe

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/gorilla/mux"
)

// A RouteOption says something about a route: [Methods], [Endpoint], [Defaults], [Subdomain], [Host], [StrictSlashes],
// [MergeSlashes], [BuildOnly], [Alias], [WebSocket], [RedirectTo], [AutomaticOptions], [CSRF]; and its conditions: [Headers],
// [Queries], [Schemes], [MatcherFunc].
type RouteOption interface{ ApplyRoute(*RouteSettings) }

// A BlueprintOption says something about a blueprint, when it is made or when it is registered: [URLPrefix], [Name], [Subdomain],
// [Defaults], [CSRF], [Static], [Templates], [CommandGroup].
type BlueprintOption interface {
	ApplyBlueprint(*BlueprintSettings)
}

// An AppOption says something about an App: [Static], [Templates], [HostMatching], [SubdomainMatching], [RootPath], [InstancePath],
// [InstanceRelative].
type AppOption interface{ ApplyApp(*App) }

// RouteSettings is what the options of a route come to.
type RouteSettings struct {
	Endpoint         string           // "" means the view's name
	Methods          []string         // nil means the view's own, or GET
	Defaults         Values           // nil means none
	Subdomain        *string          // nil means the map's default
	Host             string           // "" means none, with host matching
	StrictSlashes    *bool            // nil means true
	MergeSlashes     *bool            // nil means true
	BuildOnly        bool             // never matched; URLFor finds it
	Alias            bool             // another rule of the endpoint is the right one: redirected to, if the map does so
	WebSocket        bool             // takes websocket handshakes only
	RedirectTo       any              // string or func; nil means none
	AutomaticOptions *bool            // nil means the view's own, or the config's
	CSRF             CSRF             // "" means the blueprint's, else the config's
	When             func(*mux.Route) // sets the conditions; nil means none
}

// Apply adds what the options say, in order; it fails if one of them is nil.
func (s *RouteSettings) Apply(opts ...RouteOption) error {
	for i, o := range opts {
		if o == nil {
			return nilOption(i)
		}
		o.ApplyRoute(s)
	}
	return nil
}

// nilOption is the error about option i of a call.
func nilOption(i int) error {
	return fmt.Errorf("option %d is nil: give one, or leave it out", i+1)
}

// BlueprintSettings is what the options of a blueprint come to.
type BlueprintSettings struct {
	Name      string     // "" means the blueprint's own
	URLPrefix *string    // nil means none given; "" counts
	Subdomain *string    // nil means none given
	Defaults  Values     // for each of its routes; nil means none
	CSRF      CSRF       // "" means that of the blueprint around it, else the config's
	Static    *Static    // nil means no folder
	Templates *Templates // nil means no folder

	CommandGroup *string // nil means the blueprint's registered name, "" no group
}

// Apply adds what the options say, in order; it fails if one of them is nil.
func (s *BlueprintSettings) Apply(opts ...BlueprintOption) error {
	for i, o := range opts {
		if o == nil {
			return nilOption(i)
		}
		o.ApplyBlueprint(s)
	}
	return nil
}

// Methods are the HTTP methods of a route, in any case. Without it a route answers GET. HEAD comes with GET,
// OPTIONS by itself. An empty list never matches.
type Methods []string

// Endpoint is the name of a route, by which URLs are built. Without it the view's function gives its name.
type Endpoint string

// Defaults are values for variables that the rule does not have; a blueprint's are for all its rules.
type Defaults map[string]any

// Subdomain is where a route or a blueprint answers, relative to Config.ServerName; it may have variables.
type Subdomain string

// Host is the whole host at which a route answers, with host matching; it may have variables.
type Host string

// StrictSlashes(false) lets a rule match with and without its final slash, instead of redirecting to it.
type StrictSlashes bool

// MergeSlashes(false) keeps repeated slashes from being redirected to single ones.
type MergeSlashes bool

// BuildOnly(true) makes a rule that URLs are built of and that never matches.
type BuildOnly bool

// Alias(true) makes a rule whose requests are redirected to the endpoint's other rule.
type Alias bool

// WebSocket(true) makes a rule that only matches WebSocket handshakes.
type WebSocket bool

// AutomaticOptions says whether OPTIONS is answered by itself, whatever the config says.
type AutomaticOptions bool

// URLPrefix is put before every rule of a blueprint.
type URLPrefix string

// Name is what a blueprint is called when it is registered once more.
type Name string

// Static is a folder of files that are served below a path. Of Dir and FS one is given.
type Static struct {
	Dir  string // relative to the app's root path
	FS   fs.FS  // an embed.FS for example; nil means Dir
	Path string // the URL path; "" means "/" and the folder's name, or "/static" for an FS
	Host string // the host that serves them, with host matching

	// MaxAge is for how long caches may keep the files without asking; 0 means what Config.SendFileMaxAge says.
	MaxAge time.Duration
	// Precompressed sends name.br, name.zst or name.gz in place of name, if it is there and the client takes it.
	Precompressed bool
	// Hash has URLFor add the hash of a file's content to its URL; under that URL caches may keep it for a year.
	Hash bool
}

// Templates is a folder of templates. Of Dir and FS one is given.
type Templates struct {
	Dir string // relative to the app's root path
	FS  fs.FS  // an embed.FS for example; nil means Dir
}

// HostMatching(true) matches rules by the whole host.
type HostMatching bool

// SubdomainMatching(true) matches rules by the subdomain relative to Config.ServerName.
type SubdomainMatching bool

// RootPath is the folder that the app's files are relative to. Without it that is the folder of the source
// file that called New, as long as that exists, else the working directory.
type RootPath string

// redirectTo is RedirectTo's option.
type redirectTo struct{ target any }

// RedirectTo makes a rule that redirects: to a path relative to the script root with "<name>" for the rule's
// variables, or to what a func(Values) string returns.
func RedirectTo(target any) RouteOption { return redirectTo{target} }

// ApplyRoute implements [RouteOption].
func (m Methods) ApplyRoute(s *RouteSettings) { s.Methods = append([]string{}, m...) }

// ApplyRoute implements [RouteOption].
func (e Endpoint) ApplyRoute(s *RouteSettings) { s.Endpoint = string(e) }

// ApplyRoute implements [RouteOption].
func (d Defaults) ApplyRoute(s *RouteSettings) { s.Defaults = merged(s.Defaults, d) }

// ApplyBlueprint implements [BlueprintOption].
func (d Defaults) ApplyBlueprint(s *BlueprintSettings) { s.Defaults = merged(s.Defaults, d) }

// merged is a copy of base with more's values, which win.
func merged(base Values, more map[string]any) Values {
	all := make(Values, len(base)+len(more))
	for k, v := range base {
		all[k] = v
	}
	for k, v := range more {
		all[k] = v
	}
	return all
}

// ApplyRoute implements [RouteOption].
func (d Subdomain) ApplyRoute(s *RouteSettings) { s.Subdomain = (*string)(&d) }

// ApplyBlueprint implements [BlueprintOption].
func (d Subdomain) ApplyBlueprint(s *BlueprintSettings) { s.Subdomain = (*string)(&d) }

// ApplyRoute implements [RouteOption].
func (h Host) ApplyRoute(s *RouteSettings) { s.Host = string(h) }

// ApplyRoute implements [RouteOption].
func (b StrictSlashes) ApplyRoute(s *RouteSettings) { s.StrictSlashes = (*bool)(&b) }

// ApplyRoute implements [RouteOption].
func (b MergeSlashes) ApplyRoute(s *RouteSettings) { s.MergeSlashes = (*bool)(&b) }

// ApplyRoute implements [RouteOption].
func (b BuildOnly) ApplyRoute(s *RouteSettings) { s.BuildOnly = bool(b) }

// ApplyRoute implements [RouteOption].
func (b Alias) ApplyRoute(s *RouteSettings) { s.Alias = bool(b) }

// ApplyRoute implements [RouteOption].
func (b WebSocket) ApplyRoute(s *RouteSettings) { s.WebSocket = bool(b) }

// ApplyRoute implements [RouteOption].
func (b AutomaticOptions) ApplyRoute(s *RouteSettings) { s.AutomaticOptions = (*bool)(&b) }

// ApplyRoute implements [RouteOption].
func (r redirectTo) ApplyRoute(s *RouteSettings) { s.RedirectTo = r.target }

// ApplyBlueprint implements [BlueprintOption].
func (p URLPrefix) ApplyBlueprint(s *BlueprintSettings) { s.URLPrefix = (*string)(&p) }

// ApplyBlueprint implements [BlueprintOption].
func (n Name) ApplyBlueprint(s *BlueprintSettings) { s.Name = string(n) }

// ApplyBlueprint implements [BlueprintOption].
func (st Static) ApplyBlueprint(s *BlueprintSettings) { s.Static = &st }

// ApplyBlueprint implements [BlueprintOption].
func (t Templates) ApplyBlueprint(s *BlueprintSettings) { s.Templates = &t }

// ApplyApp implements [AppOption].
func (st Static) ApplyApp(a *App) { a.static = &st }

// ApplyApp implements [AppOption].
func (t Templates) ApplyApp(a *App) { a.templates = &t }

// ApplyApp implements [AppOption].
func (b HostMatching) ApplyApp(a *App) { a.hostMatching = bool(b) }

// ApplyApp implements [AppOption].
func (b SubdomainMatching) ApplyApp(a *App) { a.subdomainMatching = bool(b) }

// ApplyApp implements [AppOption].
func (p RootPath) ApplyApp(a *App) { a.rootPath = string(p) }
