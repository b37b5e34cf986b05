package carafe

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"
)

// fieldRules are what a validate tag asks for. Rules about presence are decided here, from what was sent; the others are
// validator's, on the value.
//
// Unlike validator, required means that the field was sent, whatever its value; a field that is a nil pointer is only held
// to the rules about presence; and structs in slices and maps are always checked, with dive or without it.
type fieldRules struct {
	required bool
	presence []presenceRule
	sentness string // rules on presence that depend on values of other fields: required_if and the like
	tag      string // rules on the value
	keys     string // rules on the keys of a map of structs
	elem     *fieldRules
}

// A presenceRule is required_with or one of its seven sisters.
type presenceRule struct {
	presenceKind
	name   string
	param  string
	others []int // fields of the plan
}

type presenceKind struct {
	known   bool
	exclude bool // the field must not be sent then, rather than must
	without bool // the condition is that the others are missing
	all     bool // all of them, rather than one
}

// any says whether there is anything to check.
func (f *fieldRules) any() bool {
	return f.required || f.presence != nil || f.sentness != "" || f.tag != "" || f.keys != "" || f.elem != nil
}

// planRules reads the tags of the plan's fields, and tries every rule once, so that one that is unknown, or does not fit its
// field, is found at set-up.
func (b *planBuilder) planRules(p *structPlan, mode planMode) error {
	for _, f := range p.fields {
		tag := f.field.Tag.Get("validate")
		if tag != "" && tag != "-" {
			if err := b.planFieldRules(p, f, tag, mode); err != nil {
				return fmt.Errorf("%s has the validate tag %q: %w", f.label, tag, err)
			}
		}
		if f.rules.required && f.setDefault != nil {
			return fmt.Errorf("%s is required, and has a default: what is required has to be sent, so that its default is never used; leave one of them out", f.label)
		}
		f.needsFinish = f.setDefault != nil || f.nested != [numSources]*structPlan{}
		f.hasChecks = f.rules.any()
		p.hasRules = p.hasRules || f.hasChecks
	}
	return nil
}

func (b *planBuilder) planFieldRules(p *structPlan, f *fieldPlan, tag string, mode planMode) error {
	rules, err := parseRules(strings.Split(tag, ","), f.field.Type)
	if err != nil {
		return err
	}
	for i := range rules.presence {
		if err := rules.presence[i].resolve(p); err != nil {
			return err
		}
	}
	if mode != topMode && strings.Contains(tag, "csfield=") {
		return errors.New("rules across structs only see those below their own: write a Validate method on the struct that holds both")
	}
	f.rules = *rules
	return b.binder.rules().try(&f.rules, sample(f.field.Type, 0), reflect.New(p.typ))
}

// parseRules sorts the rules of a tag for a value of type t.
func parseRules(list []string, t reflect.Type) (*fieldRules, error) {
	f := &fieldRules{}
	planned := isPlanned(t)
	var value, sentness []string
	for i, rule := range list {
		name, param, _ := strings.Cut(rule, "=")
		switch {
		case name == "required":
			f.required = true
		case name == "structonly" || name == "nostructlevel":
		case presenceKinds[name].known:
			f.presence = append(f.presence, presenceRule{name: name, param: param, presenceKind: presenceKinds[name]})
		case strings.HasSuffix(name, "_if") || strings.HasSuffix(name, "_unless"):
			if name == "skip_unless" {
				return nil, errors.New("skip_unless is not supported: write a Validate method")
			}
			sentness = append(sentness, rule)
		case name == "dive":
			if err := f.dive(list[i+1:], t); err != nil {
				return nil, err
			}
			if f.elem == nil && f.keys == "" {
				value = append(value, list[i:]...)
			}
			f.tag, f.sentness = strings.Join(value, ","), strings.Join(sentness, ",")
			return f, nil
		case planned && !strings.HasPrefix(name, "omit"):
			return nil, fmt.Errorf("%s is no rule for a struct: write a Validate(context.Context) error method on %v", name, t)
		default:
			value = append(value, rule)
		}
	}
	f.tag, f.sentness = strings.Join(value, ","), strings.Join(sentness, ",")
	return f, nil
}

// dive reads what follows a dive. Rules for elements that are structs, at whatever depth, are kept for Carafe to walk, as
// their own fields have rules on presence; all others are left to validator.
func (f *fieldRules) dive(list []string, t reflect.Type) error {
	t = indirect(t)
	if k := t.Kind(); k != reflect.Slice && k != reflect.Array && k != reflect.Map {
		return fmt.Errorf("dive is for slices, arrays and maps, not for a %v", t)
	}
	if !holdsPlanned(t.Elem()) {
		return nil
	}
	if len(list) > 0 && list[0] == "keys" {
		end := slices.Index(list, "endkeys")
		if end < 0 {
			return errors.New("keys without endkeys")
		}
		f.keys = strings.Join(list[1:end], ",")
		list = list[end+1:]
	}
	elem, err := parseRules(list, t.Elem())
	if err != nil {
		return err
	}
	if elem.presence != nil || elem.sentness != "" {
		return errors.New("rules about other fields have no meaning for an element")
	}
	f.elem = elem
	return nil
}

// isPlanned says whether a type is a struct, or a pointer to one, that has a plan of its own.
func isPlanned(t reflect.Type) bool {
	t = indirect(t)
	return t.Kind() == reflect.Struct && !isLeaf(t)
}

