package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// serve runs a service, a worker's inside, on a listener. It has gone when gone is closed.
func serve(h http.Handler, cfg Config, l net.Listener, score *scoreboard) (s *service, gone chan struct{}, err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c, err := cfg.resolved()
	if err != nil {
		return nil, nil, err
	}
	logs, err := openLogs(c, workerPatience)
	if err != nil {
		return nil, nil, err
	}
	here, there := net.Pipe()
	go io.Copy(io.Discard, there)
	if s, err = newService(c, message{Worker: 1}, h, newWire(here), logs, []net.Listener{l}); err != nil {
		return nil, nil, err
	}
	s.hooks, s.score = cfg.Hooks, score
	gone = make(chan struct{})
	go func() {
		defer close(gone)
		s.run(context.Background())
		logs.close()
		here.Close()
	}()
	return s, gone, nil
}

// Serve runs a service: what a test of HTTP needs without processes. It returns when stop is called and everything has been drained.
func Serve(h http.Handler, cfg Config, l net.Listener) (stop func(), err error) {
	s, gone, err := serve(h, cfg, l, nil)
	return func() {
		s.order(order{grace: 2 * time.Second, why: "test"})
		<-gone
	}, err
}

// A Board is the scoreboard of two workers: 1, which serves on listeners, and 2, which holds some connections.
type Board struct {
	scores *scoreboard
	s      *service
	gone   chan struct{}
}

// NewBoard is one whose worker 1 does not run.
func NewBoard() *Board {
	b := newScoreboard(make([]byte, scoreBytes))
	return &Board{scores: b, s: &service{id: 1, score: b}}
}

// ServeOnBoard runs the service of worker 1.
func ServeOnBoard(h http.Handler, l net.Listener) (*Board, error) {
	b := newScoreboard(make([]byte, scoreBytes))
	s, gone, err := serve(h, Config{}, l, b)
	return &Board{b, s, gone}, err
}

// Waits reports whether worker 2 with so many connections lets another go first.
func (b *Board) Waits(conns int64) bool { return b.scores.ahead(2, conns, &vain{}) }

// Set says how many connections worker 1 holds.
func (b *Board) Set(conns int64) { b.scores.set(1, conns) }

// GiveUp has worker 2 with so many connections give up waiting, and reports whether it would wait again: at once, and when worker 1
// holds so many.
func (b *Board) GiveUp(conns, then int64) (again, changed bool) {
	var v vain
	b.scores.giveUp(2, conns, &v)
	again = b.scores.ahead(2, conns, &v)
	b.scores.set(1, then)
	return again, b.scores.ahead(2, conns, &v)
}

// Starve reports whether worker 2 waits for worker 1 when that has failed to accept, and one of its connections ends.
func (b *Board) Starve() (waited bool) {
	b.s.starved.Store(true)
	b.scores.clear(1)
	b.s.tellScore(0)
	return b.Waits(1000)
}

// Leave drains worker 1, and returns when it has gone.
func (b *Board) Leave() {
	b.s.order(order{grace: 2 * time.Second, why: "test"})
	<-b.gone
}

// TellOf is what a worker answers when it is asked for its requests, and for the stack of the one there is.
func TellOf(path string) (requests, stack string) {
	s := &service{requests: newRegistry()}
	x := &exchange{s: s, method: "GET", path: path, began: time.Now()}
	s.requests.begin(x)
	return s.tell("requests"), s.tell(fmt.Sprintf("stack %d", x.number))
}

// ScanHead feeds bytes to a scanner in pieces and returns what became of them: how many passed, how many heads there were,
// the status of the refusal (0 for none, -1 for a body that is not over).
func ScanHead(b []byte, piece int) (passed, heads, status int) {
	c, err := Config{}.resolved()
	if err != nil {
		panic(err)
	}
	lim := limitsOf(c)
	s := scanner{lim: &lim}
	var held []byte
	for len(b) > 0 {
		n := min(piece, len(b))
		held = append(held, b[:n]...)
		b = b[n:]
		pass, no := s.run(held)
		passed += pass
		held = held[pass:]
		if no != nil {
			return passed, s.heads, no.status
		}
	}
	if s.inBody() {
		return passed, s.heads, -1
	}
	return passed, s.heads, 0
}

