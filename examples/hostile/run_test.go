package main

import (
	"bytes"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"
)

// A run is one case against a child.
type run struct {
	*child
	c    *hostileCase
	want expectation

	logged, descriptors, files int // before
	resident                   float64
	faults                     []string
}

// alone says whether a case looks at something that other cases disturb: memory, descriptors, the log, what runs.
func (c *hostileCase) alone() bool {
	for _, key := range []string{"rss_mb_max", "active_zero_ms", "fd_growth_max", "tmp_growth_max", "alive_within_ms", "log_not", "log_no_line_prefix",
		"log_growth_max", "cookie_max_or_log", "other_request_ok_ms", "retained_equals", "all_equal"} {
		if c.Expect.has(key) {
			return true
		}
	}
	return false
}

// runCase returns what is wrong, nothing if all is well.
func runCase(c *hostileCase, on *child) []string {
	r := &run{child: on, c: c, want: c.Expect}
	if r.want.has("rss_mb_max") {
		on.start()
	}
	steps, err := c.steps()
	if err != nil {
		return []string{"the case cannot be read: " + err.Error()}
	}
	r.before()
	switch {
	case len(steps) > 0 && steps[0].Script != "":
		r.faults = r.script(&steps[0])
	case len(steps) > 0 && steps[0].Bulk != "":
		r.faults = r.bulk(steps[0].Bulk)
	default:
		r.faults = r.exchanges(steps)
	}
	r.after()
	return r.faults
}

func (r *run) need(ok bool, format string, args ...any) {
	if !ok {
		r.faults = append(r.faults, fmt.Sprintf(format, args...))
	}
}

func (r *run) before() {
	r.logged, r.descriptors, r.files = len(r.logFrom(0)), r.open(), r.temporary()
	r.resident = r.memory("VmRSS")
	r.forgetPeak()
}

// exchanges makes those of the steps, and has them judged.
func (r *run) exchanges(steps []step) []string {
	var all []*exchange
	var cookie, name string
	for i := range steps {
		s := &steps[i]
		sent := ""
		if s.CookieMut != "" {
			if cookie == "" {
				return []string{"no session cookie was set"}
			}
			sent = mutated(name, cookie, s.CookieMut)
		}
		if s.Hold > 0 {
			all = append(all, r.hold(s))
			continue
		}
		all = append(all, r.repeat(s, sent)...)
		if s.SaveCookie {
			name, cookie = savedCookie(all[len(all)-1])
		}
	}
	j := newJudge(r.c, r.addr, steps, all)
	faults := j.judge()
	if r.want.has("cookie_max_or_log") {
		r.judgeBigCookie(j)
	}
	return append(r.faults, faults...)
}

func (r *run) repeat(s *step, cookie string) []*exchange {
	all := make([]*exchange, max(s.Repeat, 1))
	var group sync.WaitGroup
	for i := range all {
		if !s.Parallel {
			all[i] = s.do(r.addr, cookie)
			continue
		}
		group.Go(func() { all[i] = s.do(r.addr, cookie) })
	}
	group.Wait()
	return all
}

func savedCookie(ex *exchange) (name, value string) {
	answers, _, _ := ex.parse()
	for _, a := range answers {
		for _, line := range a.values("set-cookie") {
			n, rest, _ := strings.Cut(line, "=")
			if strings.Contains(strings.ToLower(n), "session") {
				name = n
				value, _, _ = strings.Cut(rest, ";")
			}
		}
	}
	return name, value
}

// hold opens connections that say something and then nothing, and asks for something else meanwhile.
func (r *run) hold(s *step) *exchange {
	pieces, methods := s.build(r.addr, "")
	var held []net.Conn
	for range s.Hold {
		conn, err := net.DialTimeout("tcp", r.addr, 5*time.Second)
		if err != nil {
			break
		}
		defer conn.Close()
		for _, p := range pieces {
			_, _ = conn.Write(p.data)
		}
		held = append(held, conn)
	}
	r.need(len(held) == s.Hold, "only %d of %d connections were let in", len(held), s.Hold)
	limit := time.Duration(r.want.number("other_request_ok_ms")) * time.Millisecond * patience
	r.need(r.serves(limit), "with %d connections held, another request is not served in %v", len(held), limit)
	return &exchange{methods: methods, closed: true}
}

