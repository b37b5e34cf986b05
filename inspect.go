package carafe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/carafeweb/carafe/routing"
	"github.com/gorilla/mux"
)

// An Inspection is what an app says of itself: for command lines and other tools. It can be written as JSON, and has no secret in it.
type Inspection struct {
	Name, RootPath string        // as App.Name and App.RootPath have them
	HostMatching   bool          // whether rules are told apart by whole hosts
	Routes         []RouteInfo   // as App.Routes has them
	MatchOrder     []int         // the indexes of Routes in the order in which they are tried
	Foreign        []ForeignInfo // what answers beside the rules
	Commands       []CommandInfo // as App.Commands has them
	Blueprints     []string      // registered names, as App.Blueprints has them
	Settings       []SettingInfo // those that Config has fields for, then the user's own
	URLDefaults    bool          // whether functions add values to URLs that are built
	Faults         []string      // what keeps the app from serving
}

// A ForeignInfo describes a route of [App.Router], or something that is mounted.
type ForeignInfo struct {
	Kind    string   // "mux" or "mount"
	Name    string   // a route's name
	Rule    string   // the template of the path, or what is mounted with "/" behind it
	Host    string   // that it is for; "" means any
	Methods []string // nil means any
	View    string   // the type of the handler, or its function
}

// A SettingInfo is a setting as it may be shown.
type SettingInfo struct {
	Key     string          // Flask's, "MAX_CONTENT_LENGTH"
	Value   json.RawMessage // with secrets masked
	Changed bool            // whether it is another than the default
	Own     bool            // whether it is one of the user's, in Config.Extra
}

// Inspect finishes set-up as far as it goes ([App.Freeze]), and tells what there is. Faults do not keep it from that.
func (a *App) Inspect() *Inspection {
	in := &Inspection{
		Name: a.name, RootPath: a.rootPath, HostMatching: a.hostMatching, Routes: a.Routes(), Commands: a.CommandList(),
		Blueprints: a.Blueprints(), Settings: a.Config.inspect(),
	}
	if err := a.Freeze(); err != nil {
		in.Faults = faultTexts(err)
	} else {
		in.MatchOrder = a.matchOrder()
	}
	for _, s := range a.scopes {
		in.URLDefaults = in.URLDefaults || len(s.defaults) > 0
	}
	in.URLDefaults = in.URLDefaults || len(a.Scaffold.defaults) > 0
	in.Foreign = a.inspectForeign()
	return in
}

// faultTexts are the errors that err joins, each by itself.
func faultTexts(err error) (texts []string) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			texts = append(texts, faultTexts(e)...)
		}
		return texts
	}
	return []string{err.Error()}
}

func (a *App) matchOrder() (order []int) {
	left := map[*routing.Rule]int{}
	for i, rt := range a.routes {
		left[rt.rule] = i
	}
	_ = a.urls.Walk(func(_ *mux.Route, rule *routing.Rule) error {
		if i, ok := left[rule]; ok {
			delete(left, rule)
			order = append(order, i)
		}
		return nil
	})
	never := slices.Sorted(maps.Values(left)) // rules that only build
	return append(order, never...)
}

func (a *App) inspectForeign() (list []ForeignInfo) {
	if a.foreign.router != nil {
		_ = a.foreign.router.Walk(func(r *mux.Route, _ *mux.Router, _ []*mux.Route) error {
			if r.GetHandler() == nil {
				return nil // a Subrouter, whose routes come by themselves
			}
			info := ForeignInfo{Kind: "mux", Name: r.GetName(), View: viewTitle(foreignView(r.GetHandler()))}
			info.Rule, _ = r.GetPathTemplate()
			info.Host, _ = r.GetHostTemplate()
			info.Methods, _ = r.GetMethods()
			list = append(list, info)
			return nil
		})
	}
	for _, m := range a.mounts {
		list = append(list, ForeignInfo{Kind: "mount", Rule: m.prefix + "/", View: viewTitle(foreignView(m.handler))})
	}
	return list
}

// foreignView is the function of an http.HandlerFunc, else the handler.
func foreignView(h http.Handler) any {
	if f, ok := h.(http.HandlerFunc); ok {
		return (func(http.ResponseWriter, *http.Request))(f)
	}
	return h
}

// inspect lists the settings, those of the fields first, each part sorted by key.
func (c *Config) inspect() (list []SettingInfo) {
	normal := DefaultConfig()
	for _, key := range fieldsOf(reflect.TypeFor[Config]()).keys {
		value := c.Get(key)
		list = append(list, SettingInfo{Key: key, Value: shownJSON("", value), Changed: !reflect.DeepEqual(value, normal.Get(key))})
	}
	for _, key := range slices.Sorted(maps.Keys(c.Extra)) {
		list = append(list, SettingInfo{Key: key, Value: shownJSON(key, c.Extra[key]), Changed: true, Own: true})
	}
	return list
}

// shownJSON is a value without its secrets. A key that sounds secret, or any inside of the value, masks what it stands for.
func shownJSON(key string, value any) json.RawMessage {
	if key != "" && soundsSecret(key) {
		value = masked
	}
	if d, ok := value.(time.Duration); ok {
		value = d.String()
	}
	data, err := json.Marshal(value)
	var plain any
	if err == nil {
		exact := json.NewDecoder(bytes.NewReader(data))
		exact.UseNumber()
		err = exact.Decode(&plain)
	}
	if err != nil {
		plain = fmt.Sprintf("(%T)", value)
	}
	data, err = json.Marshal(maskInside(plain))
	if err != nil {
		return json.RawMessage(`"` + masked + `"`)
	}
	return data
}

// maskInside masks at every depth of what JSON gives.
func maskInside(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if soundsSecret(key) {
				v[key] = masked
			} else {
				v[key] = maskInside(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = maskInside(v[i])
		}
	case string:
		if hasPassword(v) || strings.HasPrefix(v, "-----BEGIN ") {
			return masked
		}
	}
	return v
}
