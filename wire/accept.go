package wire

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Kind says how the values of an Accept header are compared.
type Kind int

// The kinds of Accept headers.
const (
	Plain      Kind = iota // Accept-Encoding: case does not matter
	MediaTypes             // Accept: with wildcards and parameters
	Languages              // Accept-Language: falls back to the primary language
	Charsets               // Accept-Charset: by any name of a charset
)

// A Preference is one value of an Accept header with its quality, 0 to 1.
type Preference struct {
	Value   string  // "text/html", "de", "*"
	Quality float64 // 0 means not at all
}

// Accept is what a client prefers: the most specific first, among equals the highest quality, among those as
// they were sent. The zero value is that of a client that said nothing.
//
// Source: werkzeug.datastructures.Accept, MIMEAccept, LanguageAccept, CharsetAccept.
type Accept struct {
	Kind        Kind         // of which header
	Preferences []Preference // nil means none
	Provided    bool         // the header was there and not empty
}

// maxPreferences is how many values of one Accept header are looked at.
const maxPreferences = 256

// ParseAccept reads an Accept header. Values with a quality that is none are left out.
//
// Source: werkzeug.http.parse_accept_header.
func ParseAccept(kind Kind, field string) Accept {
	a := Accept{Kind: kind, Provided: field != ""}
	for _, item := range ParseList(field) {
		if p, ok := parsePreference(item); ok && len(a.Preferences) < maxPreferences {
			a.Preferences = append(a.Preferences, p)
		}
	}
	slices.SortStableFunc(a.Preferences, func(x, y Preference) int {
		if c := compareSpecificity(kind, y.Value, x.Value); c != 0 {
			return c
		}
		switch {
		case x.Quality > y.Quality:
			return -1
		case x.Quality < y.Quality:
			return 1
		}
		return 0
	})
	return a
}

func parsePreference(item string) (Preference, bool) {
	value, params := ParseOptions(item)
	i := params.index("q")
	if i < 0 {
		return Preference{DumpOptions(value, params), 1}, true
	}
	q, ok := parseQuality(params[i].Value)
	params = slices.Delete(params, i, i+1)
	return Preference{DumpOptions(value, params), q}, ok
}

// parseQuality reads decimal digits, perhaps with a fraction.
func parseQuality(s string) (float64, bool) {
	digits, fraction, dotted := strings.Cut(strings.TrimPrefix(strings.TrimSpace(s), "-"), ".")
	if !isDigits(digits) || dotted && !isDigits(fraction) {
		return 0, false
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return q, err == nil && q >= 0 && q <= 1
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// compareSpecificity compares how much two values leave open.
func compareSpecificity(kind Kind, x, y string) int {
	if kind != MediaTypes {
		return compareBools(x != "*", y != "*")
	}
	a, b := splitMediaType(x), splitMediaType(y)
	for i := 0; i < len(a) && i < len(b); i++ {
		if c := compareBools(a[i] != "*", b[i] != "*"); c != 0 {
			return c
		}
	}
	return len(a) - len(b)
}

func compareBools(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return 1
	}
	return -1
}

// splitMediaType cuts a type into type, subtype and parameters.
func splitMediaType(s string) []string {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == ';' })
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// Quality is how much the client wants value, 0 if not at all. It fails for a media type that is none.
func (a Accept) Quality(value string) (float64, error) {
	if err := a.check(value); err != nil {
		return 0, err
	}
	if p := a.find(value); p != nil {
		return p.Quality, nil
	}
	return 0, nil
}

// Accepts says whether value is among the preferences, were it with quality 0. Source: Accept.__contains__.
func (a Accept) Accepts(value string) bool { return a.check(value) == nil && a.find(value) != nil }

// HTML says whether the client takes HTML or XHTML. Source: MIMEAccept.accept_html.
func (a Accept) HTML() bool { return a.Accepts("text/html") || a.XHTML() }

// XHTML says whether the client takes XHTML. Source: MIMEAccept.accept_xhtml.
func (a Accept) XHTML() bool {
	return a.Accepts("application/xhtml+xml") || a.Accepts("application/xml")
}

// JSON says whether the client takes JSON. Source: MIMEAccept.accept_json.
func (a Accept) JSON() bool { return a.Accepts("application/json") }

// First is the first preference, "" if there is none. Source: Accept.best.
func (a Accept) First() string {
	if len(a.Preferences) == 0 {
		return ""
	}
	return a.Preferences[0].Value
}

