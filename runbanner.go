package carafe

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/carafeweb/carafe/devserver"
)

const (
	colorOff     = "\x1b[0m"
	colorWarning = "\x1b[31;1m"
	colorHint    = "\x1b[33m"
)

// banner is what Flask prints when its development server starts.
func (a *App) banner(out io.Writer, addr net.Addr, secure bool) {
	debug := "off"
	if a.Config.Debug {
		debug = "on"
	}
	paint := painter(out)
	fmt.Fprintf(out, " * Serving Carafe app '%s'\n * Debug mode: %s\n", a.name, debug)
	fmt.Fprintln(out, paint(colorWarning, "WARNING: This is a development server. Do not use it in a production deployment. Use a production server instead."))
	for _, url := range runningOn(addr, secure) {
		fmt.Fprintf(out, " * Running on %s\n", url)
	}
	fmt.Fprintln(out, paint(colorHint, "Press CTRL+C to quit"))
}

// runningOn are the URLs that lead to the server; on all addresses also one by which others in the network may reach it.
//
// Source: werkzeug.serving.BaseWSGIServer.log_startup, get_interface_ip.
func runningOn(addr net.Addr, secure bool) []string {
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	tcp, ok := addr.(*net.TCPAddr)
	switch {
	case addr.Network() == "unix":
		return []string{scheme[:len(scheme)-3] + "+unix://" + addr.String()}
	case !ok || !tcp.IP.IsUnspecified():
		return []string{scheme + addr.String()}
	}
	port := fmt.Sprint(tcp.Port)
	urls := []string{"all addresses (" + tcp.IP.String() + ")", scheme + net.JoinHostPort("127.0.0.1", port)}
	if conn, err := net.Dial("udp", "10.253.155.219:58162"); err == nil { // sends nothing: it only asks for the route
		urls = append(urls, scheme+net.JoinHostPort(conn.LocalAddr().(*net.UDPAddr).IP.String(), port))
		_ = conn.Close()
	}
	return urls
}

// painter colours text if out is a terminal, or a parent has one, and NO_COLOR is not set.
func painter(out io.Writer) func(color, text string) string {
	colored := false
	if child, ok := devserver.Inherited(); ok {
		colored = child.Color()
	} else if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		colored = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	if !colored || os.Getenv("NO_COLOR") != "" {
		return func(_, text string) string { return text }
	}
	return func(color, text string) string {
		if color == "" {
			return text
		}
		return color + text + colorOff
	}
}

// logRequestsForPeople is LogRequests as Werkzeug's server does it, unless the program has a logger of its own, which gets records then.
func (a *App) logRequestsForPeople(out io.Writer) {
	a.logRequests()
	if a.hasOwnLogger() {
		return
	}
	paint := painter(out)
	a.requestLine = func(r *http.Request, start time.Time, status int) {
		line := paint(statusColor(status), `"`+escapeControls(r.Method+" "+r.RequestURI+" "+r.Proto)+`"`)
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			host = "-"
		}
		fmt.Fprintf(out, "%s - - [%s] %s %d -\n", host, start.Format("02/Jan/2006 15:04:05"), line, status)
	}
}

// statusColor is Werkzeug's: by what kind of answer it is. Source: werkzeug.serving.WSGIRequestHandler.log_request.
func statusColor(status int) string {
	switch {
	case status < 200:
		return "\x1b[1m"
	case status < 300:
		return ""
	case status == http.StatusNotModified:
		return "\x1b[36m"
	case status < 400:
		return "\x1b[32m"
	case status == http.StatusNotFound:
		return "\x1b[33m"
	case status < 500:
		return "\x1b[31m\x1b[1m"
	}
	return "\x1b[35m\x1b[1m"
}

// escapeControls writes control characters as \xNN, so that a request cannot write to the terminal.
func escapeControls(s string) string {
	var b strings.Builder
	for _, r := range s[:min(len(s), maxLogged)] {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029':
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// runningProject is the program that calls Run, with its source; false if that is not here.
func runningProject(s *runSettings) (devserver.Project, bool) {
	p := devserver.Project{Args: os.Args[1:], Extra: s.watch.Extra, Exclude: s.watch.Exclude}
	info, ok := debug.ReadBuildInfo()
	if !ok || runtime.GOOS == "windows" || runtime.GOOS == "plan9" || runtime.GOOS == "js" || runtime.GOOS == "wasip1" {
		return p, false
	}
	p.Dir = mainFolder()
	if p.Dir == "" && info.Path != "command-line-arguments" {
		p.Package = info.Path // built with -trimpath: the working directory must do
		p.Dir, _ = os.Getwd()
		if _, err := os.Stat(filepath.Join(p.Dir, "go.mod")); err != nil {
			return p, false
		}
	}
	p.Binary, _ = os.Executable()
	for _, setting := range info.Settings {
		if slices.Contains([]string{"-tags", "-race", "-msan", "-asan", "-ldflags", "-gcflags", "-trimpath"}, setting.Key) && setting.Value != "" {
			p.BuildFlags = append(p.BuildFlags, setting.Key+"="+setting.Value)
		}
	}
	return p, p.Dir != ""
}

// mainFolder is where the function main of the program is written, "" if that is not on this machine.
func mainFolder() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	for {
		f, more := frames.Next()
		if f.Function == "main.main" && filepath.IsAbs(f.File) {
			if _, err := os.Stat(f.File); err == nil && !strings.HasSuffix(f.File, "_testmain.go") {
				return filepath.Dir(f.File)
			}
		}
		if !more {
			return ""
		}
	}
}
