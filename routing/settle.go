package routing

import (
	"context"
	"errors"
)

// errInvalid means that a converter has refused its text. No other rule is tried then, but
// the answer is 405 if rules before this one fitted but for the method.
var errInvalid = errors.New("routing: refused by a converter")

// settle does what is left when a rule has matched: numbers and the user's converters may
// refuse their text, and the rule may redirect.
func (m *Map) settle(ctx context.Context, dst *Match, bit methodMask) error {
	r := dst.Rule
	if r.custom > 0 {
		own := make([]any, r.custom)
		dst.own = &own
	}
	for _, i := range r.checks {
		if err := dst.check(ctx, i); err != nil {
			if errors.Is(err, ErrValidation) {
				return errInvalid
			}
			return err
		}
	}
	if r.Alias && !m.opts.KeepDefaults {
		return &RequestRedirect{alias: true}
	}
	if len(r.canonical) > 0 {
		if c := dst.canonicalRule(bit); c != nil {
			return &RequestRedirect{canonical: c}
		}
	}
	if r.RedirectTo != nil {
		return &RequestRedirect{target: true}
	}
	return nil
}

// check converts or validates variable i, also one whose default will hide the value.
func (m *Match) check(ctx context.Context, i int) error {
	v := &m.Rule.variables[i]
	text := m.Text(i)
	switch d := v.def; d.shape.kind {
	case shapeInt:
		if len(text) <= 18 && !d.shape.number.checks() {
			return nil // fits an int64
		}
		c := intConverter{d.shape.number}
		if _, ok := c.parse(text); !ok {
			return ErrValidation
		}
	case shapeFloat:
		if len(text) <= 300 && !d.shape.number.checks() {
			return nil // fits a float64
		}
		c := floatConverter{d.shape.number}
		if _, ok := c.parse(text); !ok {
			return ErrValidation
		}
	default:
		value, err := d.Converter.Parse(ctx, text)
		if err != nil {
			return err
		}
		(*m.own)[v.custom] = value
	}
	return nil
}

// canonicalRule is the first rule, in building order, whose defaults are this match's values.
func (m *Match) canonicalRule(bit methodMask) *Rule {
	for _, c := range m.Rule.canonical {
		if c.allows(bit) && m.hasDefaultsOf(c) {
			return c
		}
	}
	return nil
}

func (m *Match) hasDefaultsOf(c *Rule) bool {
	for name, value := range c.Defaults {
		i, ok := m.Lookup(name)
		if !ok || !sameValue(value, m.Value(i)) {
			return false
		}
	}
	return true
}