// AccessLine is the access line of one exchange.
func AccessLine(format string, r *http.Request, status int, bytes int64, took time.Duration) (string, error) {
	f, err := compileAccessFormat(format)
	if err != nil {
		return "", err
	}
	x := &exchange{w: nobody{}, status: status, bytes: bytes, began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	return string(f.line(x, r, took)), nil
}

type nobody struct{}

func (nobody) Header() http.Header         { return http.Header{"X-Out": {"out"}} }
func (nobody) Write(p []byte) (int, error) { return len(p), nil }
func (nobody) WriteHeader(int)             {}

// Resolved is c with its defaults, as text by name.
func Resolved(c Config) (map[string]string, error) {
	r, err := c.resolved()
	if err != nil {
		return nil, err
	}
	return r.values(), nil
}

// WithValues is c with settings from text: how a configuration reaches a worker.
func WithValues(c Config, values map[string]string) (*Config, error) { return c.with(values) }

// Load is what Main does with arguments.
func Load(c *Config, args []string) error { return c.load(args) }

// A FakeWorker is a worker of a master that runs without processes.
type FakeWorker struct {
	ID    int
	Role  string
	Sent  chan string // types of the messages that it was sent
	Kills chan string // signals
	// Drains are the messages to leave: whether the queues are to be emptied, and whether nobody is to be let in any more.
	Drains chan [2]bool
	emit   func(event)
}

func (f *FakeWorker) PID() int { return 1000 + f.ID }

func (f *FakeWorker) Send(m message) error {
	f.Sent <- m.Type
	if m.Type == msgDrain {
		f.Drains <- [2]bool{m.Empty, m.Final}
	}
	return nil
}

// Signal records a signal.
func (f *FakeWorker) Signal(s os.Signal) error {
	f.Kills <- s.String()
	return nil
}

// Say makes the worker say something.
func (f *FakeWorker) Say(kind string) {
	f.emit(event{id: f.ID, msg: message{Type: kind, Beat: &beat{}}})
}

// SayBeat makes it tell how it is.
func (f *FakeWorker) SayBeat(requests int64, memory int64) {
	f.emit(event{id: f.ID, msg: message{Type: msgBeat, Beat: &beat{Requests: requests, Memory: memory}}})
}

// SayHello makes a scout tell its configuration.
func (f *FakeWorker) SayHello(c Config) {
	f.emit(event{id: f.ID, msg: message{Type: msgHello, Config: c.values()}})
}

// End ends it.
func (f *FakeWorker) End(code int, signal string) {
	f.emit(event{id: f.ID, exit: &exit{code: code, signal: signal, last: "last words"}})
}

// RunFake runs a master's loop on a fake system: launch is called for each process.
func RunFake(ctx context.Context, cfg Config, signals <-chan os.Signal, launch func(*FakeWorker) error) error {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	c, err := cfg.resolved()
	if err != nil {
		return err
	}
	l, err := openLogs(c, 0)
	if err != nil {
		return err
	}
	sys := commonSystem()
	sys.notify = func(string) {}
	sys.forget = func(id int) { forgotten.Store(id, true) }
	sys.terminal = func() bool { return false }
	sys.resident = func(int) int64 { return 0 }
	sys.bind = func(context.Context, *Config, string) (*socket, error) { return nil, errInUse }
	sys.openProgram = func() (*program, error) { return &program{}, nil }
	sys.openCommand = func(argv []string) (*program, error) { return &program{args: argv}, nil }
	sys.launch = func(sp spec, emit func(event)) (child, error) {
		f := &FakeWorker{ID: sp.id, Role: sp.role, Sent: make(chan string, 1000), Kills: make(chan string, 1000), Drains: make(chan [2]bool, 1000), emit: emit}
		return f, launch(f)
	}
	m := newMaster(sys, cfg, c, l)
	m.sockets = []*socket{{bind: c.Bind[0], listener: newHandover()}}
	fake.Store(m)
	forgotten.Clear()
	go func() {
		for s := range signals {
			m.signals <- s
		}
	}()
	return m.run(ctx)
}

// fake is the master of the latest RunFake.
var fake atomic.Pointer[master]

// AskFake gives it an order, and returns where its error will come.
func AskFake(order string) <-chan error {
	a, got := ask{line: order, reply: make(chan answer, 1)}, make(chan error, 1)
	fake.Load().asks <- a
	go func() { got <- (<-a.reply).err }()
	return got
}

// forgotten are the workers of the latest RunFake that are off the scoreboard.
var forgotten sync.Map

// Forgotten reports whether a worker of the latest RunFake was taken off the scoreboard.
func Forgotten(id int) bool {
	_, ok := forgotten.Load(id)
	return ok
}

// FloorPercent is the GOGC for so many live bytes, and bytes of stacks and globals.
func FloorPercent(live, roots int64) int { return floorPercent(live, roots) }

// GiveLog gives a log file to the workers.
var GiveLog = giveLog

// LogTo is a log in an open file, which end does not close; patience is how long a writer waits for room. end waits for a reader
// that is slow, as no process does.
func LogTo(f *os.File, patience time.Duration) (w io.Writer, end func(), err error) {
	l, err := openLog("-", f, nil, patience)
	return l, func() {
		for len(l.lines) > 0 {
			l.flush()
		}
		l.close()
	}, err
}

// LaunchInside starts the worker of a server of one process on a listener; kill gives it up. What it says, and at last how it ended, comes
// from said.
func LaunchInside(hooks Hooks, l net.Listener) (kill func(), said <-chan string, err error) {
	c, err := Config{Logger: slog.New(slog.DiscardHandler), Hooks: hooks}.resolved()
	if err != nil {
		return nil, nil, err
	}
	words := make(chan string, 100)
	i, err := launchInside(context.Background(), http.NotFoundHandler(), *c, spec{id: 1, role: roleWorker, sockets: []*socket{{listener: l}}, config: c}, func(e event) {
		if e.exit != nil {
			words <- fmt.Sprintf("ended by %s: %s", e.exit, e.exit.last)
			return
		}
		words <- e.msg.Type
	})
	if err != nil {
		return nil, nil, err
	}
	i.Send(message{Type: msgConfig, Config: c.values(), Worker: 1})
	return func() { i.Signal(os.Kill) }, words, nil
}

// EndAfterAdopting has a master whose log is an open file, which has a line to be written, take other log files and end. It reports whether
// the old log was closed by then.
func EndAfterAdopting(f *os.File, path string) (closed bool, err error) {
	l, err := openLog("-", f, nil, 0)
	if err != nil {
		return false, err
	}
	m := &master{log: &logs{Logger: slog.New(slog.DiscardHandler), errors: l}}
	io.WriteString(l, "last words\n")
	m.adoptLogs(&Config{ErrorLog: path})
	m.closeLogs()
	select {
	case <-l.over:
		return true, nil
	default:
		return false, nil
	}
}
