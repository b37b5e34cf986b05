package devserver

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync/atomic"
)

// The header with which answers of an older program tell that the newest source could not be built or started, and the path that
// pages of errors ask for whether they are still true.
const (
	HeaderStale = "Carafe-Stale"
	statePath   = "/__carafe__/state"
	headerPeer  = "Carafe-Dev-Peer" // "secret address" of the client, on what one program passes to another
)

// A gate stands before the program's handler.
type gate struct {
	next       http.Handler // nil in the parent, which has none
	upstream   http.Handler // where requests of an old program go
	generation int
	secret     string
	editor     string
	problem    atomic.Pointer[Problem]
	draining   atomic.Bool
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.draining.Load() {
		w.Header().Set("Connection", "close")
		g.upstream.ServeHTTP(w, r)
		return
	}
	g.unwrapPeer(r)
	p := g.problem.Load()
	local := isLocal(r, nil)
	switch {
	case local && r.URL.Path == statePath:
		g.tellState(w, p)
	case p != nil && local && wantsPage(r):
		p.servePage(w, g.editor)
	case g.next == nil && p != nil:
		p.serveProblem(w, r, local)
	case g.next == nil:
		http.Error(w, "the program is not running", http.StatusServiceUnavailable)
	default:
		if p != nil {
			w.Header().Set(HeaderStale, p.Title())
		}
		g.next.ServeHTTP(w, r)
	}
}

// unwrapPeer takes the client's address from what another program of the same parent has passed on. Nobody else knows the secret.
func (g *gate) unwrapPeer(r *http.Request) {
	values := r.Header[headerPeer]
	delete(r.Header, headerPeer)
	if len(values) != 1 {
		return
	}
	secret, addr, ok := strings.Cut(values[0], " ")
	if ok && g.secret != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(g.secret)) == 1 {
		r.RemoteAddr = addr
	}
}

// state is another text when something has changed that a page of an error depends on.
func (g *gate) state(p *Problem) string {
	if p != nil {
		return "problem-" + strconv.Itoa(p.ID)
	}
	return "program-" + strconv.Itoa(g.generation)
}

func (g *gate) tellState(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]string{"state": g.state(p)})
}

// wantsPage says whether a person looks at the answer: a browser that goes to a page, no script, form or image.
func wantsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return acceptsHTML(r)
}

// acceptsHTML says whether HTML is named in Accept, and not refused.
func acceptsHTML(r *http.Request) bool {
	for _, line := range r.Header["Accept"] {
		for item := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(item, ";")
			if name = strings.ToLower(strings.TrimSpace(name)); name == "text/html" || name == "application/xhtml+xml" {
				q := strings.ReplaceAll(params, " ", "")
				return q != "q=0" && q != "q=0.0"
			}
		}
	}
	return false
}

// newUpstream passes requests on to whoever accepts from the socket now.
func newUpstream(addr net.Addr, secure bool, secret string) http.Handler {
	dialer := &net.Dialer{}
	scheme := "http"
	transport := &http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, addr.Network(), dialable(addr))
		},
	}
	if secure {
		scheme = "https"
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // #nosec G402 -- it is our own socket
	}
	return &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		Rewrite: func(pr *httputil.ProxyRequest) {
			out := pr.Out
			*out.URL = *pr.In.URL
			out.URL.Scheme, out.URL.Host = scheme, "devserver"
			out.Host = pr.In.Host
			for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				if v := pr.In.Header[name]; v != nil {
					out.Header[name] = v
				}
			}
			if out.Header["User-Agent"] == nil {
				out.Header["User-Agent"] = []string{""} // none, instead of Go's
			}
			out.Header[headerPeer] = []string{secret + " " + pr.In.RemoteAddr}
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			http.Error(w, fmt.Sprintf("the newer program could not be reached: %v", err), http.StatusBadGateway)
		},
		ModifyResponse: func(resp *http.Response) error {
			resp.Header.Set("Connection", "close")
			return nil
		},
	}
}

// dialable is the address of a socket that may listen on all of them.
func dialable(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return addr.String()
	}
	ip := tcp.IP
	if ip.IsUnspecified() {
		if ip = net.IPv4(127, 0, 0, 1); tcp.IP.To4() == nil {
			ip = net.IPv6loopback
		}
	}
	return net.JoinHostPort(ip.String(), strconv.Itoa(tcp.Port))
}
