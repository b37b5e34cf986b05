package devserver

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// The kinds of problems.
const (
	problemBuild = "build" // the newest source does not build
	problemExit  = "exit"  // the program has ended
)

// A Problem is why the newest source is not what serves.
type Problem struct {
	ID          int          // counts the problems of a session, from 1
	Kind        string       // "build" or "exit"
	Dir         string       // where the go command ran
	Command     string       // "go build …", or the program that ended
	Output      string       // of the go command, or the end of the program's
	Ended       string       // how the program ended: "ended with exit code 2"
	Served      bool         // it had served before it ended
	Diagnostics []Diagnostic // what the compiler says, line by line; nil of a program that ended
}

// Title is a few words, as they stand in the header Carafe-Stale: "the build failed".
func (p *Problem) Title() string {
	switch {
	case p.Kind == problemBuild:
		return "the build failed"
	case p.Served:
		return "the program has ended"
	}
	return "the program does not start"
}

// headline is the first thing that is wrong.
func (p *Problem) headline() string {
	if p.Kind == problemBuild {
		if len(p.Diagnostics) > 0 {
			first, _, _ := strings.Cut(p.Diagnostics[0].Message, "\n")
			return first
		}
		first, _, _ := strings.Cut(strings.TrimSpace(p.Output), "\n")
		return first
	}
	for line := range strings.Lines(p.Output) {
		if text, ok := strings.CutPrefix(line, "panic: "); ok {
			return "panic: " + strings.TrimSpace(text)
		}
		if strings.HasPrefix(line, "fatal error: ") {
			return strings.TrimSpace(line)
		}
	}
	return "The program " + p.Ended
}

//go:embed pages
var pageFiles embed.FS

// page is a template with the parts that all share. The files are our own: a mistake in them shows in the first test.
func page(name string) *template.Template {
	return template.Must(template.New(name).Funcs(template.FuncMap{"join": strings.Join}).ParseFS(pageFiles, "pages/source.html", "pages/section.html", "pages/"+name))
}

func pageText(name string) string {
	data, _ := pageFiles.ReadFile("pages/" + name)
	return string(data)
}

var (
	problemPage = page("problem.html")
	pageStyle   = template.CSS(pageText("style.css"))
	pageScript  = template.JS(pageText("page.js"))
)

// An excerpt is a diagnostic with its source.
type excerpt struct {
	Place   string
	Link    template.URL // of an editor's scheme, which the template would not let through
	Message string
	Lines   []SourceLine
}

// A segment is a piece of output; a place in the source is a link.
type segment struct {
	Text string
	Link template.URL
}

// maxExcerpts is how many diagnostics are shown; the go command stops at ten a package.
const maxExcerpts = 20

// pageSecurity keeps a page from loading or sending anything, whatever got into it, and from being framed.
func pageSecurity(w http.ResponseWriter, nonce string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+nonce+"'; script-src 'nonce-"+nonce+"'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
}

// servePage answers a browser.
func (p *Problem) servePage(w http.ResponseWriter, editor string) {
	nonce := randomText(22, letters)
	pageSecurity(w, nonce)
	w.WriteHeader(http.StatusInternalServerError)
	data := map[string]any{
		"Title": p.Title(), "Nonce": nonce, "Style": pageStyle, "Script": pageScript, "State": "problem-" + strconv.Itoa(p.ID), "Ask": statePath,
		"Kicker": strings.ToUpper(p.Title()[:1]) + p.Title()[1:], "Headline": shorten(p.headline(), 4<<10), "Command": p.Command,
		"Explain": p.explain(), "Excerpts": p.excerpts(editor), "More": max(0, len(p.Diagnostics)-maxExcerpts),
		"Output": linked(shorten(p.Output, maxTail), p.Dir, editor), "OutputName": p.outputName(),
	}
	_ = problemPage.Execute(w, data) // the client has left
}

func (p *Problem) explain() string {
	switch {
	case p.Kind == problemBuild && len(p.Diagnostics) > 1:
		return fmt.Sprintf("%d mistakes keep %s from building. What was built before goes on serving other clients.", len(p.Diagnostics), filepath.Base(p.Dir))
	case p.Kind == problemBuild:
		return "What was built before goes on serving other clients."
	}
	return "The program " + p.Ended + ". It is started again when a file changes."
}

func (p *Problem) outputName() string {
	if p.Kind == problemBuild {
		return "Output of the go command"
	}
	return "What the program printed last"
}

func (p *Problem) excerpts(editor string) []excerpt {
	var list []excerpt
	for _, d := range p.Diagnostics[:min(len(p.Diagnostics), maxExcerpts)] {
		list = append(list, excerpt{
			Place: placeText(p.Dir, d.File, d.Line), Link: editorLink(editor, d.File, d.Line, d.Column), Message: shorten(d.Message, 4<<10),
			Lines: sourceLines(d.File, d.Line, d.Column),
		})
	}
	return list
}

// placeText is "views/user.go:12", as seen from dir.
func placeText(dir, file string, line int) string {
	if rel, err := filepath.Rel(dir, file); err == nil && !strings.HasPrefix(rel, "..") {
		file = rel
	}
	return file + ":" + strconv.Itoa(line)
}

var sourcePlace = regexp.MustCompile(`(?:[A-Za-z]:)?[\w./\\@+~-]+\.go:\d+`)

// linked makes links of the places in the source that a text names.
func linked(text, dir, editor string) []segment {
	var list []segment
	at := 0
	for _, m := range sourcePlace.FindAllStringIndex(text, -1) {
		place := text[m[0]:m[1]]
		file, number, _ := strings.Cut(place, ".go:")
		file += ".go"
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		line, _ := strconv.Atoi(number)
		link := editorLink(editor, file, line, 0)
		if link == "" {
			continue
		}
		list = append(list, segment{Text: text[at:m[0]]}, segment{place, link})
		at = m[1]
	}
	if at < len(text) {
		list = append(list, segment{Text: text[at:]})
	}
	return list
}

// serveProblem answers who is no browser, if there is no program: the details only to this machine.
func (p *Problem) serveProblem(w http.ResponseWriter, r *http.Request, local bool) {
	detail := "The program is not running."
	if local {
		detail = p.Title() + ": " + p.headline()
	}
	w.Header().Set(HeaderStale, p.Title())
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Retry-After", "1")
	if acceptsHTML(r) {
		http.Error(w, detail, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": "Service Unavailable", "status": http.StatusServiceUnavailable, "detail": detail})
}
