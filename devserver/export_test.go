package devserver

import (
	"net/http"
	"time"
)

// Needs are what changed files ask for, by name below a module at root.
func Needs(root string, embeds, extra []string, name string) string {
	t := &tree{root: root, embeds: embeds, extra: extra}
	return [...]string{"nothing", "assets", "restart", "build"}[t.need(name)]
}

// Scanned are the files below root that matter.
func Scanned(root string, folders map[string]bool, exclude []string) (names []string) {
	t := &tree{root: root, folders: folders, exclude: exclude, seen: func(string) {}}
	return changed(nil, t.scan())
}

// Noticed starts a notice on root, with poll or told by the system, and returns where changes come and a wait for the first scan.
func Noticed(root string, poll time.Duration) (files <-chan []string, run func(done <-chan struct{})) {
	n := newNotice(&tree{root: root}, poll, 20*time.Millisecond, func(string, ...any) {})
	return n.files, func(done <-chan struct{}) { n.run(doneContext{done}) }
}

type doneContext struct{ done <-chan struct{} }

func (d doneContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (d doneContext) Done() <-chan struct{}       { return d.done }
func (d doneContext) Err() error                  { return nil }
func (d doneContext) Value(any) any               { return nil }

// Parts under test.
var (
	Diagnostics = diagnostics
	IsLocal     = isLocal
	EditorLink  = editorLink
	Linked      = linked
	Shorten     = shorten
	EmbedRoot   = embedRoot
	SourceLines = sourceLines
	StatePath   = statePath
	UnlockPath  = debuggerPath
	HeaderPeer  = headerPeer
)

// Gate wraps a program's handler as a child does.
func Gate(next http.Handler, secret string, p *Problem) http.Handler {
	g := &gate{next: next, secret: secret, generation: 1}
	g.problem.Store(p)
	return g
}

// PageSecret is what the debugger's pages carry.
func (d *Debugger) PageSecret() string { return d.secret }

// SegmentText is how the segments of linked text come together again.
func SegmentText(list []segment) (text string, links []string) {
	for _, s := range list {
		text += s.Text
		if s.Link != "" {
			links = append(links, string(s.Link))
		}
	}
	return text, links
}
