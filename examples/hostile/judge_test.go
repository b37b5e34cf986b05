package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// patience is how much longer than the catalogue says things may take: a machine that tests much else is slow by a factor,
// where a fault is slow by a power, or never ends.
const patience = 4

// An expectation is what must hold. Its keys are those of the catalogue; one that is not known here fails (see newJudge).
type expectation map[string]json.RawMessage

func (e expectation) text(key string) (s string)     { e.into(key, &s); return s }
func (e expectation) number(key string) (n float64)  { e.into(key, &n); return n }
func (e expectation) list(key string) (all []string) { e.into(key, &all); return all }
func (e expectation) has(key string) bool            { _, ok := e[key]; return ok }

func (e expectation) into(key string, dst any) {
	if raw, ok := e[key]; ok {
		if err := json.Unmarshal(raw, dst); err != nil {
			panic(fmt.Sprintf("hostile: %s: %v", key, err))
		}
	}
}

// codes says whether a status is among those of key: numbers, "4xx", "closed", "timeout".
func (e expectation) codes(key, status string) bool {
	var allowed []any
	e.into(key, &allowed)
	return slices.ContainsFunc(allowed, func(v any) bool {
		want := fmt.Sprint(v)
		return want == status || strings.HasSuffix(want, "xx") && len(status) == 3 && want[0] == status[0] && status[0] <= '9'
	})
}

// A judge looks at the exchanges of one case.
type judge struct {
	id, host string
	want     expectation
	steps    []step
	all      []*exchange
	answers  []*answer // of the last exchange
	first    *answer   // nil if there is none
	left     []byte
	formed   bool
	status   string // of first, or "closed", or "timeout"
	raw      []byte // of all
	faults   []string
}

func newJudge(c *hostileCase, host string, steps []step, all []*exchange) *judge {
	j := &judge{id: c.ID, host: host, want: c.Expect, steps: steps, all: all, status: "timeout"}
	last := j.last()
	j.answers, j.left, j.formed = last.parse()
	if last.closed {
		j.status = "closed"
	}
	if len(j.answers) > 0 {
		j.first = j.answers[0]
		j.status = fmt.Sprint(j.first.status)
	}
	for _, ex := range all {
		j.raw = append(j.raw, ex.raw...)
	}
	for key := range c.Expect {
		if !slices.Contains(knownKeys, key) {
			j.need(false, "this test does not know what %q means", key)
		}
	}
	return j
}

// knownKeys are what the judge, and the runs, look at.
var knownKeys = []string{
	"status", "status_not", "final_status", "bytes_not", "body_not", "body_has", "body_has_any", "body_is", "body_re", "body_re_if_200",
	"body_not_exact", "utf8_body", "header_has", "header_absent", "header_not", "header_not_re", "responses_max", "responses_exact", "last_body",
	"wellformed", "location_own", "location_not", "truncated", "no_desync_second", "not_smuggled", "cookie_attr_absent", "cookie_attr_has",
	"cookie_attr_re", "cookie_none_or", "vary_cookie_or_private", "error_type_safe", "reflect_safe", "bytes_max", "time_ms_max", "closed_within_ms",
	"rss_mb_max", "active_zero_ms", "fd_growth_max", "tmp_growth_max", "settle_ms", "alive_within_ms", "log_not", "log_no_line_prefix",
	"log_growth_max", "cookie_max_or_log", "other_request_ok_ms", "retained_equals", "all_equal", "bulk_status", "bulk_status_not", "must",
}

func (j *judge) last() *exchange { return j.all[len(j.all)-1] }

func (j *judge) need(ok bool, format string, args ...any) {
	if !ok {
		j.faults = append(j.faults, fmt.Sprintf(format, args...))
	}
}

func (j *judge) bytesOf(s string) []byte { return latin1(s, j.host) }

func (j *judge) body() []byte {
	if j.first == nil {
		return nil
	}
	return j.first.body
}

