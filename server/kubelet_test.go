//go:build linux

package server_test

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A cluster does to pods what a kubelet and the service in front of them do: readiness probes decide who gets new connections,
// what they say arrives late, a deleted pod gets TERM at once and KILL after its grace period.
type cluster struct {
	t    *testing.T
	addr string // of the service

	mu        sync.Mutex
	endpoints []*site
}

// Times of the cluster, which are long enough here for a machine that does other things too.
const (
	probePeriod = 100 * time.Millisecond
	endpointLag = 500 * time.Millisecond // between a pod's deletion and the service's knowing
	podGrace    = 20 * time.Second
)

func newCluster(t *testing.T) *cluster {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := &cluster{t: t, addr: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.forward(conn.(*net.TCPConn))
		}
	}()
	return c
}

// forward is what kube-proxy's rules do: the endpoint is chosen once for a connection, and nothing is tried again.
func (c *cluster) forward(client *net.TCPConn) {
	defer client.Close()
	c.mu.Lock()
	if len(c.endpoints) == 0 {
		c.mu.Unlock()
		return
	}
	pod := c.endpoints[rand.IntN(len(c.endpoints))]
	c.mu.Unlock()
	conn, err := net.Dial("tcp", pod.addr)
	if err != nil {
		return
	}
	defer conn.Close()
	go func() {
		io.Copy(conn, client)
		conn.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(client, conn)
}

// create starts a pod and adds it to the endpoints when its readiness probe succeeds.
func (c *cluster) create(flags ...string) *site {
	c.t.Helper()
	pod := newSite(c.t)
	pod.start(append([]string{"--workers", "2", "--ready-path", "/ready"}, flags...)...)
	for probe := time.NewTicker(probePeriod); ; {
		if code, _, err := pod.get("/ready"); err == nil && code == 200 {
			break
		}
		select {
		case <-probe.C:
		case <-pod.ended:
			c.t.Fatal("a pod has ended before it was ready")
		}
	}
	c.mu.Lock()
	c.endpoints = append(c.endpoints, pod)
	c.mu.Unlock()
	return pod
}

// remove deletes a pod, and reports whether it ended by itself.
func (c *cluster) remove(pod *site) (byItself bool) {
	c.t.Helper()
	pod.signal(syscall.SIGTERM)
	time.Sleep(endpointLag)
	if code, _, err := pod.get("/ready"); err != nil || code != 503 {
		c.t.Errorf("a pod that was told to stop says %d (%v) at its readiness probe, want 503", code, err)
	}
	c.mu.Lock()
	for i, e := range c.endpoints {
		if e == pod {
			c.endpoints = append(c.endpoints[:i:i], c.endpoints[i+1:]...)
			break
		}
	}
	c.mu.Unlock()
	select {
	case <-pod.ended:
		return pod.code == 0
	case <-time.After(podGrace):
		pod.signal(syscall.SIGKILL)
		return false
	}
}

func TestARolloutOfPodsLosesNothing(t *testing.T) {
	t.Parallel()
	bothLoads(t, func(t *testing.T, keep bool) {
		c := newCluster(t)
		flags := []string{"--drain-delay", "2", "--graceful-timeout", "10", "--drain-idle", "1"}
		old := []*site{c.create(flags...), c.create(flags...)}
		l := (&load{addr: c.addr, keep: keep, clients: 6}).begin()
		l.progress(t, 100)
		for _, pod := range old {
			c.create(flags...) // maxSurge 1, maxUnavailable 0
			if !c.remove(pod) {
				t.Error("a pod had to be killed, or ended with an error")
			}
			l.progress(t, 100)
		}
		wantNoLoss(t, l.end())
	})
}
