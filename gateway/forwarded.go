package gateway

import (
	"net/http"
	"slices"
	"strings"
)

// A ForwardedElement is what one proxy said in RFC 7239's Forwarded header. Parameters it left out are "".
type ForwardedElement struct {
	By    string // the proxy's interface
	For   string // who sent the request to it: an address with or without port, "unknown" or "_name"
	Host  string // the Host header it was sent
	Proto string // the scheme it was asked by
}

// ParseForwarded reads a Forwarded header, its lines in order; the last element is the nearest proxy's.
//
// It reports false for anything that RFC 7239 section 4 does not allow: a parameter without "=", a name that is no
// token, a value that is neither token nor quoted string, a name twice in one element. Nothing of such a header may
// be believed, as proxies append to it without looking. Unknown parameters are skipped.
func ParseForwarded(lines []string) ([]ForwardedElement, bool) {
	items, ok := splitQuoted(strings.Join(lines, ","), ',')
	if !ok {
		return nil, false
	}
	elements := make([]ForwardedElement, 0, len(items))
	for _, item := range items {
		element, ok := parseElement(item)
		if !ok {
			return nil, false
		}
		elements = append(elements, element)
	}
	return elements, true
}

func parseElement(item string) (e ForwardedElement, ok bool) {
	pairs, ok := splitQuoted(item, ';')
	if !ok {
		return e, false
	}
	seen := make(map[string]bool, len(pairs))
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		name = strings.ToLower(name)
		if !ok || !isToken(name) || seen[name] || !isToken(value) && !isQuoted(value) {
			return e, false
		}
		seen[name] = true
		e.set(name, unquote(value))
	}
	return e, true
}

func (e *ForwardedElement) set(name, value string) {
	switch name {
	case "by":
		e.By = value
	case "for":
		e.For = value
	case "host":
		e.Host = value
	case "proto":
		e.Proto = value
	}
}

// isQuoted reports whether s is one quoted string, from its first to its last byte.
func isQuoted(s string) bool {
	if len(s) < 2 || s[0] != '"' || !isText(s) {
		return false
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i == len(s)-1
		}
	}
	return false
}

// readForwarded reads the Forwarded header, if p wants that and there is one.
func (p ProxyFix) readForwarded(h http.Header) (f forwarding, ok bool) {
	lines := h["Forwarded"]
	if p.Forwarded == 0 || len(lines) == 0 {
		return f, false
	}
	elements := nearestElements(lines)
	count := p.Forwarded
	if count < 0 && len(p.Trusted) > 0 {
		count = min(1+p.trustedElements(elements), len(elements))
	}
	if count < 0 || count > len(elements) || len(elements) == 0 {
		return f, true
	}
	e := elements[len(elements)-count]
	return forwarding{addr: addrOrNone(e.For), proto: schemeOrNone(e.Proto), host: hostOrNone(e.Host)}, true
}

// nearestElements are all elements of a well-formed header, else those at its right end that are well-formed by themselves: a client that
// sends half an element may not hide what the nearest proxies have appended.
func nearestElements(lines []string) []ForwardedElement {
	if elements, ok := ParseForwarded(lines); ok {
		return elements
	}
	pieces := strings.Split(strings.Join(lines, ","), ",")
	var elements []ForwardedElement
	for i := len(pieces) - 1; i >= 0; i-- {
		element, ok := parseElement(strings.Trim(pieces[i], " \t"))
		if !ok {
			break
		}
		elements = append(elements, element)
	}
	slices.Reverse(elements)
	return elements
}

func (p ProxyFix) trustedElements(elements []ForwardedElement) int {
	n := 0
	for n < len(elements) && p.trusts(elements[len(elements)-1-n].For) {
		n++
	}
	return n
}
