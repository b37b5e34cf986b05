package devserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

// DebuggerOptions are the settings of a [Debugger].
type DebuggerOptions struct {
	// PIN is what has to be entered to see secrets. "" means a random one, see [Debugger.PIN].
	PIN string
	// Secret makes cookies that outlive the process, if all processes have it. "" means a random one.
	Secret string
	// TrustedHosts are names of the server besides localhost and the loopback addresses; "" in it stands for none.
	TrustedHosts []string
	// Editor makes links of source lines, as in [Options].
	Editor string
}

// A Debugger answers requests that ended in an error with a page about it. Safe for concurrent use.
type Debugger struct {
	options DebuggerOptions
	lock    pinLock
	secret  string // that pages carry, so that only they can ask

	mu      sync.Mutex
	reports map[string]*Report
	order   []string // of reports, the oldest first
}

// maxReports is how many reports are kept for their secrets to be asked for.
const maxReports = 32

// debuggerPath is where the debugger's own requests go.
const debuggerPath = "/__carafe__/debugger"

// NewDebugger makes a debugger. Whoever makes one says by it that debug mode is on.
func NewDebugger(o DebuggerOptions) *Debugger {
	if o.PIN == "" {
		o.PIN = NewPIN()
	}
	if o.Secret == "" {
		o.Secret = randomText(40, letters)
	}
	return &Debugger{options: o, lock: newPINLock(o.PIN, o.Secret), secret: randomText(20, letters), reports: map[string]*Report{}}
}

// PIN is what has to be entered to see secrets: to be printed on the terminal.
func (d *Debugger) PIN() string { return d.options.PIN }

// Allowed says whether errors may be shown to who asks: to this machine, under a name that is its own.
func (d *Debugger) Allowed(r *http.Request) bool { return isLocal(r, d.options.TrustedHosts) }

// Handler wraps the program: it answers the requests of its own pages, keeps the beginning of each body for reports, and shows a
// page of a panic that comes through, as far as nothing has been written yet.
func (d *Debugger) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == debuggerPath && d.Allowed(r) {
			d.serveUnlock(w, r)
			return
		}
		kept := &keptBody{ReadCloser: r.Body, length: r.ContentLength}
		r = r.WithContext(context.WithValue(r.Context(), bodyKey{}, kept))
		r.Body = kept
		out := &startedWriter{ResponseWriter: w}
		defer d.recover(out, r)
		next.ServeHTTP(out, r)
	})
}

// recover shows what a handler without a recover of its own has panicked with.
func (d *Debugger) recover(w *startedWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && err == http.ErrAbortHandler || w.started || !d.Allowed(r) {
		panic(v)
	}
	rep := &Report{Type: "panic", Message: fmt.Sprint(v), Frames: Frames(debug.Stack(), nil), Method: r.Method, URL: "http://" + r.Host + r.RequestURI}
	if err, ok := v.(error); ok {
		rep.Chain = Causes(err)
	}
	d.Serve(w, r, http.StatusInternalServerError, rep)
}

// Serve answers with the report: a page to who names HTML in Accept, else its text.
func (d *Debugger) Serve(w http.ResponseWriter, r *http.Request, status int, rep *Report) {
	if !acceptsHTML(r) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, rep.Text())
		return
	}
	header, page := d.Page(rep)
	for name, values := range header {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
	_, _ = w.Write(page)
}

// Page is the report as a page, and the headers to send it with. The secrets stay here until they are asked for.
func (d *Debugger) Page(rep *Report) (http.Header, []byte) {
	id := d.keep(rep)
	return securePage(func(b *bytes.Buffer, nonce string) {
		_ = debuggerPage.Execute(b, d.pageData(rep, id, nonce)) // which does not fail on a buffer
	})
}

// securePage writes a page with the headers of pageSecurity.
func securePage(write func(b *bytes.Buffer, nonce string)) (http.Header, []byte) {
	nonce := randomText(22, letters)
	h := headerWriter{}
	pageSecurity(h, nonce)
	var b bytes.Buffer
	write(&b, nonce)
	return h.Header(), b.Bytes()
}

// headerWriter is a ResponseWriter for its headers alone.
type headerWriter http.Header

func (h headerWriter) Header() http.Header         { return http.Header(h) }
func (h headerWriter) Write(p []byte) (int, error) { return len(p), nil }
func (h headerWriter) WriteHeader(int)             {}

func (d *Debugger) keep(rep *Report) (id string) {
	id = randomText(20, letters)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reports[id] = rep
	d.order = append(d.order, id)
	if len(d.order) > maxReports {
		delete(d.reports, d.order[0])
		d.order = d.order[1:]
	}
	return id
}

func (d *Debugger) report(id string) *Report {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reports[id]
}

var (
	debuggerPage = page("debugger.html")
	secretsPage  = page("secrets.html")
	missPage     = page("miss.html")
)

// A frameView is a frame as the page shows it.
type frameView struct {
	Function, Place string
	Link            template.URL
	Library         bool
	Lines           []SourceLine
}

