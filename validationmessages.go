package carafe

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-playground/locales"
	"github.com/go-playground/locales/en"
	ut "github.com/go-playground/universal-translator"
	"github.com/go-playground/validator/v10"
	english "github.com/go-playground/validator/v10/translations/en"
)

// The rules that are Carafe's own. Those of what cannot be read make the answer a 400.
const (
	ruleInteger  = "integer"
	ruleNumber   = "number"
	ruleBoolean  = "boolean"
	ruleString   = "string"
	ruleTime     = "datetime"
	ruleDuration = "duration"
	ruleUUID     = "uuid"
	ruleFormat   = "format" // a type that reads itself refused it
	ruleRange    = "range"  // a number that the field's type cannot hold
	ruleArray    = "array"
	ruleObject   = "object"
	ruleLength   = "length"
	ruleNull     = "null"
	ruleBase64   = "base64"
	ruleUTF8     = "utf8"
	ruleEmpty    = "empty" // no body
	ruleJSON     = "json"  // no JSON
	ruleUnknown  = "unknown"
	ruleValidate = "validate"
	ruleInvalid  = "invalid" // in place of a rule whose message would say too much
)

// ownTexts are the messages of Carafe's own rules. A language may translate them under these keys, with "carafe." before them; {0} is
// the field (of json: what is wrong), {1} a parameter.
var ownTexts = map[string]string{
	ruleInteger:  "{0} must be a whole number",
	ruleNumber:   "{0} must be a number",
	ruleBoolean:  "{0} must be true or false",
	ruleString:   "{0} must be a string",
	ruleTime:     "{0} must be a date and time",
	ruleDuration: "{0} must be a duration like 1h30m",
	ruleUUID:     "{0} must be a UUID",
	ruleFormat:   "{0} cannot be read",
	ruleRange:    "{0} is out of range",
	ruleArray:    "{0} must be a list",
	ruleObject:   "{0} must be an object",
	ruleLength:   "{0} must have {1} items",
	ruleNull:     "{0} must not be null",
	ruleBase64:   "{0} must be Base64",
	ruleUTF8:     "{0} must be UTF-8",
	ruleEmpty:    "the body is empty, but must be a JSON object",
	ruleJSON:     "the body is not JSON: {0}",
	ruleUnknown:  "{0} is not a known field",
	ruleInvalid:  "{0} is not valid",
	"required":   "{0} is a required field",
	"excluded":   "{0} must not be sent",
}

// A ruleBook is an App's validator with the languages of its messages, English first. After set-up it is only read.
type ruleBook struct {
	validator *validator.Validate
	languages []*language
}

func (b *binder) rules() *ruleBook {
	b.once.Do(func() {
		b.book = &ruleBook{validator: validator.New()}
		if err := b.book.add(en.New(), english.RegisterDefaultTranslations); err != nil {
			panic(err) // of texts that are constants
		}
	})
	return b.book
}

// Validator is the validator that checks the validate tags of everything that is bound. During set-up, and before the routes whose structs
// use it, register rules, aliases and types of your own with it; while serving, use it to check what was not bound.
//
//	app.Validator().RegisterValidation("isbn", isISBN)
func (a *App) Validator() *validator.Validate { return a.binder.rules().validator }

// Translate adds a language for the messages of faults. A request's Accept-Language decides among those that were added and
// English. register is that of validator's package for the language, or one of your own that calls it:
//
//	app.Translate(fr.New(), frenchtexts.RegisterDefaultTranslations)
//
// Carafe's own messages are in English until register adds texts for them to the translator, as in
// t.Add("carafe.integer", "{0} doit être un entier", true); docs/binding.md has the keys.
func (a *App) Translate(locale locales.Translator, register func(*validator.Validate, ut.Translator) error) {
	a.setup("Translate", func(Site) error {
		if locale == nil || register == nil {
			return errors.New("Translate needs a locale and the function that registers its texts")
		}
		return a.binder.rules().add(locale, register)
	})
}

// A language is one that messages are given in.
type language struct {
	tag        string // "fr", "pt-BR"
	translator *markedTranslator
}

func (b *ruleBook) add(locale locales.Translator, register func(*validator.Validate, ut.Translator) error) error {
	t, _ := ut.New(locale, locale).GetTranslator(locale.Locale())
	for rule, text := range ownTexts {
		if err := t.Add("carafe."+rule, text, false); err != nil {
			return err
		}
	}
	l := &language{tag: strings.ReplaceAll(locale.Locale(), "_", "-"), translator: &markedTranslator{t}}
	if err := register(b.validator, l.translator); err != nil {
		return fmt.Errorf("the texts of %s: %w", l.tag, err)
	}
	b.languages = append(b.languages, l)
	return nil
}

// markedTranslator marks a message's field and parameter, for translate to put in what validator does not know: it is asked
// about a value alone, so that the field has no name for it.
type markedTranslator struct{ ut.Translator }

const (
	markField = "\x01"
	markParam = "\x02"
	markEnd   = "\x03"
)

// T translates a message whose first parameter is the field.
func (t *markedTranslator) T(key any, params ...string) (string, error) {
	if len(params) > 0 {
		params = slices.Clone(params)
		params[0] = markField + params[0]
	}
	if len(params) > 1 {
		params[1] = markParam + params[1] + markEnd
	}
	return t.Translator.T(key, params...)
}