// Best is the one of the offers that the client wants most, the first of equals; "" if it wants none. An offer that is
// no media type panics, where media types are compared: it is the program's mistake, never the client's.
// [Accept.BestOf] returns it as an error.
func (a Accept) Best(offers ...string) string {
	best, err := a.BestOf(offers...)
	if err != nil {
		panic(err)
	}
	return best
}

// BestOf is Best that returns what is wrong with an offer.
//
// Source: Accept.best_match.
func (a Accept) BestOf(offers ...string) (string, error) {
	for _, o := range offers {
		if err := a.check(o); err != nil && len(a.Preferences) > 0 {
			return "", err
		}
	}
	if a.Kind == Languages {
		return a.bestLanguage(offers), nil
	}
	return a.best(offers), nil
}

func (a Accept) best(offers []string) (best string) {
	var chosen *Preference
	for _, o := range offers {
		p := a.find(o)
		if p == nil || p.Quality <= 0 {
			continue
		}
		if chosen == nil || p.Quality > chosen.Quality ||
			p.Quality == chosen.Quality && compareSpecificity(a.Kind, p.Value, chosen.Value) > 0 {
			best, chosen = o, p
		}
	}
	return best
}

// bestLanguage tries the tags as they are, then the primary language of what is accepted, then that of the
// offers: a client that takes "en-US" takes "en", one that takes "en" takes "en-US".
func (a Accept) bestLanguage(offers []string) string {
	if best := a.best(offers); best != "" {
		return best
	}
	general := Accept{Preferences: make([]Preference, len(a.Preferences))}
	for i, p := range a.Preferences {
		general.Preferences[i] = Preference{primary(p.Value), p.Quality}
	}
	if best := general.best(offers); best != "" {
		return best
	}
	primaries := make([]string, len(offers))
	for i, o := range offers {
		primaries[i] = primary(o)
	}
	best := a.best(primaries)
	for _, o := range offers {
		if best != "" && strings.HasPrefix(o, best) {
			return o
		}
	}
	return ""
}

func primary(tag string) string {
	if i := strings.IndexAny(tag, "-_"); i >= 0 {
		return tag[:i]
	}
	return tag
}

// find is the first preference that covers value.
func (a Accept) find(value string) *Preference {
	for i := range a.Preferences {
		if matches(a.Kind, value, a.Preferences[i].Value) {
			return &a.Preferences[i]
		}
	}
	return nil
}

// matches says whether a preference covers a value.
func matches(kind Kind, value, preference string) bool {
	switch {
	case kind == MediaTypes:
		return matchesMediaType(value, preference)
	case preference == "*":
		return true
	case kind == Languages:
		return strings.EqualFold(strings.ReplaceAll(value, "_", "-"), strings.ReplaceAll(preference, "_", "-"))
	case kind == Charsets:
		return charsetName(value) == charsetName(preference)
	}
	return strings.EqualFold(value, preference)
}

// matchesMediaType takes "*" on both sides; parameters must be the same if both subtypes are given.
func matchesMediaType(value, preference string) bool {
	v, p := splitMediaType(strings.ToLower(value)), splitMediaType(strings.ToLower(preference))
	if len(p) < 2 || len(v) < 2 || !strings.Contains(preference, "/") || p[0] == "*" && p[1] != "*" {
		return false
	}
	if p[0] == "*" || v[0] == "*" {
		return true
	}
	if p[0] != v[0] {
		return false
	}
	if p[1] == "*" || v[1] == "*" {
		return true
	}
	slices.Sort(v[2:])
	slices.Sort(p[2:])
	return slices.Equal(v[1:], p[1:])
}

// check refuses offers that are no media types.
func (a Accept) check(offer string) error {
	if a.Kind != MediaTypes {
		return nil
	}
	parts := splitMediaType(offer)
	if len(parts) < 2 || !strings.Contains(offer, "/") || parts[0] == "*" && parts[1] != "*" {
		return fmt.Errorf("wire: %q is no media type: write it as in text/html", offer)
	}
	return nil
}

// String is the header again.
func (a Accept) String() string {
	items := make([]string, len(a.Preferences))
	for i, p := range a.Preferences {
		items[i] = p.Value
		if p.Quality != 1 {
			items[i] += ";q=" + strconv.FormatFloat(math.Abs(p.Quality), 'g', -1, 64)
		}
	}
	return strings.Join(items, ",")
}
