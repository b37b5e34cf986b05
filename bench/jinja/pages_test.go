package pages_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	htmltemplate "html/template"
	"io"
	"os"
	osexec "os/exec"
	"strings"
	"testing"
	texttemplate "text/template"

	pages "github.com/carafeweb/carafe/bench/jinja"
	"github.com/carafeweb/carafe/jinja"
	"github.com/nikolalohinski/gonja/v2"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
)

func rowsData() map[string]any {
	return map[string]any{"title": "Users & friends", "users": pages.Users(50)}
}

func env(tb testing.TB, files map[string]string) *jinja.Environment {
	tb.Helper()
	return jinja.MustNew(jinja.Options{Loader: jinja.Map(files)})
}

func compile(tb testing.TB, source string) *jinja.Template {
	tb.Helper()
	t, err := env(tb, nil).FromString(source)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func gonjaTemplate(tb testing.TB, files map[string]string, name string) *exec.Template {
	tb.Helper()
	loader, err := loaders.NewMemoryLoader(files)
	if err != nil {
		tb.Fatal(err)
	}
	cfg := config.New()
	cfg.AutoEscape = true
	t, err := exec.NewTemplate(name, cfg, loader, gonja.DefaultEnvironment)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func benchJinja(b *testing.B, t *jinja.Template, data map[string]any) {
	b.Helper()
	var buf []byte
	for b.Loop() {
		out, err := t.Append(buf[:0], data)
		if err != nil {
			b.Fatal(err)
		}
		buf = out
	}
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
}

func benchGonja(b *testing.B, t *exec.Template, data map[string]any) {
	b.Helper()
	ctx := exec.NewContext(data)
	b.ReportAllocs()
	for b.Loop() {
		if err := t.Execute(io.Discard, ctx); err != nil {
			b.Fatal(err)
		}
	}
}

type executer interface {
	Execute(w io.Writer, data any) error
}

func benchGo(b *testing.B, t executer, data map[string]any) {
	b.Helper()
	var buf bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		buf.Reset()
		if err := t.Execute(&buf, data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRows(b *testing.B) {
	b.Run("carafe", func(b *testing.B) { benchJinja(b, compile(b, pages.Rows), rowsData()) })
	b.Run("byhand", func(b *testing.B) {
		users := pages.Users(50)
		var buf []byte
		b.ReportAllocs()
		for b.Loop() {
			buf = pages.RowsByHand(buf[:0], "Users & friends", users)
		}
	})
	b.Run("html", func(b *testing.B) {
		benchGo(b, htmltemplate.Must(htmltemplate.New("rows").Parse(pages.RowsGo)), rowsData())
	})
	b.Run("text", func(b *testing.B) {
		benchGo(b, texttemplate.Must(texttemplate.New("rows").Parse(pages.RowsGo)), rowsData())
	})
	b.Run("gonja", func(b *testing.B) {
		benchGonja(b, gonjaTemplate(b, map[string]string{"/rows": pages.RowsGonja}, "/rows"), rowsData())
	})
}

// BenchmarkLayout has no peers in Go: html/template has no inheritance with super nor macros with
// keyword arguments, and gonja v2.9.1 fails on the page.
func BenchmarkLayout(b *testing.B) {
	b.Run("carafe", func(b *testing.B) {
		t, err := env(b, pages.Layout).Template("page.html")
		if err != nil {
			b.Fatal(err)
		}
		benchJinja(b, t, pages.LayoutData())
	})
}

var tableFuncs = map[string]any{
	"cycle":    func(i int) string { return []string{"odd", "even"}[i%2] },
	"inc":      func(i int) int { return i + 1 },
	"upper":    strings.ToUpper,
	"truncate": func(s string) string { return s[:9] + "..." },
	"join":     strings.Join,
	"at":       func(s string) string { return strings.ReplaceAll(s, "@", " at ") },
}

func tableData() map[string]any { return map[string]any{"users": pages.Users(1000)} }

func BenchmarkTable(b *testing.B) {
	b.Run("carafe", func(b *testing.B) { benchJinja(b, compile(b, pages.Table), tableData()) })
	b.Run("html", func(b *testing.B) {
		benchGo(b, htmltemplate.Must(htmltemplate.New("table").Funcs(tableFuncs).Parse(pages.TableGo)), tableData())
	})
	b.Run("text", func(b *testing.B) {
		benchGo(b, texttemplate.Must(texttemplate.New("table").Funcs(tableFuncs).Parse(pages.TableGo)), tableData())
	})
}

func BenchmarkFragment(b *testing.B) {
	data := map[string]any{"count": 42}
	b.Run("carafe", func(b *testing.B) { benchJinja(b, compile(b, pages.Fragment), data) })
	b.Run("html", func(b *testing.B) {
		benchGo(b, htmltemplate.Must(htmltemplate.New("f").Parse(pages.FragmentGo)), data)
	})
	b.Run("text", func(b *testing.B) {
		benchGo(b, texttemplate.Must(texttemplate.New("f").Parse(pages.FragmentGo)), data)
	})
	b.Run("gonja", func(b *testing.B) {
		benchGonja(b, gonjaTemplate(b, map[string]string{"/f": pages.Fragment}, "/f"), data)
	})
}

// BenchmarkCompile compiles 100 templates: 25 times the four of the pages.
func BenchmarkCompile(b *testing.B) {
	files := map[string]string{}
	for i := range 25 {
		for name, text := range pages.Layout {
			files[fmt.Sprintf("%d/%s", i, name)] = text
		}
		files[fmt.Sprintf("%d/rows.html", i)] = pages.Rows
	}
	b.ReportAllocs()
	for b.Loop() {
		e := env(b, files)
		for name := range files {
			if _, err := e.Template(name); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// TestPagesAgree holds the pages of the engines to the same text, entities aside.
func TestPagesAgree(t *testing.T) {
	got, err := compile(t, pages.Rows).Render(rowsData())
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := htmltemplate.Must(htmltemplate.New("rows").Parse(pages.RowsGo)).Execute(&buf, rowsData()); err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSuffix(buf.String(), "\n")
	if got != want {
		t.Errorf("the page of rows is\n%s\nbut html/template makes\n%s", got, want)
	}
	hand := strings.TrimSuffix(string(pages.RowsByHand(nil, "Users & friends", pages.Users(50))), "\n")
	if hand != want {
		t.Errorf("the page by hand is\n%s\nbut html/template makes\n%s", hand, want)
	}
}

// TestRowsAllocations holds the page of rows to its budget.
func TestRowsAllocations(t *testing.T) {
	tmpl, data := compile(t, pages.Rows), rowsData()
	buf := make([]byte, 0, 1<<16)
	n := testing.AllocsPerRun(100, func() {
		if _, err := tmpl.Append(buf, data); err != nil {
			t.Fatal(err)
		}
	})
	if n > 10 {
		t.Errorf("rendering the page of 50 rows allocates %v times, want at most 10", n)
	}
}

// pythonScript times the same pages in real Jinja2; it prints microseconds a render.
const pythonScript = `
import json, sys, timeit
from types import SimpleNamespace as Obj
from jinja2 import Environment, DictLoader
spec = json.load(sys.stdin)
env = Environment(loader=DictLoader(spec["files"]), autoescape=True)
def obj(u): return Obj(id=u["ID"], name=u["Name"], email=u["Email"], admin=u["Admin"], tags=u["Tags"])
for name, data in spec["pages"]:
    data = {k: [obj(u) for u in v] if k == "users" else v for k, v in data.items()}
    t = env.get_template(name)
    n = max(1, int(0.5 / max(1e-6, timeit.timeit(lambda: t.render(data), number=3) / 3)))
    print(name, "%.1f" % (min(timeit.repeat(lambda: t.render(data), number=n, repeat=3)) / n * 1e6), "us")
`

// TestPython prints what Python's Jinja2 takes for the pages, where JINJA_PYTHON names a Python.
func TestPython(t *testing.T) {
	python := os.Getenv("JINJA_PYTHON")
	if python == "" {
		t.Log("set JINJA_PYTHON to a python that has jinja2 to time it")
		return
	}
	files := map[string]string{"rows": pages.Rows, "table": pages.Table, "fragment": pages.Fragment}
	for name, text := range pages.Layout {
		files[name] = text
	}
	spec, err := json.Marshal(map[string]any{"files": files, "pages": [][]any{
		{"rows", rowsData()}, {"page.html", pages.LayoutData()}, {"table", tableData()}, {"fragment", map[string]any{"count": 42}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	cmd := osexec.Command(python, "-c", pythonScript)
	cmd.Stdin = bytes.NewReader(spec)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