func (j *judge) judge() []string {
	j.judgeStatus()
	j.judgeBody()
	j.judgeHeader()
	j.judgeLocation()
	j.judgeFraming()
	j.judgeCookies()
	j.judgePages()
	j.judgeCost()
	return j.faults
}

func (j *judge) judgeStatus() {
	if j.want.has("status") {
		j.need(j.want.codes("status", j.status), "status %s, want %s", j.status, j.want["status"])
		for _, ex := range j.withSameStatus() {
			if answers, _, _ := ex.parse(); len(answers) > 0 {
				got := fmt.Sprint(answers[0].status)
				j.need(j.want.codes("status", got), "an earlier status %s, want %s", got, j.want["status"])
			}
		}
	}
	if j.want.has("status_not") {
		j.need(j.status != "timeout" && !j.want.codes("status_not", j.status), "status %s", j.status)
	}
	if j.want.has("final_status") {
		j.need(j.first != nil && j.want.codes("final_status", j.status), "status %s in the end, want %s", j.status, j.want["final_status"])
	}
}

// withSameStatus are earlier exchanges to which the status applies too: those of steps that do not prepare the last one.
func (j *judge) withSameStatus() []*exchange {
	prepares := func(s step) bool {
		return s.SaveCookie || s.CookieMut != "" || s.Req != nil && slices.ContainsFunc(s.Req.Headers, func(h [2]string) bool { return h[0] == "Cookie" })
	}
	if len(j.steps) < 2 || slices.ContainsFunc(j.steps, prepares) {
		return nil
	}
	return j.all[:len(j.all)-1]
}

func (j *judge) judgeBody() {
	body := j.body()
	trimmed := bytes.TrimSpace(body)
	for _, key := range []string{"bytes_not", "body_not"} {
		for _, s := range j.want.list(key) {
			j.need(!bytes.Contains(j.raw, j.bytesOf(s)), "what came has %q", s)
		}
	}
	for _, s := range j.want.list("body_has") {
		j.need(bytes.Contains(body, j.bytesOf(s)), "the body lacks %q: %.80q", s, body)
	}
	if any := j.want.list("body_has_any"); any != nil {
		j.need(slices.ContainsFunc(any, func(s string) bool { return bytes.Contains(body, j.bytesOf(s)) }), "the body has none of %q: %.80q", any, body)
	}
	if j.want.has("body_is") {
		j.need(bytes.Equal(trimmed, j.bytesOf(j.want.text("body_is"))), "the body is %.80q, want %q", body, j.want.text("body_is"))
	}
	if j.want.has("body_re") {
		j.need(wholly(j.want.text("body_re"), trimmed), "the body is %.80q", body)
	}
	if j.want.has("body_re_if_200") && j.status == "200" {
		j.need(wholly(j.want.text("body_re_if_200"), trimmed), "the body is %.80q", body)
	}
	if j.want.has("body_not_exact") {
		j.need(!bytes.Equal(trimmed, j.bytesOf(j.want.text("body_not_exact"))), "the body is %.80q", body)
	}
	if j.want.has("utf8_body") {
		j.need(utf8.Valid(body), "the body is no UTF-8")
	}
}

func wholly(pattern string, text []byte) bool {
	return regexp.MustCompile("^(?:" + pattern + ")$").Match(text)
}

func (j *judge) judgeHeader() {
	for _, name := range j.want.list("header_has") {
		j.need(j.first.values(name) != nil, "no header %s", name)
	}
	for _, name := range j.want.list("header_absent") {
		for _, a := range j.answers {
			j.need(a.values(name) == nil, "a header %s", name)
		}
	}
	var without map[string][]string
	j.want.into("header_not", &without)
	for name, texts := range without {
		for _, text := range texts {
			j.need(!strings.Contains(strings.Join(j.first.values(name), "\n"), text), "%s has %q", name, text)
		}
	}
	var patterns map[string]string
	j.want.into("header_not_re", &patterns)
	for name, pattern := range patterns {
		for _, value := range j.first.values(name) {
			j.need(!regexp.MustCompile(pattern).MatchString(value), "%s is %q", name, value)
		}
	}
}

