//go:build linux

package proxies_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// nginxConf leaves nginx's failover as it is by default (proxy_next_upstream error timeout): a connection that is refused goes
// to the other instance, a request that has been sent is only tried again if it is a GET.
const nginxConf = `daemon off; worker_processes 1; pid $DIR/nginx.pid; error_log stderr warn;
events { worker_connections 512; }
http {
	access_log off; client_body_temp_path $DIR/body; proxy_temp_path $DIR/proxy; fastcgi_temp_path $DIR/f; uwsgi_temp_path $DIR/u; scgi_temp_path $DIR/s;
	upstream app { server $A; server $B; keepalive 16; }
	server {
		listen $FRONT;
		location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }
	}
}
`

// haproxyConf asks the instances whether they are ready, and tries nothing again anywhere else: an instance that says 503 at
// its ReadyPath gets no new requests, and goes on serving for its DrainDelay.
const haproxyConf = `global
	maxconn 512
	nbthread 1
defaults
	mode http
	timeout connect 5s
	timeout client 30s
	timeout server 30s
	timeout check 5s
frontend front
	bind $FRONT
	default_backend app
backend app
	balance roundrobin
	option httpchk GET /ready
	server a $A check inter 50ms fall 1 rise 1
	server b $B check inter 50ms fall 1 rise 1
`

// caddyConf is as haproxy's: Caddy asks whether the instances are ready, and tries nothing a second time. Not round_robin: two requests
// that take turns at once can both be sent to the instance that is down, each twice, and get 503 from Caddy itself.
const caddyConf = `{
	admin off
	auto_https off
	http_port $PORT
}
http:// {
	bind $HOST
	reverse_proxy $A $B {
		lb_policy least_conn
		health_uri /ready
		health_interval 50ms
		health_timeout 5s
	}
}
`

// proxies are the proxies in front of two instances.
var proxies = []struct {
	name, conf, file string
	args             func(dir string) []string
}{
	{"nginx", nginxConf, "nginx.conf", func(dir string) []string {
		return []string{"-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr"}
	}},
	{"haproxy", haproxyConf, "haproxy.cfg", func(dir string) []string { return []string{"-db", "-f", filepath.Join(dir, "haproxy.cfg")} }},
	{"caddy", caddyConf, "Caddyfile", func(dir string) []string {
		return []string{"run", "--adapter", "caddyfile", "--config", filepath.Join(dir, "Caddyfile")}
	}},
}

func TestARollingRestartBehindAProxyLosesNothing(t *testing.T) {
	for _, tt := range proxies {
		t.Run(tt.name, func(t *testing.T) {
			program := installed(t, tt.name)
			ports := freePorts(t, 3)
			front := ports[2]
			// 40 checks fit into the delay, so that one late check on a loaded machine changes nothing.
			a := newInstance(t, ports[0], "--ready-path", "/ready", "--drain-delay", "2")
			b := newInstance(t, ports[1], "--ready-path", "/ready", "--drain-delay", "2")
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, tt.file), tt.conf, "$DIR", dir, "$A", a.addr, "$B", b.addr, "$FRONT", front, "$HOST", "127.0.0.1", "$PORT", front[len("127.0.0.1:"):])
			startProcess(t, dir, []string{"HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir}, program, tt.args(dir)...)
			until(t, tt.name+" passes requests on", func() bool { return answers(front) })
			loads := map[string]*load{
				"GET, connections kept":        {addr: front, request: getRequest, clients: 4, keep: true},
				"POST, connections kept":       {addr: front, request: postRequest, clients: 4, keep: true},
				"GET, a connection for each":   {addr: front, request: getRequest, clients: 2},
				"POST, a connection for each":  {addr: front, request: postRequest, clients: 2},
				"GET with pauses, connections": {addr: front, request: getRequest, clients: 8, keep: true, think: 50 * 1e6},
			}
			for _, l := range loads {
				l.begin()
			}
			steps := func() {
				for _, l := range loads {
					l.progress(t, 40)
				}
			}
			steps()
			for _, i := range []*instance{a, b} {
				i.restart()
				// The other is only touched when this one has work again: nginx looks away for its fail_timeout of 10 s.
				until(t, "the proxy sends the restarted instance requests", func() bool { return i.status().Requests > 40 })
				steps()
			}
			for name, l := range loads {
				wantNoLoss(t, name, l.end())
			}
		})
	}
}

// answers reports whether a request is answered with 200.
func answers(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	defer c.Close()
	if _, err := c.Write([]byte(strings.Replace(getRequest, "Host: x", "Host: x\r\nConnection: close", 1))); err != nil {
		return false
	}
	var b [12]byte
	n, _ := c.Read(b[:])
	return string(b[:n]) == "HTTP/1.1 200"
}
