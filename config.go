package carafe

import "time"

// Config is what an App can be told without code. Change it during set-up; it is read while serving, and from the first request on
// [Config.Set], and what calls it, refuses.
// [New] fills in the defaults that are not zero.
//
// Source: Flask.default_config; the key of each field there is named with it.
type Config struct {
	// Debug shows errors to the developer: JSON is indented, the missing key of a 400 is named, errors
	// propagate. Default from CARAFE_DEBUG. Flask: DEBUG.
	Debug bool `config:"DEBUG"`
	// Testing makes unanswered errors propagate to the test client. Flask: TESTING.
	Testing bool `config:"TESTING"`
	// PropagateErrors hands unanswered errors to whoever catches them (a test client, a debugger) instead
	// of the handlers for 500. nil means when Testing or Debug. Flask: PROPAGATE_EXCEPTIONS.
	PropagateErrors *bool `config:"PROPAGATE_EXCEPTIONS"`
	// TrapHTTPErrors treats all HTTP errors that no handler answers as plain errors, hence 500. Flask: TRAP_HTTP_EXCEPTIONS.
	TrapHTTPErrors bool `config:"TRAP_HTTP_EXCEPTIONS"`
	// TrapBadRequest does so for 400; nil means for missing keys in debug mode only. Flask: TRAP_BAD_REQUEST_ERRORS.
	TrapBadRequest *bool `config:"TRAP_BAD_REQUEST_ERRORS"`

	// SecretKey signs sessions; "" means there are none. Flask: SECRET_KEY.
	SecretKey Secret `config:"SECRET_KEY"`
	// SecretKeyFallbacks are old keys that are still accepted when reading. Flask: SECRET_KEY_FALLBACKS.
	SecretKeyFallbacks []Secret `config:"SECRET_KEY_FALLBACKS"`
	// SessionCookie says how the session's cookie is written.
	SessionCookie SessionCookie `config:"SESSION_COOKIE_*"`
	// PermanentSessionLifetime is how long a permanent session's cookie is kept, and how old any session may be. Default 31
	// days. Flask: PERMANENT_SESSION_LIFETIME.
	PermanentSessionLifetime time.Duration `config:"PERMANENT_SESSION_LIFETIME"`
	// SessionRefreshEachRequest sends a permanent session's cookie again with every response. Default true.
	// Flask: SESSION_REFRESH_EACH_REQUEST.
	SessionRefreshEachRequest bool `config:"SESSION_REFRESH_EACH_REQUEST"`
	// MaxCookieSize is the size in bytes above which a cookie is warned of, since browsers drop it; 0 never warns. Default
	// 4093. Flask: MAX_COOKIE_SIZE.
	MaxCookieSize int `config:"MAX_COOKIE_SIZE"`

	// ServerName is the host[:port] that subdomains are relative to and that URLs are built with outside of
	// a request. "" means the request's own. It does not restrict which hosts are served. Flask: SERVER_NAME.
	ServerName string `config:"SERVER_NAME"`
	// ApplicationRoot is the path below which the app is mounted, for URLs outside of a request and as the path of
	// the session's cookie. Default "/". Flask: APPLICATION_ROOT.
	ApplicationRoot string `config:"APPLICATION_ROOT"`
	// PreferredURLScheme is for URLs outside of a request. Default "http". Flask: PREFERRED_URL_SCHEME.
	PreferredURLScheme string `config:"PREFERRED_URL_SCHEME"`
	// TrustedHosts are the only hosts that are served; a leading dot means subdomains too. nil means all.
	// Flask: TRUSTED_HOSTS.
	TrustedHosts []string `config:"TRUSTED_HOSTS"`

	// MaxContentLength is the largest body in bytes that is read, chunked ones included; more is answered with 413. Default
	// 16 MiB, negative means no limit. Flask: MAX_CONTENT_LENGTH.
	MaxContentLength int64 `config:"MAX_CONTENT_LENGTH" none:"-1"`
	// MaxFormMemorySize is the largest form field in bytes that is not a file. Default 500,000, negative means no limit.
	// Flask: MAX_FORM_MEMORY_SIZE.
	MaxFormMemorySize int64 `config:"MAX_FORM_MEMORY_SIZE" none:"-1"`
	// MaxFormParts is how many fields and files a form may have. Default 1,000, negative means no limit. Flask: MAX_FORM_PARTS.
	MaxFormParts int `config:"MAX_FORM_PARTS" none:"-1"`
	// BodyTimeout is how long a body may send nothing while it is read, and BodyMinRate the least bytes a second, counted after a third
	// of that; slower is a 408. Default 30 s and 128, negative means no limit. They hold on net/http, unless http.Server.ReadTimeout
	// is set; package server has its own, of the same names.
	BodyTimeout time.Duration `config:"BODY_TIMEOUT" none:"-1"`
	BodyMinRate int           `config:"BODY_MIN_RATE" none:"-1"`
	// UploadDir is where uploaded files go that are too large for memory; "" means the system's folder for temporary files.
	UploadDir string `config:"UPLOAD_DIR"`
	// MaxJSONDepth is how deep arrays and objects may be nested in a JSON body that is bound; deeper is a 400. Default 100,
	// negative means no limit.
	MaxJSONDepth int `config:"MAX_JSON_DEPTH"`
	// MaxJSONMemory is how much memory, in bytes and by estimate, a JSON body may take once it is decoded into Go's values, which for
	// many small ones in an any is fifty times its length; more is a 413. Default 160 MiB, which 16 MiB of records do not need; negative
	// means no limit. Raise it along with MaxContentLength.
	MaxJSONMemory int64 `config:"MAX_JSON_MEMORY" none:"-1"`
	// MaxFaults is how many faults of one request a [ValidationError] lists. Default 100, negative means no limit.
	MaxFaults int `config:"MAX_FAULTS"`
	// SendFileMaxAge is how long files may be cached without asking again; 0 means they are asked for each time. Flask:
	// SEND_FILE_MAX_AGE_DEFAULT.
	SendFileMaxAge time.Duration `config:"SEND_FILE_MAX_AGE_DEFAULT"`
	// UseXSendfile leaves files to the web server in front, which must be set up for it: a file of the file system is named in
	// the header X-Sendfile and not sent. See [XSendfile]. Flask: USE_X_SENDFILE.
	UseXSendfile bool `config:"USE_X_SENDFILE"`
	// NoSniff sends X-Content-Type-Options: nosniff with whatever may have a body, unless it has that header already: browsers take its
	// type as it is, so that an upload that is sent back as text is not run as a script. Default true.
	NoSniff bool `config:"NO_SNIFF"`
	// ProvideAutomaticOptions answers OPTIONS on routes that do not list it. Default true. Flask: PROVIDE_AUTOMATIC_OPTIONS.
	ProvideAutomaticOptions bool `config:"PROVIDE_AUTOMATIC_OPTIONS"`
	// TemplatesAutoReload reads changed templates again; nil means in debug mode. Flask: TEMPLATES_AUTO_RELOAD.
	TemplatesAutoReload *bool `config:"TEMPLATES_AUTO_RELOAD"`
	// ExplainTemplateLoading logs for each template where it was looked for and found. Nothing is kept meanwhile: it is for
	// development. Flask: EXPLAIN_TEMPLATE_LOADING.
	ExplainTemplateLoading bool `config:"EXPLAIN_TEMPLATE_LOADING"`

	// CSRF says how requests that change something are checked for having been sent by another site: "origin" (the
	// default), "token", or "off". See [CSRF].
	CSRF CSRF `config:"CSRF"`
	// TrustedOrigins are other origins, "https://shop.example" or with a port, from which such requests are accepted.
	TrustedOrigins []string `config:"TRUSTED_ORIGINS"`
	// RequestIDHeader names the header in which a proxy in front gives the request's id; only name one that the proxy
	// overwrites, since clients can send any. "" means that every request gets an id of our own.
	RequestIDHeader string `config:"REQUEST_ID_HEADER"`

	// Extra are the user's own settings, by upper-case name; what is loaded and is none of the above goes here.
	Extra Settings `config:"*"`

	root   string  // the folder of files with a relative name
	closed *Config // itself once its app serves; a copy's is not, and can be changed
}