func holdsPlanned(t reflect.Type) bool {
	t = indirect(t)
	for k := t.Kind(); (k == reflect.Slice || k == reflect.Array || k == reflect.Map) && !isLeaf(t); k = t.Kind() {
		t = indirect(t.Elem())
	}
	return isPlanned(t)
}

var presenceKinds = map[string]presenceKind{
	"required_with":        {known: true},
	"required_with_all":    {known: true, all: true},
	"required_without":     {known: true, without: true},
	"required_without_all": {known: true, without: true, all: true},
	"excluded_with":        {known: true, exclude: true},
	"excluded_with_all":    {known: true, exclude: true, all: true},
	"excluded_without":     {known: true, exclude: true, without: true},
	"excluded_without_all": {known: true, exclude: true, without: true, all: true},
}

// resolve finds the fields that the rule names.
func (p *presenceRule) resolve(plan *structPlan) error {
	for name := range strings.FieldsSeq(p.param) {
		i := slices.IndexFunc(plan.fields, func(f *fieldPlan) bool { return f.field.Name == name })
		if i < 0 {
			return fmt.Errorf("%s names %q, which is no field of %s that is bound", p.name, name, plan.label)
		}
		p.others = append(p.others, i)
	}
	if p.others == nil {
		return fmt.Errorf("%s names no field", p.name)
	}
	return nil
}

// broken says whether the rule is broken by a field that was, or was not, sent.
func (p *presenceRule) broken(r *bindRun, base int, sent bool) bool {
	if sent != p.exclude {
		return false
	}
	holds := func(i int) bool { return (r.states[base+i]&stateSent == 0) == p.without }
	if p.all {
		return !slices.ContainsFunc(p.others, func(i int) bool { return !holds(i) })
	}
	return slices.ContainsFunc(p.others, holds)
}

// A ruleScope is the struct that a field is checked in.
type ruleScope struct {
	plan   *structPlan
	parent reflect.Value
	base   int // of the states of its fields
	sent   bool
}

// The two forms of a field's presence, as validator's required_if and the like see them: a pointer, or a nil one.
var (
	present = new(bool)
	absent  *bool
)

// check reports what is wrong with a field; required has been seen to.
func (f *fieldRules) check(r *bindRun, in ruleScope, v reflect.Value) {
	for i := range f.presence {
		if p := &f.presence[i]; p.broken(r, in.base, in.sent) {
			r.invalid(p.name, in.plan.sentNames(p.param))
			return
		}
	}
	if f.sentness != "" {
		presence := absent
		if in.sent {
			presence = present
		}
		if r.checkTag(presence, in, f.sentness) {
			return
		}
	}
	f.checkValue(r, in, v)
}

func (f *fieldRules) checkValue(r *bindRun, in ruleScope, v reflect.Value) {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return
	}
	if f.tag != "" && r.checkTag(v.Interface(), in, f.tag) {
		return
	}
	if f.keys != "" || f.elem != nil {
		f.checkElements(r, in, reflect.Indirect(v))
	}
}

// checkElements checks the elements of a list or map that structs are in. Those structs have been checked as they were read.
func (f *fieldRules) checkElements(r *bindRun, in ruleScope, v reflect.Value) {
	element := func(s pathStep, key, elem reflect.Value) {
		r.push(s)
		if f.keys == "" || !r.checkTag(key.Interface(), in, f.keys) {
			f.elem.checkElement(r, in, elem)
		}
		r.pop()
	}
	if v.Kind() == reflect.Map {
		for _, key := range v.MapKeys() {
			elem := reflect.New(v.Type().Elem()).Elem()
			elem.Set(v.MapIndex(key))
			element(pathStep{name: fmt.Sprint(key), entry: true}, key, elem)
		}
		return
	}
	for i := range v.Len() {
		element(pathStep{index: i}, reflect.Value{}, v.Index(i))
	}
}

func (f *fieldRules) checkElement(r *bindRun, in ruleScope, v reflect.Value) {
	if f.required && v.Kind() == reflect.Pointer && v.IsNil() {
		r.invalid("required", "")
		return
	}
	f.checkValue(r, in, v)
}

// checkTag has validator check a value, and reports what it finds.
func (r *bindRun) checkTag(value any, in ruleScope, tag string) (found bool) {
	err := r.binder.rules().validator.VarWithValueCtx(r.c, value, in.parent.Addr().Interface(), tag)
	if err == nil {
		return false
	}
	var faults validator.ValidationErrors
	if !errors.As(err, &faults) {
		r.fail = err
		return true
	}
	for _, fe := range faults {
		r.violation(fe, in.plan)
	}
	return true
}

// violation reports what validator found. Of a secret field neither rule parameters nor names within are shown.
func (r *bindRun) violation(fe validator.FieldError, p *structPlan) {
	if r.full() {
		r.total++
		return
	}
	at := r.name()
	if r.secret > 0 {
		rule, _, _ := strings.Cut(strings.ReplaceAll(fe.Tag(), "=", "|"), "|")
		r.add(Fault{Name: at, In: r.in.String(), Rule: rule, Message: r.language().own(ruleInvalid, at, "")})
		return
	}
	r.add(Fault{Name: joinName(at, fe.Namespace()), In: r.in.String(), Rule: fe.Tag(), Message: r.language().translate(fe, at, p.sentNames)})
}

// sentNames turns names of Go fields, as rules about other fields have them, into those that the client knows.
func (p *structPlan) sentNames(names string) string {
	list := strings.Fields(names)
	for i, name := range list {
		for _, f := range p.fields {
			if f.field.Name == name {
				list[i] = f.sources[0].name
			}
		}
	}
	return strings.Join(list, " ")
}
