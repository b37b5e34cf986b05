package carafe

import (
	"maps"
	"net/http"
	"strings"
)

// Trailers are fields behind the body. With net/http a handler announces them in the header Trailer and sets them once the body
// is out, or sets them under http.TrailerPrefix, which is no name of a header.

// hasTrailers says whether a handler has any to send.
func hasTrailers(h http.Header) bool {
	for name := range h {
		if name == "Trailer" || strings.HasPrefix(name, http.TrailerPrefix) {
			return true
		}
	}
	return false
}

// withoutTrailers is h itself, or a copy that has none that are not announced: a hook could not tell them from headers.
func withoutTrailers(h http.Header) http.Header {
	if !hasTrailers(h) {
		return h
	}
	h = maps.Clone(h)
	for name := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			delete(h, name)
		}
	}
	return h
}

// passTrailers copies the trailers among from to the server's header, whose own Trailer says which are announced.
func passTrailers(to, from http.Header) {
	for name, values := range from {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			to[name] = values
		}
	}
	for _, line := range to["Trailer"] {
		for name := range strings.SplitSeq(line, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if values := from[name]; values != nil {
				to[name] = values
			}
		}
	}
}
