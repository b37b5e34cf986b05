package carafe

import (
	"context"
	"fmt"
	"html/template"

	"github.com/carafeweb/carafe/jinja"
)

// macroCall calls a macro whose name and template are values.
const macroCall = `{% import template as module %}{{ module[macro](*args, **named) }}`

// CallMacro is what a macro of a Jinja template gives, for code that needs a part of a page. args are its arguments, of which the
// last may be a [jinja.Kwargs] with those that are named. ctx is as in [App.Render]; no context processor runs, as for any
// import without context.
//
// Source: flask.get_template_attribute.
func (a *App) CallMacro(ctx context.Context, name, macro string, args ...any) (template.HTML, error) {
	s, err := a.templateScope(ctx)
	if err != nil {
		return "", err
	}
	open, err := a.openTemplates(s.Context)
	if err != nil {
		return "", err
	}
	if _, ok := open.set.(*jinjaSet); !ok {
		return "", fmt.Errorf("carafe: CallMacro(%q, %q): the engine %T has no macros", name, macro, a.Templates)
	}
	t, err := open.find(rendering{source: macroCall})
	if err != nil {
		return "", err
	}
	named := jinja.Kwargs{}
	if n := len(args); n > 0 {
		if kw, ok := args[n-1].(jinja.Kwargs); ok {
			args, named = args[:n-1], kw
		}
	}
	s.Data = map[string]any{"template": name, "macro": macro, "args": args, "named": map[string]any(named)}
	page, err := t.Append(nil, s)
	if err != nil {
		return "", templateFault(err)
	}
	return template.HTML(page), nil
}
