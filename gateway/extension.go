package gateway

import (
	"net/http"
	"strings"
)

// scan goes through env once: for each request, and a map of 30 keys takes a microsecond.
func (v *reviser) scan() {
	extensions := 0
	for key, value := range v.env {
		switch {
		case strings.HasPrefix(key, "HTTP_"):
			if key != "HTTP_HOST" {
				v.headerKeys++
			}
		case key == "CONTENT_TYPE":
			v.headerKeys++
		case isExtension(v.r, key, value):
			extensions++
			old, ok := v.site.extra[key]
			v.extended = v.extended || !ok || !same(old, value)
		}
	}
	v.extended = v.extended || extensions != len(v.site.extra)
}

// extensions takes over the keys of env that nothing else of the request tells. Usually there are none.
func (v *reviser) extensions() {
	if !v.extended {
		return
	}
	extra := make(Environ)
	for key, value := range v.env {
		if isExtension(v.r, key, value) {
			extra[key] = value
		}
	}
	v.site.extra, v.siteChanged = extra, true
}

// isExtension reports whether an environ made of r would not have key, or not with that value.
func isExtension(r *http.Request, key string, value any) bool {
	switch key {
	case "REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH", "SERVER_NAME", "SERVER_PORT",
		"SERVER_PROTOCOL", "REMOTE_ADDR", "REMOTE_PORT", "REQUEST_URI", "RAW_URI", "HTTPS",
		KeyVersion, KeyScheme, KeyInput, KeyInputTerminated, KeyFileWrapper, KeyContext, KeyRequest, KeyResponseWriter, KeyOriginal, keyServer:
		return false
	case "SSL_CLIENT_CERT":
		return r.TLS == nil
	case KeyMultithread:
		return value != true
	case KeyMultiprocess, KeyRunOnce:
		return value != false
	case KeyErrors:
		return !same(value, errorsOf(r))
	}
	return !strings.HasPrefix(key, "HTTP_")
}
