package server

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// A prefixed connection has had its first bytes read already.
type prefixed struct {
	net.Conn
	read   []byte
	remote net.Addr // nil means the connection's own
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.read) > 0 {
		n := copy(b, p.read)
		p.read = p.read[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}

// RemoteAddr is who the PROXY header says.
func (p *prefixed) RemoteAddr() net.Addr {
	if p.remote != nil {
		return p.remote
	}
	return p.Conn.RemoteAddr()
}

// startsWith reads until the connection's first bytes are want, or differ.
func (p *prefixed) startsWith(want string) bool {
	for {
		n := min(len(p.read), len(want))
		if string(p.read[:n]) != want[:n] {
			return false
		}
		if n == len(want) {
			return true
		}
		if p.more(len(want)) != nil {
			return false
		}
	}
}

// more reads on, so that at most limit bytes are there.
func (p *prefixed) more(limit int) error {
	buf := make([]byte, limit-len(p.read))
	n, err := p.Conn.Read(buf)
	p.read = append(p.read, buf[:n]...)
	if n > 0 {
		return nil
	}
	return err
}

const proxyV2 = "\r\n\r\n\x00\r\nQUIT\n"

// maxProxyLine is the longest PROXY line of version 1, with its CR LF.
const maxProxyLine = 107

var errProxy = errors.New("malformed PROXY header")

// readProxyHeader reads what the mode asks for. In mode auto there may be none; in every other mode a connection without
// one is refused, as is a header from a peer that may not send one.
//
// Source: proxy-protocol.txt of HAProxy, versions 1 and 2; Gunicorn's proxy_protocol.
func (s *service) readProxyHeader(c net.Conn) (net.Conn, error) {
	p := &prefixed{Conn: c}
	mode := s.cfg.ProxyProtocol
	allowed, err := parseTrust(s.cfg.ProxyProtocolFrom)
	if err != nil {
		return nil, err
	}
	if !allowed.has(c.RemoteAddr()) {
		if mode == "auto" {
			return p, nil // a header from a stranger is then no HTTP either, and is refused as such
		}
		return nil, fmt.Errorf("the peer may not send a PROXY header")
	}
	for len(p.read) < 1 {
		if err := p.more(1); err != nil {
			return nil, err
		}
	}
	switch {
	case p.read[0] == proxyV2[0] && mode != "v1":
		return p, p.versionTwo()
	case p.read[0] == 'P' && mode != "v2":
		if p.startsWith("PROXY ") {
			return p, p.versionOne()
		}
	}
	if mode == "auto" {
		return p, nil
	}
	return nil, fmt.Errorf("the connection does not begin with a PROXY header")
}

func (p *prefixed) versionOne() error {
	for !bytes.HasSuffix(p.read, []byte("\r\n")) {
		if len(p.read) >= maxProxyLine {
			return errProxy
		}
		if err := p.more(len(p.read) + 1); err != nil {
			return err
		}
	}
	words := strings.Split(string(p.read[:len(p.read)-2]), " ")
	p.read = nil
	if len(words) >= 2 && words[1] == "UNKNOWN" {
		return nil
	}
	if len(words) != 6 || words[1] != "TCP4" && words[1] != "TCP6" {
		return errProxy
	}
	from, err1 := netip.ParseAddr(words[2])
	to, err2 := netip.ParseAddr(words[3])
	port, err3 := strconv.ParseUint(words[4], 10, 16)
	_, err4 := strconv.ParseUint(words[5], 10, 16)
	if errors.Join(err1, err2, err3, err4) != nil || from.Is4() != (words[1] == "TCP4") || to.Is4() != from.Is4() {
		return errProxy
	}
	p.remote = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, uint16(port)))
	return nil
}

func (p *prefixed) versionTwo() error {
	if !p.startsWith(proxyV2) {
		return errProxy
	}
	p.read = nil
	head := make([]byte, 4)
	if _, err := io.ReadFull(p.Conn, head); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint16(head[2:]))
	if head[0]>>4 != 2 || head[0]&15 > 1 || len(body) > 2048 {
		return errProxy
	}
	if _, err := io.ReadFull(p.Conn, body); err != nil {
		return err
	}
	if head[0]&15 == 0 {
		return nil // LOCAL: the proxy itself, for a health check
	}
	size := map[byte]int{1: 4, 2: 16}[head[1]>>4]
	switch {
	case size == 0:
		return nil // UNSPEC and unix sockets say no address
	case len(body) < 2*size+4:
		return errProxy
	}
	from, _ := netip.AddrFromSlice(body[:size])
	p.remote = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, binary.BigEndian.Uint16(body[2*size:])))
	return nil
}

// SetDeadline passes through.
func (p *prefixed) SetDeadline(t time.Time) error { return p.Conn.SetDeadline(t) }
