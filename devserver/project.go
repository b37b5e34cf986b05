package devserver

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"time"
)

// A Project is a Go program with its source: what [Watch] builds and runs.
type Project struct {
	// Dir is where the go command runs: the folder of the package, or any folder of its module. "" means the working directory.
	Dir string
	// Package is what is built, as the go command takes it: "./cmd/site". "" means ".".
	Package string
	// BuildFlags are given to go build before the package: "-tags=x".
	BuildFlags []string
	// Args are those of the program, without its name.
	Args []string
	// Env is the environment of the program and of the go command, as os.Environ gives it. nil means the one that this process was
	// started with: what was set since, from a .env file say, is not in it, so that the program reads such files anew.
	Env []string
	// WorkDir is where the program runs. "" means the working directory of this process.
	WorkDir string
	// Binary is a program that is started first, without a build, if no source file is newer. "" means to build first.
	Binary string
	// Extra are files and folders outside of the module that are watched too; a change of theirs restarts the program without a build.
	Extra []string
	// Exclude are patterns (path.Match, and "**" for any number of folders) of files and folders below the watched ones that are not
	// looked at; one without a slash is compared with names.
	Exclude []string
}

// Options say how [Watch] serves.
type Options struct {
	// Addr is where to listen: "host:port", port 0 for any that is free, or "unix:/path". "" means 127.0.0.1:5000.
	Addr string
	// Listener, if not nil, is listened on instead: a *net.TCPListener or a *net.UnixListener. Watch closes it.
	Listener net.Listener
	// Certificate makes the server speak TLS. nil means plain HTTP. [Certificate] makes one.
	Certificate *tls.Certificate
	// H2C says that the program speaks HTTP/2 without TLS, so that what stands in for it does too.
	H2C bool
	// Poll looks for changes at this interval instead of being told of them by the system. Zero means to be told, and to poll every
	// second where that is not possible.
	Poll time.Duration
	// Settle is for how long nothing may change before a build starts, so that a burst of saves is one build. Zero means 50 ms.
	Settle time.Duration
	// Grace is how long an old program may finish what is in flight before it is killed. Zero means 10 s.
	Grace time.Duration
	// Editor makes links of source lines: a name of [Editors], or a URL with {file}, {line} and {column}. "" means what CARAFE_EDITOR
	// says, else "vscode"; "none" makes no links.
	Editor string
	// Out gets the messages, and what the program prints. nil means standard error, and standard output for what is printed there.
	Out io.Writer
	// Listening, if not nil, is called once the socket listens, with its address, before the first build: for the banner.
	Listening func(net.Addr)
	// Changed, if not nil, is called after each event, one at a time: for tests and tools.
	Changed func(Event)
}

// An EventKind says what an [Event] is about.
type EventKind string

// The kinds of events.
const (
	EventChange  EventKind = "change"  // files have changed: Files
	EventBuild   EventKind = "build"   // a build begins
	EventFailed  EventKind = "failed"  // a build has failed: Output
	EventStart   EventKind = "start"   // a program was started: PID
	EventServing EventKind = "serving" // a program has said that it is ready, and serves from now on: PID
	EventExited  EventKind = "exited"  // a program has ended that was not told to: PID, Output
	EventDrained EventKind = "drained" // an old program has ended: PID
	EventSame    EventKind = "same"    // a build gave the program that is running already
	EventAssets  EventKind = "assets"  // files have changed that need neither a build nor a restart: Files
)

// An Event is something that happened while watching.
type Event struct {
	Kind   EventKind     // says which of the other fields count
	Files  []string      // relative to the module's folder where they lie in it
	Output string        // of the compiler or the program
	PID    int           // of the program; 0 where there is none
	Took   time.Duration // since the change that led to it was noticed; zero if none did
}

// startEnviron is the environment that this process was started with, before anything could be added to it.
var startEnviron = os.Environ()
