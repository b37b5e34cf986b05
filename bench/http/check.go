package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"time"
)

const answerTime = 20 * time.Second

// check makes sure that the server answers the scenario as it must, before anything is measured. It keeps the cookie of a session.
func (p *process) check(s *scenario) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Jar: jar, Timeout: answerTime, Transport: transport}
	p.cookie = ""
	for i, want := range s.want {
		status, got, cookie, err := p.ask(client, s, s.body)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", p.name, s.name, err)
		}
		if status != http.StatusOK || squeezed(got) != squeezed(want) {
			return fmt.Errorf("%s, %s, request %d: %d %.300q, not 200 %.300q", p.name, s.name, i+1, status, got, want)
		}
		if i == 0 {
			p.cookie = cookie
		}
	}
	if len(s.want) > 1 && p.cookie == "" {
		return fmt.Errorf("%s, %s: there is no cookie", p.name, s.name)
	}
	return p.checkMore(client, s)
}

// checkMore is the refusal of a bad body, and the pieces of a stream.
func (p *process) checkMore(client *http.Client, s *scenario) error {
	if s.bad != "" {
		status, got, _, err := p.ask(client, s, s.bad)
		if err != nil || status < 400 || status > 499 {
			return fmt.Errorf("%s, %s: a bad body is answered with %d %.300q (%v), not refused", p.name, s.name, status, got, err)
		}
	}
	if s.pieces == 0 {
		return nil
	}
	n, err := p.chunks(s)
	if p.merges && err == nil && 0 < n && n <= s.pieces {
		return nil
	}
	if err != nil || n != s.pieces {
		return fmt.Errorf("%s, %s: %d chunks (%v), not %d", p.name, s.name, n, err, s.pieces)
	}
	return nil
}

// squeezed is the text with all white space as one blank.
func squeezed(text string) string { return strings.Join(strings.Fields(text), " ") }

// ask sends one request of the scenario; cookie is what the answer sets, as a Cookie header.
func (p *process) ask(client *http.Client, s *scenario, body string) (status int, text, cookie string, err error) {
	r, err := http.NewRequest(s.verb(), "http://"+p.addr+s.path, strings.NewReader(body))
	if err != nil {
		return 0, "", "", err
	}
	r.Close = s.closing
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(r)
	if err != nil {
		return 0, "", "", err
	}
	defer resp.Body.Close()
	if s.closing && !resp.Close {
		return 0, "", "", fmt.Errorf("the answer does not say Connection: close")
	}
	for _, c := range resp.Cookies() {
		cookie = c.Name + "=" + c.Value
	}
	all, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(all), cookie, err
}

// chunks is how many chunks the body of the answer has on the wire.
func (p *process) chunks(s *scenario) (n int, err error) {
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return 0, err
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", s.path, p.addr)
	r := bufio.NewReader(conn)
	for line := ""; line != "\r\n"; {
		if line, err = r.ReadString('\n'); err != nil {
			return 0, err
		}
	}
	for ; ; n++ {
		line, err := r.ReadString('\n')
		if err != nil {
			return n, err
		}
		var size int64
		if _, err := fmt.Sscanf(line, "%x", &size); err != nil {
			return n, fmt.Errorf("%q is no chunk's size: %w", line, err)
		}
		if size == 0 {
			return n, nil
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(r, chunk); err != nil {
			return n, err
		}
		if !bytes.HasSuffix(chunk, []byte("\r\n")) {
			return n, fmt.Errorf("a chunk of %d bytes does not end where it should", size)
		}
	}
}
