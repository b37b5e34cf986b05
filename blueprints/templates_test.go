package blueprints_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	carafetest "github.com/carafeweb/carafe/testing"
)

// folder is templates by name.
func folder(byName map[string]string) carafe.Templates {
	files := fstest.MapFS{}
	for name, text := range byName {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return carafe.Templates{FS: files}
}

// render is what a view gives that renders a template.
func render(name string) func() any { return func() any { return carafe.Render(name, nil) } }

func renderString(t *testing.T, app *carafe.App, source string) (text string) {
	t.Helper()
	err := app.AppContext(t.Context()).With(func(ctx context.Context) (err error) {
		text, err = app.RenderString(ctx, source, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// twoRooms is an app whose blueprints admin and frontend have templates.
func twoRooms() *carafe.App {
	frontend := blueprints.New("frontend", folder(map[string]string{"frontend/index.html": "Hello from the Frontend", "shared.html": "frontend"}))
	frontend.Get("/", render("frontend/index.html"), carafe.Endpoint("index"))
	frontend.Get("/missing", render("missing_template.html"), carafe.Endpoint("missing"))
	frontend.Get("/shared", render("shared.html"), carafe.Endpoint("shared"))
	admin := blueprints.New("admin", carafe.URLPrefix("/admin"), folder(map[string]string{"admin/index.html": "Hello from the Admin", "shared.html": "admin", "own.html": "admin"}))
	admin.Get("/", render("admin/index.html"), carafe.Endpoint("index"))
	admin.Get("/own", render("own.html"), carafe.Endpoint("own"))
	app := carafe.New("rooms", folder(map[string]string{"own.html": "app"}))
	app.RegisterBlueprint(admin)
	app.RegisterBlueprint(frontend)
	return app
}

func TestBlueprintsBringTemplates(t *testing.T) {
	app := twoRooms()
	client := newClient(t, app)
	get(t, client, "/", "200 Hello from the Frontend")
	get(t, client, "/admin/", "200 Hello from the Admin")
	get(t, client, "/admin/own", "200 app") // the app's come first
	get(t, client, "/shared", "200 admin")  // then those registered first, whoever asks
	var err error
	client.Get("/missing", carafetest.WantError(&err))
	var missing *carafe.TemplateNotFound
	if !errors.As(err, &missing) || !errors.Is(err, fs.ErrNotExist) || !slices.Equal(missing.Names, []string{"missing_template.html"}) {
		t.Fatalf("a missing template: %v, want a *TemplateNotFound with its name", err)
	}
	if got := strings.Join(missing.Tried, ", "); got != "fstest.MapFS (app rooms), fstest.MapFS (blueprint admin), fstest.MapFS (blueprint frontend)" {
		t.Errorf("the folders tried are %s", got)
	}
}

func TestTheListOfTemplatesUnitesThoseOfAllBlueprints(t *testing.T) {
	names, err := twoRooms().TemplateNames()
	if want := []string{"admin/index.html", "frontend/index.html", "own.html", "shared.html"}; !slices.Equal(names, want) || err != nil {
		t.Errorf("templates %v, %v, want %v", names, err, want)
	}
}

func TestLookingForATemplateIsExplained(t *testing.T) {
	app := twoRooms()
	app.Config.ExplainTemplateLoading = true
	var log strings.Builder
	app.Logger = slog.New(slog.NewTextHandler(&log, nil))
	var err error
	newClient(t, app).Get("/missing", carafetest.WantError(&err))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error is %v, want that of the missing template", err)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 1 {
		t.Fatalf("%d log records, want one:\n%s", len(lines), &log)
	}
	at := 0
	for _, part := range []string{
		"the template could not be found", "template=missing_template.html", `tried.1.of="app rooms"`, `tried.1.result="no match"`,
		`tried.2.of="blueprint admin"`, `tried.3.of="blueprint frontend"`, "blueprint=frontend",
	} {
		i := strings.Index(lines[0][at:], part)
		if i < 0 {
			t.Fatalf("the record does not go on with %s after %q:\n%s", part, lines[0][:at], lines[0])
		}
		at += i
	}
	log.Reset()
	newClient(t, app).Get("/shared")
	if !strings.Contains(log.String(), "several folders have the template") || !strings.Contains(log.String(), "blueprint=frontend") {
		t.Errorf("a template that two folders have: %s", &log)
	}
}

func TestNestedAndRepeatedBlueprintsBringTemplatesOnce(t *testing.T) {
	child := blueprints.New("child", folder(map[string]string{"child.html": "child", "both.html": "child"}))
	child.Get("/child", render("both.html"), carafe.Endpoint("index"))
	parent := blueprints.New("parent", folder(map[string]string{"both.html": "parent"}))
	parent.RegisterBlueprint(child)
	app := carafe.New("app", folder(nil))
	app.RegisterBlueprint(parent)
	app.RegisterBlueprint(parent, carafe.Name("again"), carafe.URLPrefix("/again"))
	client := newClient(t, app)
	get(t, client, "/child", "200 parent")
	get(t, client, "/again/child", "200 parent")
	err := app.AppContext(t.Context()).With(func(ctx context.Context) error { _, err := app.Render(ctx, "none", nil); return err })
	var missing *carafe.TemplateNotFound
	if !errors.As(err, &missing) || len(missing.Tried) != 3 {
		t.Errorf("the folders tried: %v, want the app's and one for each blueprint", err)
	}
}

func TestContextProcessorsOfBlueprints(t *testing.T) {
	page := "{{ answer }}|{{ notanswer }}"
	bp := blueprints.New("answer_bp")
	bp.AppContextProcessor(func(*carafe.Context) map[string]any { return map[string]any{"notanswer": 43} })
	bp.ContextProcessor(func(*carafe.Context) map[string]any { return map[string]any{"answer": 42} })
	bp.Get("/bp", func() any { return carafe.RenderString(page, nil) }, carafe.Endpoint("bp"))
	app := carafe.New("app")
	app.Get("/", func() any { return carafe.RenderString(page, nil) }, carafe.Endpoint("app"))
	app.RegisterBlueprint(bp)
	client := newClient(t, app)
	get(t, client, "/bp", "200 42|43")
	get(t, client, "/", "200 |43")
}

func TestProcessorsOfNestedBlueprintsRunInwards(t *testing.T) {
	var order []string
	processor := func(name string) func(*carafe.Context) map[string]any {
		return func(*carafe.Context) map[string]any {
			order = append(order, name)
			return map[string]any{"name": name, name: true}
		}
	}
	app := carafe.New("app")
	parent, child := blueprints.New("parent"), blueprints.New("child")
	child.ContextProcessor(processor("child"))
	parent.ContextProcessor(processor("parent"))
	app.ContextProcessor(processor("app"))
	child.Get("/", func() any { return carafe.RenderString("{{ name }} {{ app }} {{ parent }} {{ child }}", nil) }, carafe.Endpoint("index"))
	parent.RegisterBlueprint(child)
	app.RegisterBlueprint(parent)
	get(t, newClient(t, app), "/", "200 child True True True")
	if got := fmt.Sprint(order); got != "[app parent child]" {
		t.Errorf("processors ran as %s, want app, parent, child", got)
	}
}

func myReverse(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

func isBoolean(v any) bool { _, ok := v.(bool); return ok }

func getAnswer() int { return 42 }

func TestFunctionsThatABlueprintBringsForAllTemplates(t *testing.T) {
	for _, tt := range []struct {
		name, source, want string
		record             func(bp *blueprints.Blueprint)
	}{
		{"a filter under its own name", "{{ 'abcd'|myReverse }}", "dcba", func(bp *blueprints.Blueprint) { bp.AppTemplateFilter("", myReverse) }},
		{"a filter under another name", "{{ 'abcd'|strrev }}", "dcba", func(bp *blueprints.Blueprint) { bp.AppTemplateFilter("strrev", myReverse) }},
		{"a test under its own name", "{% if false is isBoolean %}Success!{% endif %}", "Success!", func(bp *blueprints.Blueprint) { bp.AppTemplateTest("", isBoolean) }},
		{"a test under another name", "{% if false is boolean2 %}Success!{% endif %}", "Success!", func(bp *blueprints.Blueprint) { bp.AppTemplateTest("boolean2", isBoolean) }},
		{"a global under its own name", "{{ getAnswer() }}", "42", func(bp *blueprints.Blueprint) { bp.AppTemplateGlobal("", getAnswer) }},
		{"a global under another name", "{{ get_answer() }}", "42", func(bp *blueprints.Blueprint) { bp.AppTemplateGlobal("get_answer", getAnswer) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bp := blueprints.New("bp", carafe.URLPrefix("/py"))
			tt.record(bp)
			app := carafe.New("app", folder(map[string]string{"page.html": tt.source}))
			app.Get("/", render("page.html"), carafe.Endpoint("index")) // before the blueprint
			err := app.AppContext(t.Context()).With(func(ctx context.Context) error {
				_, err := app.Render(ctx, "page.html", nil)
				return err
			})
			if err == nil {
				t.Errorf("%s is there before the blueprint is registered", tt.source)
			}
			app.RegisterBlueprint(bp)
			app.RegisterBlueprint(bp, carafe.Name("again"))
			if got := renderString(t, app, tt.source); got != tt.want {
				t.Errorf("%s outside of a request: %s, want %s", tt.source, got, tt.want)
			}
			get(t, newClient(t, app), "/", "200 "+tt.want)
		})
	}
}

func TestFaultsOfABlueprintsTemplates(t *testing.T) {
	app := carafe.New("app")
	bp := blueprints.New("bp")
	site := nextLine()
	bp.AppTemplateTest("odd", func(n int) int { return n })
	fault := setupFault(t, func() { app.RegisterBlueprint(bp) })
	if fault.Site != site || !strings.Contains(fault.Error(), `TemplateTest "odd"`) || !strings.Contains(fault.Error(), "must return a bool") {
		t.Errorf("a test that returns no bool: %v, want the line that recorded it (%v)", fault, site)
	}
	both := folder(nil)
	both.Dir = "templates"
	if fault := setupFault(t, func() { app.RegisterBlueprint(blueprints.New("both", both)) }); !strings.Contains(fault.Error(), "give one of them") {
		t.Errorf("a folder and a file system: %v", fault)
	}
	done := blueprints.New("done")
	app.RegisterBlueprint(done)
	if fault := setupFault(t, func() { done.AppTemplateFilter("f", myReverse) }); !strings.Contains(fault.Error(), `"AppTemplateFilter"`) {
		t.Errorf("after registration: %v, want the method's name", fault)
	}
}

func TestEndpointsInTemplatesAreRelativeToTheBlueprint(t *testing.T) {
	bp := blueprints.New("bp", carafe.URLPrefix("/bp"))
	bp.Get("/here", func() any { return carafe.RenderString("{{ url_for('.here') }} {{ url_for('home') }}", nil) }, carafe.Endpoint("here"))
	app := carafe.New("app")
	app.Get("/", index, carafe.Endpoint("home"))
	app.RegisterBlueprint(bp)
	get(t, newClient(t, app), "/bp/here", "200 /bp/here /")
}
