package carafe

import (
	"errors"
	"html/template"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template/parse"
)

// A TemplateInfo is what the text of a template tells without being rendered.
type TemplateInfo struct {
	Name, File string         // File is a full path, "" for what is no file of the system
	Errors     []string       // why it cannot be used; none if it can
	URLs       []TemplateURL  // in the order of the text
	Forms      []TemplateForm // those that are posted
	Words      []string       // the user's own settings that it mentions
}

// A TemplateURL is a call of url_for for an endpoint that the text names.
type TemplateURL struct {
	Endpoint string   // as the text has it; may begin with "."
	Line     int      // from 1
	Names    []string // of the values that it is given
	Open     bool     // whether there are more that only rendering knows
}

// A TemplateForm is an HTML form with the method POST.
type TemplateForm struct {
	Line     int    // from 1
	Endpoint string // that its action is built of by url_for; "" if it does not say
	Token    bool   // whether it has the field csrf_token
}

// InspectTemplates compiles every template of the app and its blueprints, and tells what it finds. The error is that of a
// folder that cannot be listed; templates that are wrong say so themselves.
func (a *App) InspectTemplates() ([]TemplateInfo, error) {
	names, err := a.TemplateNames()
	if err != nil {
		return nil, err
	}
	open, err := a.openTemplates(nil)
	if err != nil {
		return nil, err
	}
	list := make([]TemplateInfo, len(names))
	for i, name := range names {
		list[i] = a.inspectTemplate(open, name)
	}
	return list, nil
}

func (a *App) inspectTemplate(open *openTemplates, name string) TemplateInfo {
	info := TemplateInfo{Name: name}
	if src, err := open.env.Load(name); err == nil {
		if filepath.IsAbs(filepath.FromSlash(src.File)) { // not one of an embed.FS, which has no place of its own
			info.File = src.File
		}
		info.Forms = postForms(src.Text)
		info.Words = ownSettings(src.Text, a.Config.Extra)
	}
	_, err := open.set.Template(name)
	if refs, ok := open.set.(referring); ok && err == nil {
		info.URLs, err = refs.urls(name)
	}
	if err != nil {
		info.Errors = faultTexts(err)
	}
	return info
}

// referring is a set of templates that can tell which URLs a template builds.
type referring interface {
	urls(name string) ([]TemplateURL, error)
}

// urls implements referring; templates that this one names have to be there.
func (s *jinjaSet) urls(name string) (urls []TemplateURL, err error) {
	t, err := s.engine.Template(name)
	if err != nil {
		return nil, err
	}
	for _, u := range t.References().URLs {
		urls = append(urls, TemplateURL(u))
	}
	return urls, errors.Join(s.engine.CheckReferences(t)...)
}

// urls implements referring.
func (s *htmlSet) urls(name string) ([]TemplateURL, error) {
	src, err := s.env.Load(name)
	if err != nil {
		return nil, err
	}
	t, err := template.New(name).Funcs(s.stub).Delims(s.engine.Left, s.engine.Right).Parse(src.Text)
	if err != nil {
		return nil, err
	}
	var urls []TemplateURL
	for _, one := range t.Templates() {
		if one.Tree != nil {
			walkCommands(one.Tree.Root, func(n *parse.CommandNode) {
				if u, ok := commandURL(n); ok {
					u.Line = 1 + strings.Count(src.Text[:n.Position()], "\n")
					urls = append(urls, u)
				}
			})
		}
	}
	slices.SortStableFunc(urls, func(a, b TemplateURL) int { return a.Line - b.Line })
	return urls, nil
}

// commandURL reads {{ url_for "endpoint" "name" value … }}.
func commandURL(n *parse.CommandNode) (u TemplateURL, ok bool) {
	if len(n.Args) < 2 {
		return u, false
	}
	f, isName := n.Args[0].(*parse.IdentifierNode)
	endpoint, isText := n.Args[1].(*parse.StringNode)
	if !isName || !isText || f.Ident != "url_for" {
		return u, false
	}
	u.Endpoint = endpoint.Text
	u.Open = len(n.Args)%2 != 0 // one Values, or a value that comes through a pipe
	for i := 2; i+1 < len(n.Args); i += 2 {
		if name, isText := n.Args[i].(*parse.StringNode); isText {
			u.Names = append(u.Names, name.Text)
		} else {
			u.Open = true
		}
	}
	return u, true
}

// walkCommands visits every call of a tree, those in the arguments of others too.
func walkCommands(n parse.Node, visit func(*parse.CommandNode)) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				walkCommands(child, visit)
			}
		}
	case *parse.ActionNode:
		walkCommands(n.Pipe, visit)
	case *parse.TemplateNode:
		walkCommands(n.Pipe, visit)
	case *parse.IfNode:
		walkCommandsOf(&n.BranchNode, visit)
	case *parse.RangeNode:
		walkCommandsOf(&n.BranchNode, visit)
	case *parse.WithNode:
		walkCommandsOf(&n.BranchNode, visit)
	case *parse.PipeNode:
		if n != nil {
			for _, c := range n.Cmds {
				visit(c)
				for _, arg := range c.Args {
					walkCommands(arg, visit)
				}
			}
		}
	}
}

func walkCommandsOf(n *parse.BranchNode, visit func(*parse.CommandNode)) {
	walkCommands(n.Pipe, visit)
	walkCommands(n.List, visit)
	walkCommands(n.ElseList, visit)
}

// The parts of a form in the text of a template. An attribute may hold an expression of the engine's, with quotes of the other kind.
var (
	formStart  = regexp.MustCompile(`(?is)<form\b((?:\{\{.*?\}\}|\{%.*?%\}|"[^"]*"|'[^']*'|[^>])*)>`)
	formEnd    = regexp.MustCompile(`(?i)</form\s*>`)
	formMethod = regexp.MustCompile(`(?is)(?:^|\s)method\s*=\s*["']?\s*post\b`)
	formAction = regexp.MustCompile(`(?is)(?:^|\s)action\s*=\s*["']?\s*\{\{-?\s*url_for\s*\(?\s*["']([^"']+)["']`)
	comments   = regexp.MustCompile(`(?s)<!--.*?-->|\{#.*?#\}|\{\{-?\s*/\*.*?\*/\s*-?\}\}`)
)

// postForms finds the forms of a text, leaving out its comments.
func postForms(text string) (forms []TemplateForm) {
	text = comments.ReplaceAllStringFunc(text, func(c string) string { return strings.Repeat("\n", strings.Count(c, "\n")) })
	for _, at := range formStart.FindAllStringSubmatchIndex(text, -1) {
		attributes := text[at[2]:at[3]]
		if !formMethod.MatchString(attributes) {
			continue
		}
		inside := text[at[1]:]
		if end := formEnd.FindStringIndex(inside); end != nil {
			inside = inside[:end[0]]
		}
		form := TemplateForm{Line: 1 + strings.Count(text[:at[0]], "\n"), Token: strings.Contains(inside, csrfKey)}
		if action := formAction.FindStringSubmatch(attributes); action != nil {
			form.Endpoint = action[1]
		}
		forms = append(forms, form)
	}
	return forms
}

var settingWord = regexp.MustCompile(`[A-Z][A-Z0-9_]*`)

// ownSettings are the settings that a text mentions.
func ownSettings(text string, settings Settings) []string {
	if len(settings) == 0 {
		return nil
	}
	found := map[string]bool{}
	for _, word := range settingWord.FindAllString(text, -1) {
		if _, ok := settings[word]; ok {
			found[word] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
