package carafe

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// A Site is the place in the user's source where a set-up method was called. The zero Site is unknown.
type Site struct {
	File string // full path
	Line int    // from 1
}

// String is "site.go:14", "" for the zero Site.
func (s Site) String() string {
	if s.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", filepath.Base(s.File), s.Line)
}

// A SetupError is a fault of the program that sets the App up: set-up methods panic with it, [App.Freeze]
// returns those that only show when all is known.
type SetupError struct {
	Site Site  // the call
	Err  error // what is wrong, and the cure
}

// Error is "carafe: site.go:14: " and what is wrong.
func (e *SetupError) Error() string {
	if e.Site.File == "" {
		return "carafe: " + e.Err.Error()
	}
	return fmt.Sprintf("carafe: %s: %v", e.Site, e.Err)
}

// Unwrap gives Err.
func (e *SetupError) Unwrap() error { return e.Err }

// ownRooms are the packages whose frames callSite skips: a set-up call is reported where the user made it.
var ownRooms = []string{
	"github.com/carafeweb/carafe.",
	"github.com/carafeweb/carafe/blueprints.",
	"github.com/carafeweb/carafe/testing.",
}

// callSite is the nearest caller outside of Carafe.
func callSite() Site {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !inOwnRooms(f.Function) {
			return Site{f.File, f.Line}
		}
		if !more {
			return Site{}
		}
	}
}

func inOwnRooms(function string) bool {
	for _, room := range ownRooms {
		if strings.HasPrefix(function, room) {
			return true
		}
	}
	return false
}

// funcSite is where a function is written, for messages about it.
func funcSite(pc uintptr) Site {
	f := runtime.FuncForPC(pc)
	if f == nil {
		return Site{}
	}
	file, line := f.FileLine(pc)
	return Site{file, line}
}
