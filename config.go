package carafe

import "time"

// A Secret is a key or password: it prints as "[secret]", so that a config that is logged gives nothing away.
type Secret string

// String masks the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[secret]"
}

// GoString masks the secret under %#v too.
func (s Secret) GoString() string { return `carafe.Secret("` + s.String() + `")` }

// Config is what an App can be told without code. Change it during set-up; it is read while serving.
// [New] fills in the defaults that are not zero.
//
// Source: Flask.default_config; the key of each field there is named with it.
type Config struct {
	// Debug shows errors to the developer: JSON is indented, the missing key of a 400 is named, errors
	// propagate. Default from CARAFE_DEBUG. Flask: DEBUG.
	Debug bool
	// Testing makes unanswered errors propagate to the test client. Flask: TESTING.
	Testing bool
	// PropagateErrors hands unanswered errors to whoever catches them (a test client, a debugger) instead
	// of the handlers for 500. nil means when Testing or Debug. Flask: PROPAGATE_EXCEPTIONS.
	PropagateErrors *bool
	// TrapHTTPErrors treats all HTTP errors that no handler answers as plain errors, hence 500. Flask: TRAP_HTTP_EXCEPTIONS.
	TrapHTTPErrors bool
	// TrapBadRequest does so for 400; nil means for missing keys in debug mode only. Flask: TRAP_BAD_REQUEST_ERRORS.
	TrapBadRequest *bool

	// SecretKey signs sessions; "" means there are none. Flask: SECRET_KEY.
	SecretKey Secret
	// SecretKeyFallbacks are old keys that are still accepted when reading. Flask: SECRET_KEY_FALLBACKS.
	SecretKeyFallbacks []Secret
	// SessionCookie says how the session's cookie is written.
	SessionCookie SessionCookie
	// PermanentSessionLifetime is how long a permanent session's cookie is kept, and how old any session may be. Default 31
	// days. Flask: PERMANENT_SESSION_LIFETIME.
	PermanentSessionLifetime time.Duration
	// SessionRefreshEachRequest sends a permanent session's cookie again with every response. Default true.
	// Flask: SESSION_REFRESH_EACH_REQUEST.
	SessionRefreshEachRequest bool
	// MaxCookieSize is the size in bytes above which a cookie is warned of, since browsers drop it; 0 never warns. Default
	// 4093. Flask: MAX_COOKIE_SIZE.
	MaxCookieSize int

	// ServerName is the host[:port] that subdomains are relative to and that URLs are built with outside of
	// a request. "" means the request's own. It does not restrict which hosts are served. Flask: SERVER_NAME.
	ServerName string
	// ApplicationRoot is the path below which the app is mounted, for URLs outside of a request and as the path of
	// the session's cookie. Default "/". Flask: APPLICATION_ROOT.
	ApplicationRoot string
	// PreferredURLScheme is for URLs outside of a request. Default "http". Flask: PREFERRED_URL_SCHEME.
	PreferredURLScheme string
	// TrustedHosts are the only hosts that are served; a leading dot means subdomains too. nil means all.
	// Flask: TRUSTED_HOSTS.
	TrustedHosts []string

	// MaxContentLength is the largest body in bytes that is read, chunked ones included; more is answered with 413. Default
	// 16 MiB, negative means no limit. Flask: MAX_CONTENT_LENGTH.
	MaxContentLength int64
	// MaxFormMemorySize is the largest form field in bytes that is not a file. Default 500,000, negative means no limit.
	// Flask: MAX_FORM_MEMORY_SIZE.
	MaxFormMemorySize int64
	// MaxFormParts is how many fields and files a form may have. Default 1,000, negative means no limit. Flask: MAX_FORM_PARTS.
	MaxFormParts int
	// SendFileMaxAge is how long files may be cached without asking again; 0 means they are asked for each time. Flask:
	// SEND_FILE_MAX_AGE_DEFAULT.
	SendFileMaxAge time.Duration
	// ProvideAutomaticOptions answers OPTIONS on routes that do not list it. Default true. Flask: PROVIDE_AUTOMATIC_OPTIONS.
	ProvideAutomaticOptions bool
	// TemplatesAutoReload reads changed templates again; nil means in debug mode. Flask: TEMPLATES_AUTO_RELOAD.
	TemplatesAutoReload *bool
	// ExplainTemplateLoading logs for each template where it was looked for and found. Nothing is kept meanwhile: it is for
	// development. Flask: EXPLAIN_TEMPLATE_LOADING.
	ExplainTemplateLoading bool `config:"EXPLAIN_TEMPLATE_LOADING"`
}

// SessionCookie is how the session's cookie is written.
type SessionCookie struct {
	Name        string // default "session". Flask: SESSION_COOKIE_NAME
	Domain      string // "" means the exact host. Flask: SESSION_COOKIE_DOMAIN
	Path        string // "" means ApplicationRoot. Flask: SESSION_COOKIE_PATH
	HTTPOnly    bool   // default true. Flask: SESSION_COOKIE_HTTPONLY
	Secure      bool   // Flask: SESSION_COOKIE_SECURE
	Partitioned bool   // implies Secure. Flask: SESSION_COOKIE_PARTITIONED
	SameSite    string // "Lax", "Strict", "None" in any case, or "" to leave it out. Flask: SESSION_COOKIE_SAMESITE
}

// defaultConfig has Flask's defaults, but for MaxContentLength, which has a limit.
func defaultConfig() Config {
	return Config{
		SessionCookie:             SessionCookie{Name: "session", HTTPOnly: true},
		PermanentSessionLifetime:  31 * 24 * time.Hour,
		SessionRefreshEachRequest: true,
		MaxCookieSize:             4093,
		ApplicationRoot:           "/",
		PreferredURLScheme:        "http",
		MaxContentLength:          16 << 20,
		MaxFormMemorySize:         500_000,
		MaxFormParts:              1_000,
		ProvideAutomaticOptions:   true,
	}
}

func (c *Config) propagate() bool {
	if c.PropagateErrors != nil {
		return *c.PropagateErrors
	}
	return c.Testing || c.Debug
}
