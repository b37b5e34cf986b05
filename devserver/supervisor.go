package devserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A supervisor is the parent. All that it knows belongs to its loop; builds, programs and the watcher only send.
type supervisor struct {
	project Project
	options Options
	socket  net.Listener
	scratch string
	hello   handover // what every child is given
	notice  *notice
	standIn *standIn

	built   chan build
	ready   chan *program
	exited  chan *program
	slow    chan *program
	listing chan listing
	done    chan struct{} // closed when nobody receives any more

	seq         int
	cancelBuild context.CancelFunc // nil if no build runs
	must        bool               // start the program even if the build gives the same one
	binary      string             // the newest that was built
	generation  int
	starting    *program // not ready yet
	serving     *program // accepts from the socket
	everServed  bool
	leaving     []*program
	problem     *Problem
	problems    int
	noticed     time.Time // when the newest change was
}

func newSupervisor(ctx context.Context, p Project, o Options, l net.Listener, scratch string) *supervisor {
	s := &supervisor{project: p, options: o, socket: l, scratch: scratch,
		built: make(chan build), ready: make(chan *program), exited: make(chan *program), slow: make(chan *program), listing: make(chan listing, 1), done: make(chan struct{})}
	t := &tree{root: moduleRoot(p.Dir), folders: map[string]bool{p.Dir: true}, extra: p.Extra, exclude: p.Exclude}
	s.notice = newNotice(t, o.Poll, o.Settle, s.say)
	s.hello = handover{Secret: randomText(40, letters), PIN: NewPIN(), Editor: o.Editor, Color: isTerminal(os.Stderr), Scratch: scratch}
	s.standIn = newStandIn(s)
	return s
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func (s *supervisor) run(ctx context.Context) error {
	var err error
	if s.hello.Cert, s.hello.Key, err = pemOf(s.options.Certificate); err != nil {
		return err
	}
	defer close(s.done)
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go s.notice.run(watching)
	s.say(" * Watching %s", s.notice.tree.root)
	s.begin(ctx)
	orphaned := orphanedByGoRun(watching)
	for {
		select {
		case <-ctx.Done():
			s.end()
			return nil
		case <-orphaned:
			s.end()
			return nil
		case files := <-s.notice.files:
			s.changed(ctx, files)
		case b := <-s.built:
			s.finished(ctx, b)
		case p := <-s.ready:
			s.swap(p)
		case p := <-s.exited:
			s.gone(p)
		case p := <-s.slow:
			s.complain(p)
		case l := <-s.listing:
			s.notice.extend(func(t *tree) {
				t.folders, t.embeds = l.folders, l.embeds
				t.folders[s.project.Dir] = true
			})
		}
	}
}

// begin starts the program that is there, if no source is newer, else builds.
func (s *supervisor) begin(ctx context.Context) {
	go s.list(ctx)
	if s.project.Binary != "" && !s.notice.newer(s.project.Binary) {
		s.binary = s.project.Binary
		s.start()
		return
	}
	s.build(ctx)
}

func (s *supervisor) list(ctx context.Context) {
	if l, err := s.project.list(ctx); err == nil {
		select {
		case s.listing <- l:
		case <-ctx.Done():
		}
	}
}

func (s *supervisor) changed(ctx context.Context, files []string) {
	need := s.notice.need(files)
	names := s.relative(files)
	failed := s.problem != nil && s.problem.Kind == problemExit && s.cancelBuild == nil && s.starting == nil
	if need == needAssets && !failed {
		// Nothing is said: where the output goes to a file below the project, that would be another change.
		s.tell(Event{Kind: EventAssets, Files: names})
		return
	}
	s.noticed = time.Now()
	s.say(" * Detected change in %s", few(names))
	s.tell(Event{Kind: EventChange, Files: names})
	s.must = s.must || need < needBuild
	if need < needBuild && s.binary != "" && s.cancelBuild == nil && (s.problem == nil || s.problem.Kind != problemBuild) {
		s.start()
		return
	}
	s.build(ctx)
}

// build starts the compiler, in place of one that is running.
func (s *supervisor) build(ctx context.Context) {
	if s.cancelBuild != nil {
		s.cancelBuild()
	}
	s.hold()
	ctx, s.cancelBuild = context.WithCancel(ctx)
	s.seq++
	seq := s.seq
	binary := filepath.Join(s.scratch, fmt.Sprintf("%s-%d", s.programName(), seq))
	s.tell(Event{Kind: EventBuild})
	go func() {
		b := s.project.build(ctx, seq, binary)
		if ctx.Err() != nil {
			_ = os.Remove(binary)
			return
		}
		select {
		case s.built <- b:
		case <-ctx.Done():
			_ = os.Remove(binary)
		}
	}()
}

// programName is what the program is called in lists of processes.
func (s *supervisor) programName() string {
	if name := filepath.Base(filepath.Join(s.project.Dir, s.project.Package)); name != "." && name != string(filepath.Separator) {
		return name
	}
	return "program"
}

// finished takes a build. One that was replaced is not sent, or of an old number.
func (s *supervisor) finished(ctx context.Context, b build) {
	if b.seq != s.seq {
		_ = os.Remove(b.binary)
		return
	}
	s.cancelBuild()
	s.cancelBuild = nil
	go s.list(ctx)
	switch {
	case b.err != nil:
		s.fail(&Problem{Kind: problemBuild, Command: "go build " + s.project.Package, Dir: s.project.Dir, Output: b.output, Diagnostics: diagnostics(s.project.Dir, b.output)})
		s.say(" * The build failed:\n%s", strings.TrimRight(b.output, "\n"))
		s.tell(Event{Kind: EventFailed, Output: b.output})
	case !s.must && s.serving != nil && s.starting == nil && sameFile(b.binary, s.serving.binary):
		_ = os.Remove(b.binary)
		s.mended()
		s.say(" * The program is the same")
		s.tell(Event{Kind: EventSame})
	default:
		s.replaceBinary(b.binary)
		s.start()
	}
}

// replaceBinary removes programs of ours that were built earlier. One that runs keeps its file in the system.
func (s *supervisor) replaceBinary(name string) {
	if s.binary != "" && filepath.Dir(s.binary) == s.scratch && (s.serving == nil || s.serving.binary != s.binary) {
		_ = os.Remove(s.binary)
	}
	s.binary = name
}

// start runs the newest binary beside what is serving.
func (s *supervisor) start() {
	s.must = false
	if s.starting != nil {
		s.starting.abandon()
		s.leaving = append(s.leaving, s.starting)
		s.starting = nil
	}
	s.hold()
	s.generation++
	p, err := s.launch()
	if err != nil {
		s.fail(&Problem{Kind: problemExit, Command: s.binary, Dir: s.project.Dir, Output: err.Error(), Ended: "could not be started"})
		s.say(" * The program cannot be started: %v", err)
		return
	}
	s.starting = p
	s.tell(Event{Kind: EventStart, PID: p.pid()})
}

// swap makes the program that is ready the one that serves.
func (s *supervisor) swap(p *program) {
	if p != s.starting {
		return
	}
	old := s.serving
	s.serving, s.starting = p, nil
	s.mended()
	if old != nil {
		s.leaving = append(s.leaving, old)
		old.drain(s.options.Grace)
		if old.binary != p.binary && filepath.Dir(old.binary) == s.scratch {
			_ = os.Remove(old.binary)
		}
	}
	if s.everServed {
		s.say(" * Serving the new program (%s after the change)", time.Since(s.noticed).Round(time.Millisecond))
	}
	s.everServed = true
	s.tell(Event{Kind: EventServing, PID: p.pid()})
}

// gone takes note of a program that has ended.
func (s *supervisor) gone(p *program) {
	p.forget()
	if i := slices.Index(s.leaving, p); i >= 0 {
		s.leaving = slices.Delete(s.leaving, i, i+1)
		s.tell(Event{Kind: EventDrained, PID: p.pid()})
		return
	}
	switch p {
	case s.starting:
		s.starting = nil
	case s.serving:
		s.serving = nil
	}
	ended := endedBy(p.cmd.ProcessState)
	s.fail(&Problem{Kind: problemExit, Command: filepath.Base(p.binary), Dir: s.project.Dir, Output: p.output.String(), Ended: ended, Served: p.served.Load()})
	s.say(" * The program %s: it is started again when a file changes", ended)
	s.tell(Event{Kind: EventExited, PID: p.pid(), Output: p.output.String()})
}

// complain about a program that runs and does not say that it is ready.
func (s *supervisor) complain(p *program) {
	if p == s.starting {
		s.say(" * The program has run for %s without serving: it should call App.Run, or serve through devserver.Inherited", slowStart)
	}
}

// fail shows a problem to all that look: through the program that serves, or, if there is none, in its place. What is printed about it
// comes afterwards: who reads that and reloads the page is to see it there too.
func (s *supervisor) fail(p *Problem) {
	s.problems++
	p.ID = s.problems
	s.problem = p
	s.standIn.gate.problem.Store(p)
	switch {
	case s.serving != nil:
		s.serving.mail.send(message{Problem: p})
	case s.cancelBuild == nil && s.starting == nil:
		s.standIn.set(modeShow)
	default:
		s.hold()
	}
}

// mended takes the problem away: a program serves.
func (s *supervisor) mended() {
	s.problem = nil
	s.serving.mail.send(message{Clear: true})
	s.standIn.set(modePass)
	s.standIn.gate.problem.Store(nil)
}

// hold has requests wait, if there is no program to answer them, for what is going on.
func (s *supervisor) hold() {
	if s.serving == nil {
		s.standIn.set(modeHold)
	}
}

// end stops everything, the programs with some time to finish.
func (s *supervisor) end() {
	if s.cancelBuild != nil {
		s.cancelBuild()
	}
	all := s.leaving
	for _, p := range []*program{s.starting, s.serving} {
		if p != nil {
			all = append(all, p)
		}
	}
	for _, p := range all {
		p.stop(s.options.Grace)
	}
	s.standIn.close()
	for left := len(all); left > 0; {
		select {
		case p := <-s.exited:
			p.forget()
			left--
		case <-s.ready:
		case <-s.slow:
		}
	}
}

func (s *supervisor) say(format string, args ...any) {
	fmt.Fprintf(s.out(), format+"\n", args...)
}

func (s *supervisor) out() io.Writer {
	if s.options.Out != nil {
		return s.options.Out
	}
	return os.Stderr
}

func (s *supervisor) tell(e Event) {
	if e.Took = 0; !s.noticed.IsZero() {
		e.Took = time.Since(s.noticed)
	}
	if s.options.Changed != nil {
		s.options.Changed(e)
	}
}

// relative are the names of files as people call them.
func (s *supervisor) relative(files []string) []string {
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f
		if rel, err := filepath.Rel(s.notice.tree.root, f); err == nil && !strings.HasPrefix(rel, "..") {
			names[i] = rel
		}
	}
	return names
}

// few names, and how many more.
func few(names []string) string {
	if len(names) <= 3 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
}

// orphanedByGoRun is closed when the go command that has started this process (go run) is gone: it passes on Ctrl-C alone.
func orphanedByGoRun(ctx context.Context) <-chan struct{} {
	gone := make(chan struct{})
	exe, err := os.Executable()
	if err != nil || !strings.Contains(exe, "go-build") {
		return gone
	}
	parent := parentID()
	go func() {
		for parentID() == parent {
			select {
			case <-time.After(500 * time.Millisecond):
			case <-ctx.Done():
				return
			}
		}
		close(gone)
	}()
	return gone
}
