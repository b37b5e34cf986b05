package carafe

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// check finds every fault of the settings at once; each message names the field and what it may be.
func (c *Config) check() error {
	var faults configFaults
	c.checkCookie(&faults)
	c.checkKeys(&faults)
	c.checkPlaces(&faults)
	c.checkOrigins(&faults)
	if c.PermanentSessionLifetime < 0 {
		faults.add("PermanentSessionLifetime is %v: it must not be negative", c.PermanentSessionLifetime)
	}
	if c.MaxCookieSize < 0 {
		faults.add("MaxCookieSize is %d: use 0 to never be warned", c.MaxCookieSize)
	}
	if c.RequestIDHeader != "" && !isToken(c.RequestIDHeader) {
		faults.add("RequestIDHeader is %q, which cannot be the name of a header", c.RequestIDHeader)
	}
	return errors.Join(faults...)
}

type configFaults []error

func (f *configFaults) add(format string, args ...any) {
	*f = append(*f, fmt.Errorf("carafe: Config."+format, args...))
}

// checkCookie tries to write the session's cookie.
func (c *Config) checkCookie(faults *configFaults) {
	conf := c.SessionCookie
	if conf.sameSite() < 0 {
		faults.add("SessionCookie.SameSite is %q: it must be Lax, Strict, None or empty", conf.SameSite)
		conf.SameSite = ""
	}
	if conf.Name == "" {
		faults.add("SessionCookie.Name is empty: leave it at \"session\", or choose another")
		return
	}
	if conf.Path != "" && conf.Path[0] != '/' {
		faults.add("SessionCookie.Path is %q: it must begin with a slash", conf.Path)
	}
	_, err := CookieHeader(&http.Cookie{Name: conf.Name, Domain: conf.Domain, Path: c.cookiePath(), SameSite: conf.sameSite()}, time.Time{})
	if err != nil {
		faults.add("SessionCookie: %w", err)
	}
	if !conf.Secure && !conf.Partitioned && (strings.HasPrefix(conf.Name, "__Host-") || strings.HasPrefix(conf.Name, "__Secure-")) {
		faults.add("SessionCookie.Name is %q, which browsers only keep with SessionCookie.Secure", conf.Name)
	}
}

// cookiePath is the path of the session's cookie.
func (c *Config) cookiePath() string {
	if c.SessionCookie.Path == "" {
		return c.ApplicationRoot
	}
	return c.SessionCookie.Path
}

// checkKeys refuses an empty key, with which anybody could sign; an unset variable reads as one.
func (c *Config) checkKeys(faults *configFaults) {
	if i := slices.Index(c.SecretKeyFallbacks, ""); i >= 0 {
		faults.add("SecretKeyFallbacks[%d] is empty: leave it out, or give the old key", i)
	}
}

func (c *Config) checkPlaces(faults *configFaults) {
	if strings.ContainsAny(c.ServerName, "/ \t\r\n") {
		faults.add("ServerName is %q: it must be a host, or host:port, without scheme or path", c.ServerName)
	}
	if c.ApplicationRoot != "" && c.ApplicationRoot[0] != '/' {
		faults.add("ApplicationRoot is %q: it must begin with a slash", c.ApplicationRoot)
	}
	if c.PreferredURLScheme != "" && !isToken(c.PreferredURLScheme) {
		faults.add("PreferredURLScheme is %q: it must be http, https or the like", c.PreferredURLScheme)
	}
	for _, host := range c.TrustedHosts {
		if host == "" || strings.ContainsAny(host, "/ \t\r\n") {
			faults.add("TrustedHosts has %q: it must be a host, with a leading dot for its subdomains too", host)
		}
	}
}

func (c *Config) checkOrigins(faults *configFaults) {
	if !slices.Contains([]CSRF{"", CSRFOrigin, CSRFToken, CSRFOff}, c.CSRF) {
		faults.add("CSRF is %q: it must be origin, token or off", string(c.CSRF))
	}
	if c.CSRF == CSRFToken && c.SecretKey == "" {
		faults.add("CSRF is token, which needs Config.SecretKey")
	}
	if _, err := c.originCheck(); err != nil {
		faults.add("TrustedOrigins: %w: give the form https://shop.example", err)
	}
}
