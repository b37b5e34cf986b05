package routing

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

var errSubdomain = errors.New("routing: host matching enabled and a subdomain was provided")

// asciiHost turns a host into ASCII, label by label. The port is no part of it.
//
// Source: Python's idna codec, RFC 3490. Unlike Flask, labels are lower-cased but not
// normalised (NFKC): the standard library has no tables for that, and browsers send names
// normalised.
func asciiHost(host string) (string, error) {
	name, _, _ := strings.Cut(host, ":")
	if isASCII(name) {
		return host, checkLabels(name)
	}
	labels := strings.Split(strings.Map(plainDot, name), ".")
	for i, label := range labels {
		if label == "" && i == len(labels)-1 {
			break // a dot at the end
		}
		ascii, ok := asciiLabel(label)
		if !ok {
			return "", ErrBadHost
		}
		labels[i] = ascii
	}
	return strings.Join(labels, ".") + host[len(name):], nil
}

func isDot(r rune) bool { return r == '.' || r == '。' || r == '．' || r == '｡' }

func plainDot(r rune) rune {
	if isDot(r) {
		return '.'
	}
	return r
}

// checkLabels wants every label to have 1 to 63 bytes; the last may be empty.
func checkLabels(name string) error {
	for {
		label, rest, more := strings.Cut(name, ".")
		if len(label) > 63 || (label == "" && more) {
			return ErrBadHost
		}
		if !more {
			return nil
		}
		name = rest
	}
}

func asciiLabel(label string) (string, bool) {
	label = strings.ToLower(label)
	if !isASCII(label) {
		if strings.HasPrefix(label, "xn--") || strings.ContainsFunc(label, prohibited) {
			return "", false
		}
		if utf8.RuneCountInString(label) > 63 { // encoding takes quadratic time, and makes it no shorter
			return "", false
		}
		label = "xn--" + punycode(label)
	}
	return label, 0 < len(label) && len(label) < 64
}

func prohibited(r rune) bool {
	return r == unicode.ReplacementChar || unicode.IsSpace(r) || unicode.Is(unicode.C, r)
}

// punycode encodes a label after RFC 3492, section 6.3.
func punycode(label string) string {
	runes := []rune(label)
	var out []byte
	for _, r := range runes {
		if r < 0x80 {
			out = append(out, byte(r))
		}
	}
	basic := len(out)
	if basic > 0 {
		out = append(out, '-')
	}
	next, delta, bias := rune(0x80), 0, 72
	for done := basic; done < len(runes); {
		least := rune(unicode.MaxRune)
		for _, r := range runes {
			if r >= next && r < least {
				least = r
			}
		}
		delta += int(least-next) * (done + 1)
		next = least
		for _, r := range runes {
			if r < next {
				delta++
			}
			if r == next {
				out = appendVariable(out, delta, bias)
				bias = adapt(delta, done+1, done == basic)
				delta = 0
				done++
			}
		}
		delta++
		next++
	}
	return string(out)
}

func appendVariable(out []byte, q, bias int) []byte {
	for k := 36; ; k += 36 {
		t := min(max(k-bias, 1), 26)
		if q < t {
			return append(out, punyDigit(q))
		}
		out = append(out, punyDigit(t+(q-t)%(36-t)))
		q = (q - t) / (36 - t)
	}
}

func punyDigit(d int) byte {
	if d < 26 {
		return 'a' + byte(d)
	}
	return '0' + byte(d-26)
}

func adapt(delta, points int, first bool) int {
	if first {
		delta /= 700
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for ; delta > 35*26/2; k += 36 {
		delta /= 35
	}
	return k + 36*delta/(delta+38)
}