func (j *judge) judgeFraming() {
	last := j.last()
	if j.want.has("responses_max") {
		j.need(len(j.answers) <= int(j.want.number("responses_max")), "%d responses", len(j.answers))
	}
	if j.want.has("responses_exact") {
		j.need(len(j.answers) == int(j.want.number("responses_exact")), "%d responses", len(j.answers))
	}
	if j.want.has("last_body") {
		j.need(len(j.answers) > 0 && j.bodyIs(len(j.answers)-1, j.want.text("last_body")), "the last body is another one")
	}
	if j.want.has("wellformed") {
		j.need(j.formed && len(j.left) == 0 || len(last.raw) == 0 && last.closed, "malformed: %.80q", last.raw)
	}
	if j.want.has("truncated") {
		j.need(j.first == nil || !j.first.complete || last.reset || j.status == "500", "the client cannot tell that the body was cut off")
	}
	if j.want.has("not_smuggled") {
		for i := range j.answers {
			j.need(!j.bodyIs(i, "SMUGGLED"), "the smuggled request was answered")
		}
	}
	if j.want.has("no_desync_second") {
		j.judgeSecond(last)
	}
}

func (j *judge) bodyIs(i int, text string) bool {
	return bytes.Equal(bytes.TrimSpace(j.answers[i].body), j.bytesOf(text))
}

// judgeSecond wants both answers in step, or none after the first.
func (j *judge) judgeSecond(last *exchange) {
	var good bool
	switch len(j.answers) {
	case 2:
		good = j.formed && len(j.left) == 0 && j.bodyIs(1, j.want.text("no_desync_second"))
	case 1:
		good = j.formed && len(j.left) == 0 && last.closed && !bytes.Contains(j.body(), []byte("HTTP/1."))
	case 0:
		good = last.closed && len(last.raw) == 0
	}
	j.need(good, "out of step: %d responses, %.60q left, the first body is %.60q", len(j.answers), j.left, j.body())
}

func (j *judge) judgePages() {
	kind := strings.Join(j.first.values("content-type"), "")
	if j.want.has("vary_cookie_or_private") {
		vary, control := strings.ToLower(strings.Join(j.first.values("vary"), ",")), strings.Join(j.first.values("cache-control"), ",")
		j.need(strings.Contains(vary, "cookie") || regexp.MustCompile("private|no-store|no-cache").MatchString(control), "neither Vary: Cookie nor private")
	}
	if j.want.has("error_type_safe") {
		safe := len(j.body()) == 0 || strings.Contains(kind, "text/plain") || strings.Contains(kind, "json") ||
			strings.Contains(kind, "html") && strings.Contains(kind, "charset")
		j.need(j.first != nil && safe, "Content-Type %q", kind)
	}
	if s := j.want.text("reflect_safe"); s != "" {
		j.need(!bytes.Contains(j.body(), j.bytesOf(s)) || kind != "" && !strings.Contains(kind, "html"), "it is repeated as %q", kind)
	}
}

func (j *judge) judgeCost() {
	if j.want.has("bytes_max") {
		j.need(len(j.raw) <= int(j.want.number("bytes_max")), "%d bytes came", len(j.raw))
	}
	if limit := j.within("time_ms_max"); limit > 0 {
		j.need(j.last().took <= limit, "it took %v", j.last().took)
	}
	if limit := j.within("closed_within_ms"); limit > 0 {
		j.need(j.last().closed && j.last().closedAt <= limit, "the connection is still open after %v", limit)
	}
}

func (j *judge) within(key string) time.Duration {
	return time.Duration(j.want.number(key)) * time.Millisecond * patience
}
