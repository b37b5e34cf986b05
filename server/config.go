package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Auto as [Config.Workers] means one worker for each CPU that the process may use (runtime.GOMAXPROCS, which knows
// cgroups), and at least two: with one, a crash would be an outage until its successor is up.
const Auto = -1

// A Config is everything that can be set. The zero Config serves on 127.0.0.1:8000 in one process; a zero field means
// its default. Each field of data has a record in [Settings] with its environment variable, flag and Gunicorn's name.
//
// Durations are given in environment, flags and files as Go writes them ("30s"), or as a number of seconds. Sizes
// are bytes, or "64k", "16M", "2G".
type Config struct {
	// Bind is where to listen: "host:port", ":port", "[v6]:port", "host" (port 8000), "unix:/path" or "fd://3".
	// Empty means 127.0.0.1:8000, or 0.0.0.0:$PORT when PORT is set. Sockets that systemd passes replace it.
	Bind []string
	// Backlog is the length of each accept queue, which the kernel cuts to net.core.somaxconn. Zero means 2048.
	Backlog int
	// BindRetries is how many times more an address in use is tried, a second apart. Zero means none.
	BindRetries int
	// ReusePort makes each worker bind sockets of its own, for balance. Connections in the queue of a worker that
	// leaves are lost, which is why the default is one shared socket.
	ReusePort bool
	// SocketMode is the mode of unix sockets. Zero means 0660.
	SocketMode fs.FileMode

	// Command is a program with its arguments that each worker is, in place of this one: see [RunCommand]. Empty means
	// this program.
	Command []string
	// Workers is the number of worker processes. Zero means none: this process serves (with Command, Auto).
	// Auto means one a CPU, at least 2.
	Workers int
	// MaxWorkers is what TTIN cannot exceed. Zero means four times Workers, at least 8.
	MaxWorkers int
	// MaxConns is how many connections a worker holds; when it is full it stops accepting. Zero means 10000, and never
	// more than the descriptors the process may open, less 32.
	MaxConns int
	// MaxConcurrent is how many requests a worker handles at once; others wait. Zero means no limit.
	MaxConcurrent int
	// MaxRequests replaces a worker after so many requests, successor first. Zero means never.
	MaxRequests int
	// MaxRequestsJitter adds a random number up to itself to MaxRequests.
	MaxRequestsJitter int
	// MaxMemory replaces a worker whose resident memory exceeds so many bytes, successor first. Zero means never.
	MaxMemory int64
	// MaxStuck replaces a worker that has so many requests running on after RequestTimeout. Zero means 10.
	MaxStuck int
	// FailAfter ends the server when one slot has failed so many times in a row. Zero means never.
	FailAfter int

	// WorkerTimeout is how long a worker may be silent before it is aborted, and killed a second later. Zero means 30 s.
	WorkerTimeout time.Duration
	// BootTimeout is how long a worker may take until it serves. Zero means 60 s.
	BootTimeout time.Duration
	// UpgradeTimeout is how long a new master may take until it serves. Zero means 60 s.
	UpgradeTimeout time.Duration
	// RequestTimeout answers 503 for a handler that takes longer, cancels its context and logs its stack. Zero means none.
	RequestTimeout time.Duration
	// GracefulTimeout is how long a worker told to leave may finish what is in flight. Zero means 30 s. Then requests
	// without an answer get 503, and the log names them.
	GracefulTimeout time.Duration
	// DrainIdle is how long a worker that leaves waits for idle connections to send their last request, which it
	// answers with "Connection: close". Zero means 3 s; negative, none.
	DrainIdle time.Duration
	// DrainDelay is how long a server told to stop goes on accepting while ReadyPath answers 503, so that load
	// balancers look away. Zero means none.
	DrainDelay time.Duration

	// KeepAlive is how long an idle connection is kept. Zero means 75 s, above what proxies keep; negative, no reuse.
	KeepAlive time.Duration
	// ClientKeepAlive is the same for peers that are none of TrustedProxies, and never more than KeepAlive. Zero means 30 s.
	ClientKeepAlive time.Duration
	// HeaderTimeout is how long a request's head may take from its first byte: 408. Zero means 10 s.
	HeaderTimeout time.Duration
	// BodyTimeout is how long a request's body may send nothing while it is being read. Zero means 30 s.
	BodyTimeout time.Duration
	// BodyMinRate is the least bytes a second of a body, counted while it is read, after BodyTimeout/3. Zero means 128.
	BodyMinRate int
	// WriteTimeout is how long one write may wait for a client that does not read. Zero means 60 s.
	WriteTimeout time.Duration
	// MaxRequestLine is the bytes of a request line: 414. Zero means 4094.
	MaxRequestLine int
	// MaxHeaderFields is the number of header fields: 431. Zero means 100.
	MaxHeaderFields int
	// MaxHeaderFieldSize is the bytes of one header field: 431. Zero means 8190.
	MaxHeaderFieldSize int
	// MaxHeaderBytes is the bytes of a whole head: 431. Zero means 64 KiB.
	MaxHeaderBytes int
	// MaxBodyBytes is the bytes of a body: 413. Zero means no limit here; an application has its own.
	MaxBodyBytes int64
	// UnderscoreHeaders says what becomes of field names with "_": "drop", "refuse" (400) or "keep". Empty means drop.
	UnderscoreHeaders string

	// TLSCertFile and TLSKeyFile switch TLS on. They are read again on HUP. Relative names of TLS files, of Chdir and of ConfigFile are from
	// where the program was started; those of logs, sockets and the pidfile are from Chdir.
	TLSCertFile, TLSKeyFile string
	// TLSClientAuth is "none", "optional" or "required"; TLSClientCAFile has the authorities. Empty means none.
	TLSClientAuth, TLSClientCAFile string
	// Protocols is what TLS offers: "h1", "h2". Empty means both, h2 first.
	Protocols []string
	// HTTP2Cleartext is "off" or "prior-knowledge", which is for peers among TrustedProxies. Empty means off.
	HTTP2Cleartext string
	// HTTP2MaxStreams is the parallel streams of a connection. Zero means 100.
	HTTP2MaxStreams int
	// HTTP2WindowSize is the flow-control window of a stream in bytes. Zero means 1 MiB.
	HTTP2WindowSize int
	// HTTP2MaxFrameSize is the largest frame that is read. Zero means 1 MiB.
	HTTP2MaxFrameSize int

	// TrustedProxies are the addresses and networks whose forwarding headers are believed; "*" is all. Peers on unix
	// sockets are trusted. Empty means nobody. Unlike Gunicorn, loopback is not trusted by default.
	TrustedProxies []string
	// SecureSchemeHeaders are "Name=value" pairs by which a trusted proxy says https. Empty means Gunicorn's three.
	SecureSchemeHeaders []string
	// TrustedHeaders are the fields, besides those of the scheme, that a trusted proxy's word is taken from: X-Forwarded-For,
	// X-Forwarded-Host, and X-Forwarded-Prefix, which becomes the request's script name (gateway.ScriptName). Empty means the
	// first two. What the proxy does not itself set must not be here: it would be the client's.
	TrustedHeaders []string
	// RootPath is where the application is mounted ("/shop"): it is cut from each path and becomes the script name. A path
	// outside it is a 404. Empty means the root.
	RootPath string
	// ProxyProtocol is "off", "v1", "v2", "auto" (either, or none) or "required" (either). Empty means off.
	ProxyProtocol string
	// ProxyProtocolFrom are the peers that may send a PROXY header. Empty means 127.0.0.1 and ::1.
	ProxyProtocolFrom []string

	// PIDFile gets the master's pid; it is locked, so a stale one is no hindrance. During an upgrade there is also ".2".
	PIDFile string
	// User and Group are who workers run as, with all of the user's groups. Empty means the master's.
	User, Group string
	// Umask is for the files that the server makes, in octal ("027"). Empty means the inherited one.
	Umask string
	// Chdir is the folder to change to first.
	Chdir string
	// Env are KEY=VALUE pairs for the workers' environment.
	Env []string
	// ProcName is the name that ps shows for workers. Empty means the name the master was started with.
	ProcName string

	// AccessLog is a file, or "-" for stdout. Empty means none.
	AccessLog string
	// AccessLogFormat is Gunicorn's template, or "json". Empty means Gunicorn's default.
	AccessLogFormat string
	// ErrorLog is a file, or "-" for stderr. Empty means "-".
	ErrorLog string
	// LogLevel is "debug", "info", "warning" or "error". Empty means info.
	LogLevel string
	// CaptureOutput sends the workers' stdout and stderr into the error log file.
	CaptureOutput bool

	// StatsdAddr is "host:port" or "unix:/path" of a StatsD server. Empty means none.
	StatsdAddr string
	// StatsdPrefix goes before each metric's name.
	StatsdPrefix string
	// StatsdTags go after each metric, DogStatsD style ("env:prod").
	StatsdTags []string
	// BacklogMetric measures the length of the accept queues (Linux).
	BacklogMetric bool
	// MetricsBind is the private address of /metrics (Prometheus text), /healthz and /readyz. Empty means none.
	MetricsBind string
	// ReadyPath is a path that the server itself answers: 200 while it serves, 503 while it leaves. Empty means none.
	ReadyPath string
	// ControlSocket is the path of the unix socket for [Control]. Empty means none.
	ControlSocket string
	// ControlSocketMode is its mode. Zero means 0600.
	ControlSocketMode fs.FileMode

	// ConfigFile is the file that FromFile read last; HUP reads it again.
	ConfigFile string
	// CheckConfig makes Run check the configuration and return without serving.
	CheckConfig bool
	// PrintConfig makes Run print all settings to stdout; implies CheckConfig.
	PrintConfig bool

	// Logger gets what the server has to say, in place of ErrorLog. nil means ErrorLog, which nobody has to wait for. A handler of yours
	// is waited for, by the master as well: one that blocks has it act on no signal.
	Logger *slog.Logger
	// TLSConfig may change, or replace, the TLS configuration made from the settings above.
	TLSConfig func(*tls.Config) *tls.Config
	// Build is called before a reload opens Command's file, beside the loop: to build it anew. An error refuses the reload.
	Build func(ctx context.Context) error
	// Hooks are called on the way.
	Hooks Hooks

	start string                 // the folder in which the program was started; relative names of some files are from there
	again func() (Config, error) // how Main came to this configuration, for a reload without worker processes
}

// Default is a Config for a program that is served in production and nothing else: Workers is Auto.
func Default() Config { return Config{Workers: Auto} }

// resolved is c with every default in place, checked.
func (c Config) resolved() (*Config, error) {
	for _, s := range settings {
		if s.Default != "" && s.isZero(&c) {
			if err := s.set(&c, s.Default); err != nil {
				return nil, fmt.Errorf("server: default of %s: %w", s.Name, err)
			}
		}
	}
	if len(c.Bind) == 0 {
		c.Bind = []string{defaultBind(os.Getenv("PORT"))}
	}
	if c.Workers == 0 && len(c.Command) > 0 {
		c.Workers = Auto
	}
	if c.Workers == Auto {
		c.Workers = max(2, runtime.GOMAXPROCS(0))
	}
	if c.MaxWorkers == 0 {
		c.MaxWorkers = max(8, 4*c.Workers)
	}
	c.remember()
	for _, name := range []*string{&c.Chdir, &c.TLSCertFile, &c.TLSKeyFile, &c.TLSClientCAFile} {
		*name = c.within(*name)
	}
	return &c, c.check()
}

func defaultBind(port string) string {
	if port != "" {
		return "0.0.0.0:" + port
	}
	return "127.0.0.1:8000"
}

// check finds what cannot work before anything is started: each error names the setting and what would do.
func (c *Config) check() error {
	for _, f := range []func() error{c.checkNumbers, c.checkWords, c.checkAddresses, c.checkFiles} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkNumbers() error {
	if c.Workers < 0 {
		return fmt.Errorf("server: workers is %d: use 0 (one process), a number, or auto", c.Workers)
	}
	for _, n := range []struct {
		name string
		v    int
	}{
		{"backlog", c.Backlog}, {"max_conns", c.MaxConns}, {"max_request_line", c.MaxRequestLine},
		{"max_header_fields", c.MaxHeaderFields}, {"max_header_field_size", c.MaxHeaderFieldSize},
		{"max_header_bytes", c.MaxHeaderBytes}, {"http2_max_streams", c.HTTP2MaxStreams},
	} {
		if n.v < 1 {
			return fmt.Errorf("server: %s is %d: use at least 1 (0 means the default)", n.name, n.v)
		}
	}
	if c.WorkerTimeout < time.Second || c.BootTimeout < 0 || c.GracefulTimeout < 0 {
		return fmt.Errorf("server: worker_timeout is %v, boot_timeout %v, graceful_timeout %v: use at least 1s, and nothing negative",
			c.WorkerTimeout, c.BootTimeout, c.GracefulTimeout)
	}
	return nil
}

func (c *Config) checkWords() error {
	for _, w := range []struct{ name, v, of string }{
		{"underscore_headers", c.UnderscoreHeaders, "drop refuse keep"},
		{"tls_client_auth", c.TLSClientAuth, "none optional required"},
		{"http2_cleartext", c.HTTP2Cleartext, "off prior-knowledge"},
		{"proxy_protocol", c.ProxyProtocol, "off v1 v2 auto required"},
		{"log_level", c.LogLevel, "debug info warning error"},
	} {
		if !strings.Contains(" "+w.of+" ", " "+w.v+" ") || strings.Contains(w.v, " ") {
			return fmt.Errorf("server: %s is %q: use one of %s", w.name, w.v, strings.ReplaceAll(w.of, " ", ", "))
		}
	}
	for _, p := range c.Protocols {
		if p != "h1" && p != "h2" {
			return fmt.Errorf("server: protocols has %q: use h1, h2", p)
		}
	}
	if _, err := compileAccessFormat(c.AccessLogFormat); err != nil {
		return err
	}
	return nil
}

func (c *Config) checkAddresses() error {
	for _, b := range c.Bind {
		if _, err := parseBind(b); err != nil {
			return err
		}
	}
	if c.MetricsBind != "" {
		if _, err := parseBind(c.MetricsBind); err != nil {
			return err
		}
	}
	if _, err := parseTrust(c.TrustedProxies); err != nil {
		return fmt.Errorf("server: trusted_proxies: %w", err)
	}
	if _, err := parseTrust(c.ProxyProtocolFrom); err != nil {
		return fmt.Errorf("server: proxy_protocol_from: %w", err)
	}
	if c.RootPath != "" && (c.RootPath[0] != '/' || strings.HasSuffix(c.RootPath, "/")) {
		return fmt.Errorf("server: root_path is %q: use a path that begins with a slash and ends with none, as /shop", c.RootPath)
	}
	for _, name := range c.TrustedHeaders {
		if !slices.Contains(forwardingFields, name) {
			return fmt.Errorf("server: trusted_headers has %q: use some of %s", name, strings.Join(forwardingFields, ", "))
		}
	}
	_, err := parseSchemeHeaders(c.SecureSchemeHeaders)
	return err
}

// checkFiles reads what will have to be read, so that a reload finds out before anything is stopped.
func (c *Config) checkFiles() error {
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		return fmt.Errorf("server: TLS needs both tls_cert_file (%q) and tls_key_file (%q)", c.TLSCertFile, c.TLSKeyFile)
	}
	if _, err := c.tlsConfig(); err != nil {
		return err
	}
	if _, err := parseUmask(c.Umask); err != nil {
		return err
	}
	if c.Chdir != "" {
		if fi, err := os.Stat(c.Chdir); err != nil || !fi.IsDir() {
			return fmt.Errorf("server: chdir is %q, which is no folder that can be read (%v)", c.Chdir, err)
		}
	}
	if err := c.checkCommand(); err != nil {
		return err
	}
	return checkUser(c)
}

// A trust is a set of networks.
type trust struct {
	all  bool
	nets []netip.Prefix
}

func parseTrust(list []string) (trust, error) {
	var t trust
	for _, s := range list {
		if s == "*" {
			t.all = true
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, err := netip.ParseAddr(s)
			if err != nil {
				return t, fmt.Errorf("%q is neither an address (10.0.0.1), a network (10.0.0.0/8) nor *", s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		t.nets = append(t.nets, p.Masked())
	}
	return t, nil
}

// has reports whether the peer is trusted. A peer on a unix socket is one that the file's mode has let in.
func (t trust) has(peer net.Addr) bool {
	tcp, ok := peer.(*net.TCPAddr)
	if t.all || !ok {
		return true
	}
	a := tcp.AddrPort().Addr().Unmap().WithZone("")
	for _, n := range t.nets {
		if n.Contains(a) {
			return true
		}
	}
	return false
}
