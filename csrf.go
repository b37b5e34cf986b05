package carafe

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
)

// CSRF is how requests that change something (all but GET, HEAD and OPTIONS) are checked for having been sent by another
// site's page in the user's browser. It is a setting, Config.CSRF; an option of a blueprint, for its routes and those of blueprints
// in it; and an option of a route. The nearest wins, a blueprint's as it is registered over that it was made with:
//
//	app.Post("/hook", hook, carafe.CSRFOff)             // called by servers, with a signature of its own
//	app.Post("/pay", pay, carafe.CSRFToken)             // the form must have c.CSRFToken() too
//	api := blueprints.New("api", carafe.CSRFOff)        // no cookie says who the caller is
//	app.RegisterBlueprint(shop, carafe.CSRFToken)       // all of its forms must have one
//
// A request that fails is answered with 403, before any hook of the user's, on the error road.
//
// Unlike Flask, which leaves this to extensions.
type CSRF string

// The kinds of check.
const (
	// CSRFOrigin goes by what browsers say of themselves: Sec-Fetch-Site, else Origin. Requests with neither are not a
	// browser's. It is the default.
	CSRFOrigin CSRF = "origin"
	// CSRFToken wants a token besides, for browsers older than 2020: the form field csrf_token, or the header X-CSRFToken or
	// X-CSRF-Token. See [Context.CSRFToken].
	CSRFToken CSRF = "token"
	// CSRFOff checks nothing.
	CSRFOff CSRF = "off"
)

// ApplyRoute implements [RouteOption].
func (f CSRF) ApplyRoute(s *RouteSettings) { s.CSRF = f }

// ApplyBlueprint implements [BlueprintOption].
func (f CSRF) ApplyBlueprint(s *BlueprintSettings) { s.CSRF = f }

// csrfKey is where Flask-WTF keeps the secret of its tokens.
const csrfKey = "csrf_token"

// originCheck is net/http's, with the trusted origins.
func (c *Config) originCheck() (*http.CrossOriginProtection, error) {
	check := http.NewCrossOriginProtection()
	for _, origin := range c.TrustedOrigins {
		if err := check.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	return check, nil
}

// checkCSRF is asked for every request that matched, before hooks. Most requests are a GET, and it ends at once.
func (a *App) checkCSRF(c *Context) error {
	switch c.Request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	kind := a.Config.CSRF
	if c.route.csrf != "" {
		kind = c.route.csrf
	}
	if kind == CSRFOff {
		return nil
	}
	err := a.tables.Load().origins.Check(c.Request.Request)
	if err == nil && len(c.Request.Header["Origin"]) > 1 {
		err = errSeveralOrigins
	}
	if err != nil {
		return &HTTPError{Code: http.StatusForbidden, Description: "The request came from another site.", Cause: fmt.Errorf(
			"%w: Origin %q, Sec-Fetch-Site %q, Host %q: if that site is yours, add it to Config.TrustedOrigins",
			err, c.Request.Header.Get("Origin"), c.Request.Header.Get("Sec-Fetch-Site"), c.Request.Host)}
	}
	if kind != CSRFToken {
		return nil
	}
	if err := c.checkCSRFToken(); err != nil {
		return &HTTPError{Code: http.StatusForbidden, Description: "The CSRF token is missing or invalid: load the form again.", Cause: err}
	}
	return nil
}

// errSeveralOrigins is a fault of whoever stands between the browser and the app: a browser says one, and net/http looks at the first.
var errSeveralOrigins = errors.New("carafe: the request has more than one Origin")

// checkRouteCSRF refuses an option that cannot be.
func (c *Config) checkRouteCSRF(rt *route) error {
	switch rt.csrf {
	case "", CSRFOrigin, CSRFOff:
	case CSRFToken:
		if c.SecretKey == "" {
			return fmt.Errorf("rule %q wants a CSRF token, which needs Config.SecretKey", rt.rule.Rule)
		}
	default:
		return fmt.Errorf("rule %q has carafe.CSRF(%q): use CSRFOrigin, CSRFToken or CSRFOff", rt.rule.Rule, string(rt.csrf))
	}
	return nil
}

// tokenSigner is the signer that the session uses, so that both share what was derived from the keys.
func (a *App) tokenSigner() *sessionSigner {
	s, _ := a.Sessions.(CookieSessions)
	return a.signer(s.Signing)
}

// CSRFToken is a token for a form of this client's: a hidden field csrf_token, or the header X-CSRFToken of a script's request. It
// is good as long as the session, up to Config.PermanentSessionLifetime, and until [Session.Regenerate]. It panics with
// [ErrNoSession] if there is no secret key.
//
// The tokens are those of Flask-WTF: an app with it, and the same secret key, takes them and gives them.
func (c *Context) CSRFToken() string {
	a := c.App()
	signer := a.tokenSigner()
	if signer == nil {
		panic(ErrNoSession)
	}
	s := c.Session()
	secret, _ := s.Get(csrfKey).(string)
	if secret == "" { // or not a text: then it is nobody's secret
		s.Delete(csrfKey)
		secret, _ = s.SetDefault(csrfKey, randomHex()).(string)
	}
	token, err := signer.csrf.Dump(secret, a.now())
	if err != nil {
		panic(err)
	}
	return token
}

// randomHex is 256 random bits.
func randomHex() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

var errNoCSRFToken = errors.New("no CSRF token in the form field csrf_token or the header X-CSRFToken")

// checkCSRFToken compares the token of the request with the session's secret.
func (c *Context) checkCSRFToken() error {
	a := c.App()
	token := c.sentCSRFToken()
	signer := a.tokenSigner()
	if token == "" || signer == nil {
		return errNoCSRFToken
	}
	v, _, err := signer.csrf.Load(token, a.Config.PermanentSessionLifetime, a.now())
	if err != nil {
		return err
	}
	s, err := c.openSession()
	if err != nil {
		return err
	}
	s.accessed.Store(true)
	sent, _ := v.(string)
	want, _ := s.Get(csrfKey).(string)
	if want == "" || !hmac.Equal([]byte(sent), []byte(want)) {
		return errors.New("the CSRF token is another session's")
	}
	return nil
}

// sentCSRFToken looks into the headers first, so that a body which is no form is left to the view.
func (c *Context) sentCSRFToken() string {
	for _, name := range []string{"X-Csrftoken", "X-Csrf-Token"} {
		if token := c.Request.Header.Get(name); token != "" {
			return token
		}
	}
	switch c.Request.MediaType() {
	case "application/x-www-form-urlencoded", "multipart/form-data":
		return c.Form(csrfKey)
	}
	return ""
}