// after looks at what a case has left behind, and whether all is as before.
func (r *run) after() {
	if limit := r.want.number("rss_mb_max"); limit > 0 && !raceEnabled {
		grown := r.memory("VmHWM") - r.resident
		r.need(grown <= limit, "memory grew by %.0f MiB, at most %.0f may be", grown, limit)
	}
	if limit := r.limit("active_zero_ms"); limit > 0 {
		r.need(eventually(limit, func() bool { n, err := r.get("/active", time.Second); return err == nil && n == "0" }), "views go on running")
	}
	r.afterGrowth()
	if limit := r.limit("alive_within_ms"); limit > 0 {
		r.need(eventually(limit, func() bool { return r.serves(time.Second) }), "the service did not come back")
		r.worker = r.lastProcess()
	} else {
		r.need(r.serves(2*time.Second*patience), "it serves no more")
		r.need(r.same(), "the process has died")
	}
	r.afterLog()
	if !r.same() || len(r.faults) > 0 {
		r.start()
	}
}

func (r *run) limit(key string) time.Duration {
	return time.Duration(r.want.number(key)) * time.Millisecond * patience
}

func (r *run) afterGrowth() {
	if !r.want.has("fd_growth_max") && !r.want.has("tmp_growth_max") {
		return
	}
	limit := r.limit("settle_ms")
	if limit == 0 {
		limit = 5 * time.Second * patience
	}
	ok := eventually(limit, func() bool {
		return (!r.want.has("fd_growth_max") || r.open()-r.descriptors <= int(r.want.number("fd_growth_max"))) &&
			(!r.want.has("tmp_growth_max") || r.temporary()-r.files <= int(r.want.number("tmp_growth_max")))
	})
	r.need(ok, "%d descriptors and %d temporary files more than before", r.open()-r.descriptors, r.temporary()-r.files)
}

// eventually asks until it is so, or the time is over.
func eventually(limit time.Duration, so func() bool) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if so() {
			return true
		}
	}
	return so()
}

var lineEnds = regexp.MustCompile("[\n\r\u0085]")

// afterLog looks at the log. What an answered request has to say is there by the time that another request is answered.
func (r *run) afterLog() {
	log := r.logFrom(r.logged)
	for _, text := range r.want.list("log_not") {
		r.need(!bytes.Contains(log, latin1(text, r.addr)), "the log has %q", text)
	}
	for _, prefix := range r.want.list("log_no_line_prefix") {
		for _, line := range lineEnds.Split(string(log), -1) {
			r.need(!strings.HasPrefix(strings.TrimSpace(line), prefix), "a line of the log is forged: %q", line)
		}
	}
	if limit := r.want.number("log_growth_max"); limit > 0 {
		r.need(len(log) <= int(limit), "the log grew by %d bytes, at most %.0f may be", len(log), limit)
	}
}

// judgeBigCookie wants a warning in the log for a cookie that browsers drop.
func (r *run) judgeBigCookie(j *judge) {
	var want struct {
		Max int
		Has []string `json:"log_has"`
	}
	r.want.into("cookie_max_or_log", &want)
	for _, line := range j.cookies() {
		pair, _, _ := strings.Cut(line, ";")
		warned := func() bool {
			log := r.logFrom(r.logged)
			for _, text := range want.Has {
				if bytes.Contains(log, []byte(text)) {
					return true
				}
			}
			return false
		}
		r.need(len(pair) <= want.Max || eventually(5*time.Second, warned), "a cookie of %d bytes, and no warning", len(pair))
	}
}
