package devserver

import "net/http"

type Debugger struct{ DebuggerOptions }
type DebuggerOptions struct {
	PIN, Secret, Editor string
	TrustedHosts        []string
}

func NewDebugger(o DebuggerOptions) *Debugger {
	if o.PIN == "" {
		o.PIN = NewPIN()
	}
	return &Debugger{o}
}
func (d *Debugger) PIN() string                          { return d.DebuggerOptions.PIN }
func (d *Debugger) Handler(next http.Handler) http.Handler { return next }