// SessionCookie is how the session's cookie is written.
type SessionCookie struct {
	Name        string `config:"SESSION_COOKIE_NAME"`        // default "session". Flask: SESSION_COOKIE_NAME
	Domain      string `config:"SESSION_COOKIE_DOMAIN"`      // "" means the exact host. Flask: SESSION_COOKIE_DOMAIN
	Path        string `config:"SESSION_COOKIE_PATH"`        // "" means ApplicationRoot. Flask: SESSION_COOKIE_PATH
	HTTPOnly    bool   `config:"SESSION_COOKIE_HTTPONLY"`    // default true. Flask: SESSION_COOKIE_HTTPONLY
	Secure      bool   `config:"SESSION_COOKIE_SECURE"`      // over https it is secure in any case. Flask: SESSION_COOKIE_SECURE
	Partitioned bool   `config:"SESSION_COOKIE_PARTITIONED"` // implies Secure. Flask: SESSION_COOKIE_PARTITIONED
	SameSite    string `config:"SESSION_COOKIE_SAMESITE"`    // "Lax" (the default), "Strict" or "None", in any case, or "" to leave it out. Flask: SESSION_COOKIE_SAMESITE
}

// DefaultConfig is what [New] begins with: Flask's defaults, but for a limit on bodies and a session cookie that other sites'
// forms do not send along (SameSite=Lax). It is for settings of your own that embed a Config.
func DefaultConfig() Config {
	return Config{
		SessionCookie:             SessionCookie{Name: "session", HTTPOnly: true, SameSite: "Lax"},
		CSRF:                      CSRFOrigin,
		PermanentSessionLifetime:  31 * 24 * time.Hour,
		SessionRefreshEachRequest: true,
		MaxCookieSize:             4093,
		ApplicationRoot:           "/",
		PreferredURLScheme:        "http",
		MaxContentLength:          16 << 20,
		MaxFormMemorySize:         500_000,
		MaxFormParts:              1_000,
		BodyTimeout:               30 * time.Second,
		BodyMinRate:               128,
		MaxJSONDepth:              100,
		MaxJSONMemory:             160 << 20,
		MaxFaults:                 100,
		NoSniff:                   true,
		ProvideAutomaticOptions:   true,
	}
}

func (c *Config) propagate() bool {
	if c.PropagateErrors != nil {
		return *c.PropagateErrors
	}
	return c.Testing || c.Debug
}
