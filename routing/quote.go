package routing

// pathSafe and querySafe are the bytes that stay as they are: letters, digits, "_.-~", and
// Werkzeug's sets after https://url.spec.whatwg.org/#url-path-segment-string.
var (
	pathSafe  = safeSet("!$&'()*+,/:;=@")
	querySafe = safeSet("!$'()*,/:;?@")
)

type byteSet [256]bool

func safeSet(extra string) *byteSet {
	var set byteSet
	for c := range set {
		set[c] = isLetter(byte(c)) || isDigit(byte(c))
	}
	for _, c := range "_.-~" + extra {
		set[c] = true
	}
	return &set
}

const upperHex = "0123456789ABCDEF"

// QuotePath percent-encodes text for a URL's path, as Build does with static text and string
// values: all but letters, digits and "_.-~!$&'()*+,/:;=@". A percent sign is encoded too.
//
// Source: urllib.parse.quote with Werkzeug's safe characters.
func QuotePath(text string) string { return quote(text, pathSafe) }

// QuoteAnchor percent-encodes text for a URL's fragment, as Flask's url_for does with
// _anchor: all but letters, digits and "_.-~%!#$&'()*+,/:;=?@".
func QuoteAnchor(text string) string { return quote(text, anchorSafe) }

var anchorSafe = safeSet("%!#$&'()*+,/:;=?@")

func quote(text string, safe *byteSet) string {
	for i := range len(text) {
		if !safe[text[i]] {
			return string(appendEscaped(append(make([]byte, 0, len(text)+16), text[:i]...), text[i:], safe))
		}
	}
	return text
}

func appendQuoted(dst []byte, text string, safe *byteSet) []byte {
	for i := range len(text) {
		if !safe[text[i]] {
			return appendEscaped(append(dst, text[:i]...), text[i:], safe)
		}
	}
	return append(dst, text...)
}

func appendEscaped(dst []byte, text string, safe *byteSet) []byte {
	for i := range len(text) {
		if c := text[i]; safe[c] {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

// appendQueryText is form encoding: as appendQuoted, and a space becomes "+".
func appendQueryText(dst []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case querySafe[c]:
			dst = append(dst, c)
		case c == ' ':
			dst = append(dst, '+')
		default:
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}