// translate is the message of what validator found at a path.
func (l *language) translate(fe validator.FieldError, at string, sentNames func(string) string) string {
	text := fe.Translate(l.translator)
	if text == fe.Error() { // no text for this rule
		return l.own(ruleInvalid, joinName(at, fe.Namespace()), "")
	}
	if before, rest, ok := strings.Cut(text, markParam); ok {
		param, after, _ := strings.Cut(rest, markEnd)
		if strings.Contains(fe.Tag(), "field") {
			param = sentNames(param)
		}
		text = before + param + after
	}
	return strings.ReplaceAll(text, markField, at)
}

// own is the message of a rule that is decided here.
func (l *language) own(rule, name, param string) string {
	if name == "" {
		name = "the body"
	}
	if rule == ruleJSON {
		name = param
	}
	key := rule
	switch _, known := ownTexts[rule]; {
	case strings.HasPrefix(rule, "required"): // validator's languages have texts for these
		if text, err := l.translator.Translator.T(rule, name, param); err == nil {
			return text
		}
		key = "required"
	case strings.HasPrefix(rule, "excluded"):
		key = "excluded"
	case !known:
		key = ruleInvalid
	}
	text, err := l.translator.Translator.T("carafe."+key, name, param)
	if err != nil { // a text of the user's with other parameters
		return name + " (" + rule + ")"
	}
	return text
}

// language is the one that the request wants most among those the app has.
//
// Source: RFC 9110, 12.5.4, with the lookup of RFC 4647, 3.4.
func (r *bindRun) language() *language {
	if r.lang == nil {
		r.lang = r.binder.rules().choose(r.c.Request.Header.Values("Accept-Language"))
	}
	return r.lang
}

func (b *ruleBook) choose(accept []string) *language {
	best, quality := b.languages[0], 0.0
	if len(b.languages) == 1 {
		return best
	}
	for tag, q := range weighted(accept) {
		if q <= quality {
			continue
		}
		if l := b.find(tag); l != nil {
			best, quality = l, q
		}
	}
	return best
}

// find is the language of a tag, or of what is left of it when its last parts are taken off; "fr" also finds "fr-CA".
func (b *ruleBook) find(tag string) *language {
	for part := tag; part != ""; part = part[:max(0, strings.LastIndexByte(part, '-'))] {
		for _, l := range b.languages {
			if strings.EqualFold(l.tag, part) {
				return l
			}
		}
	}
	for _, l := range b.languages {
		if base, _, more := strings.Cut(l.tag, "-"); more && strings.EqualFold(base, tag) {
			return l
		}
	}
	return nil
}

// try checks a value that has all a value of the field may have with every rule by itself. Validator panics about rules that it does not know,
// or that do not fit.
func (b *ruleBook) try(f *fieldRules, v, parent reflect.Value) error {
	for _, tag := range []string{f.sentness, f.keys} {
		if tag != "" {
			value := reflect.ValueOf(any(present))
			if tag == f.keys && f.keys != "" {
				value = reflect.Zero(indirect(v.Type()).Key())
			}
			if err := b.tryRules(tag, value, parent); err != nil {
				return err
			}
		}
	}
	if f.elem != nil {
		elem := indirect(v.Type()).Elem()
		if err := b.try(f.elem, sample(elem, 0), parent); err != nil {
			return err
		}
	}
	return b.tryRules(f.tag, v, parent)
}

func (b *ruleBook) tryRules(tag string, v, parent reflect.Value) error {
	list := strings.Split(tag, ",")
	for i, rule := range list {
		switch rule {
		case "", "omitempty", "omitnil", "omitzero":
		case "dive":
			v = reflect.Indirect(v)
			if i+1 < len(list) && list[i+1] == "keys" {
				end := slices.Index(list, "endkeys")
				if end < 0 {
					return errors.New("keys without endkeys")
				}
				key := reflect.Zero(v.Type().Key())
				if err := b.tryRules(strings.Join(list[i+2:end], ","), key, parent); err != nil {
					return err
				}
				return b.tryRules(strings.Join(list[end+1:], ","), sample(v.Type().Elem(), 0), parent)
			}
			if k := v.Kind(); k != reflect.Slice && k != reflect.Array && k != reflect.Map {
				return fmt.Errorf("dive is for slices, arrays and maps, not for a %v", v.Type())
			}
			return b.tryRules(strings.Join(list[i+1:], ","), sample(v.Type().Elem(), 0), parent)
		default:
			if err := b.tryRule(rule, v, parent); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *ruleBook) tryRule(rule string, v, parent reflect.Value) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("the rule %s cannot be used for a %v: %v", strconv.Quote(rule), v.Type(), fault)
		}
	}()
	_ = b.validator.VarWithValue(v.Interface(), parent.Interface(), rule)
	return nil
}

// sample is a value of a type with all its pointers, and an element in its slices and maps, for rules to be tried on.
func sample(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	if depth > 4 {
		return v
	}
	switch t.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(sample(t.Elem(), depth+1))
	case reflect.Slice:
		v.Set(reflect.Append(v, sample(t.Elem(), depth+1)))
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(reflect.Zero(t.Key()), sample(t.Elem(), depth+1))
	}
	return v
}
