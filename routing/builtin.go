package routing

import (
	"context"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// newText is <string(minlength=1, maxlength=None, length=None)>; lengths count code points.
func newText(args Arguments) (Definition, error) {
	p, err := bindArguments("string", args, "minlength", "maxlength", "length")
	if err != nil {
		return Definition{}, err
	}
	s := shape{kind: shapeText, min: 1, max: noLimit}
	if n, ok, err := p.whole(2); err != nil {
		return Definition{}, err
	} else if ok {
		s.min, s.max = n, n
	} else if s.min, s.max, err = textLimits(p); err != nil {
		return Definition{}, err
	}
	if s.min < 0 || s.max < noLimit || (s.max >= 0 && s.max < s.min) {
		return Definition{}, badArgument(FaultType, "no text is at least %d and at most %d long", s.min, s.max)
	}
	if s.min > longestText {
		return Definition{}, badArgument(FaultArgument, "no URL has room for a text of %d characters", s.min)
	}
	return define(Definition{Regexp: lengthRegexp(s.min, s.max), Spans: SpansNever, shape: s})
}

const noLimit = -1

func textLimits(p parameters) (low, high int, err error) {
	low, high = 1, noLimit
	if n, ok, err := p.whole(0); err != nil {
		return 0, 0, err
	} else if ok {
		low = n
	} else if p.given[0] {
		return 0, 0, badArgument(FaultType, "argument %q of converter %q has to be a number, not None", "minlength", "string")
	}
	if n, ok, err := p.whole(1); err != nil {
		return 0, 0, err
	} else if ok && n < 0 {
		high = n - 1 // not to be taken for noLimit
	} else if ok {
		high = n
	}
	return low, high, nil
}

// longestText is more than any server takes for a URL. A rule that wants longer text is a mistake, and would take time and room
// for its samples and regexps.
const longestText = 1 << 20

// lengthRegexp is [^/]{low,high} in steps that Go's regexp, which counts to 1000, can take. That it cannot say a high that no URL
// reaches does not matter: the shape does.
func lengthRegexp(low, high int) string {
	if high > longestText {
		high = -1
	}
	if low == 1 && high < 0 {
		return textRegexp
	}
	var b strings.Builder
	for n := low; n > 0; n -= 1000 {
		b.WriteString("[^/]{" + strconv.Itoa(min(n, 1000)) + "}")
	}
	if high < 0 {
		b.WriteString("[^/]*")
	}
	for n := high - low; high >= 0 && n > 0; n -= 1000 {
		b.WriteString("[^/]{0," + strconv.Itoa(min(n, 1000)) + "}")
	}
	if b.Len() == 0 {
		return "(?:)"
	}
	return b.String()
}

// newAny is <any(a, b, "c d")>: one of the items, the first that fits.
func newAny(args Arguments) (Definition, error) {
	if len(args.Named) > 0 {
		return Definition{}, badArgument(FaultArgument, "converter %q takes items, not %q=", "any", args.Named[0].Name)
	}
	items := make([]string, 0, len(args.Positional))
	quoted := make([]string, 0, len(args.Positional))
	for _, item := range args.Positional {
		text, ok := item.(string)
		if !ok {
			return Definition{}, badArgument(FaultArgument,
				"item %s of converter %q has to be text: put it in quotes", appendRepr(nil, item), "any")
		}
		items = append(items, text)
		quoted = append(quoted, regexp.QuoteMeta(text))
	}
	return define(Definition{
		Converter: anyConverter{items},
		Regexp:    "(?:" + strings.Join(quoted, "|") + ")",
		Spans:     SpansNever,
		Type:      reflect.TypeFor[string](),
		shape:     shape{kind: shapeAny, items: items},
	})
}

// anyConverter, unlike the others, refuses to build what it would not match.
type anyConverter struct{ items []string }

func (c anyConverter) Parse(_ context.Context, text string) (any, error) { return text, nil }

func (c anyConverter) Format(value any) (string, error) {
	switch reflect.ValueOf(value).Kind() {
	case reflect.Slice, reflect.Map:
		return "", &ValueError{WrongType: true, Reason: "unhashable type: '" + pyTypeName(value) + "'"}
	}
	text := string(appendText(nil, value))
	if s, ok := value.(string); ok && slices.Contains(c.items, s) {
		return text, nil
	}
	sorted := slices.Clone(c.items)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	for i, item := range sorted {
		sorted[i] = "'" + item + "'"
	}
	return "", &ValueError{Reason: "'" + text + "' is not one of " + strings.Join(sorted, ", ")}
}

// newPath is <path>: text over any number of segments, the shortest that fits. It does not
// begin with "/", and takes no newline after its first character. Arguments are ignored.
func newPath(Arguments) (Definition, error) {
	return define(Definition{Regexp: pathRegexp, Weight: 200, Spans: SpansAlways, shape: shape{kind: shapePath}})
}

// newUUID is <uuid>: 8-4-4-4-12 hexadecimal digits of either case. Arguments are ignored.
func newUUID(Arguments) (Definition, error) {
	return define(Definition{
		Converter: uuidConverter{}, Regexp: uuidRegexp, Spans: SpansNever,
		Type: reflect.TypeFor[uuid.UUID](), shape: shape{kind: shapeUUID},
	})
}

type uuidConverter struct{}

func (uuidConverter) Parse(_ context.Context, text string) (any, error) { return uuid.Parse(text) }

// Format writes whatever it is given, unquoted, as Werkzeug does.
func (uuidConverter) Format(value any) (string, error) { return string(appendText(nil, value)), nil }

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
		} else if c := s[i] | 0x20; !isDigit(s[i]) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