// A frameGroup is a run of frames that are the user's own or not.
type frameGroup struct {
	Library bool
	Frames  []frameView
}

func (d *Debugger) pageData(rep *Report, id, nonce string) map[string]any {
	shown := rep.Frames[:min(len(rep.Frames), maxFrames)]
	causes := rep.Chain
	if len(causes) == 1 {
		causes = nil // it is the message itself
	}
	first, _, _ := strings.Cut(rep.Message, "\n")
	return map[string]any{
		"R": rep, "ID": id, "Nonce": nonce, "Style": pageStyle, "Script": pageScript, "Secret": d.secret, "Unlock": debuggerPath,
		"ShortMessage": shorten(first, 200), "Message": shorten(rep.Message, maxTold), "URL": shorten(rep.URL, maxValue), "Template": d.placeView(rep.Template),
		"Chain": causes, "Groups": d.groups(shown), "MoreFrames": len(rep.Frames) - len(shown),
		"Sections": trimmed(rep.Sections), "HasSecrets": len(rep.Secrets) > 0, "Plain": rep.Text(), "Curl": rep.Curl, "Test": rep.Test,
	}
}

func (d *Debugger) groups(frames []Frame) []frameGroup {
	var groups []frameGroup
	for _, f := range frames {
		if n := len(groups); n == 0 || groups[n-1].Library != f.Library {
			groups = append(groups, frameGroup{Library: f.Library})
		}
		g := &groups[len(groups)-1]
		g.Frames = append(g.Frames, frameView{
			Function: shorten(f.Function[strings.LastIndexByte(f.Function, '/')+1:], maxLine), Place: shortPlace(f.File, f.Line),
			Link: editorLink(d.options.Editor, f.File, f.Line, 0), Library: f.Library, Lines: sourceLines(f.File, f.Line, 0),
		})
	}
	return groups
}

// shortPlace is the file with the last of its folders.
func shortPlace(file string, line int) string {
	parts := strings.Split(file, "/")
	return strings.Join(parts[max(0, len(parts)-2):], "/") + ":" + strconv.Itoa(line)
}

func (d *Debugger) placeView(p *Place) *excerpt {
	if p == nil {
		return nil
	}
	e := &excerpt{Place: p.Name, Message: shorten(p.Message, maxTold), Lines: sourceLines(p.File, p.Line, 0)}
	if p.Line > 0 {
		e.Place += ":" + strconv.Itoa(p.Line)
	}
	if p.File != "" {
		e.Link = editorLink(d.options.Editor, p.File, p.Line, 0)
	}
	if e.Lines == nil && p.Source != "" {
		e.Lines = []SourceLine{{Number: p.Line, Text: shorten(p.Source, maxLine), Current: true}}
	}
	return e
}

// trimmed are the sections without what is too much of them.
func trimmed(sections []Section) []Section {
	out := make([]Section, len(sections))
	for i, s := range sections {
		out[i] = Section{Name: s.Name, Open: s.Open}
		for j, row := range s.Rows {
			if j == maxRows {
				out[i].Rows = append(out[i].Rows, Row{"…", fmt.Sprintf("and %d more", len(s.Rows)-maxRows)})
				break
			}
			out[i].Rows = append(out[i].Rows, Row{shorten(row.Name, maxLine), shorten(row.Value, maxValue)})
		}
	}
	return out
}

// unlocking is what a page asks for.
type unlocking struct{ ID, Secret, PIN string }

// unlocked is what it gets.
type unlocked struct {
	Auth    bool   `json:"auth"`
	Message string `json:"message,omitempty"`
	HTML    string `json:"html,omitempty"`
	Curl    string `json:"curl,omitempty"`
	Test    string `json:"test,omitempty"`
}

// serveUnlock answers a page that wants the secrets of its report. It has to come from one of our pages, which know the secret, and with
// the PIN, or the cookie that the PIN gave.
//
// Source: Werkzeug DebuggedApplication.pin_auth.
func (d *Debugger) serveUnlock(w http.ResponseWriter, r *http.Request) {
	var ask unlocking
	w.Header().Set("Cache-Control", "no-store")
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&ask)
	rep := d.report(ask.ID)
	if r.Method != http.MethodPost || err != nil || !sameText(ask.Secret, d.secret) {
		http.Error(w, "this is asked by the pages of the debugger only", http.StatusBadRequest)
		return
	}
	answer := unlocked{}
	switch {
	case d.lock.knows(r, time.Now()):
		answer.Auth = true
	case ask.PIN != "":
		answer.Auth, answer.Message = d.lock.try(r.Context(), ask.PIN)
		if answer.Auth {
			http.SetCookie(w, d.lock.cookie(r, time.Now()))
		}
	}
	if answer.Auth && rep == nil {
		answer.Auth, answer.Message = false, "This error is of a program that has been replaced: repeat the request."
	}
	if answer.Auth {
		var b bytes.Buffer
		_ = secretsPage.Execute(&b, trimmed(rep.Secrets))
		answer.HTML, answer.Curl, answer.Test = b.String(), rep.FullCurl, rep.FullTest
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
