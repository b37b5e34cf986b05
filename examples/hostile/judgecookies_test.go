package main

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// judgeLocation resolves the targets of redirects as browsers do.
func (j *judge) judgeLocation() {
	for _, a := range j.answers {
		for _, v := range a.values("location") {
			j.need(!j.want.has("location_own") || j.own(v), "Location %q leads elsewhere", v)
		}
		for _, v := range append(a.values("location"), a.values("refresh")...) {
			for _, text := range j.want.list("location_not") {
				j.need(!strings.Contains(v, text), "Location %q", v)
			}
		}
	}
}

var withScheme = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9+.\-]*):/*([^/?#]*)`)

// own says whether an address stays on the server. Browsers drop control characters and take a backslash for a slash.
func (j *judge) own(location string) bool {
	clean := strings.Map(func(r rune) rune {
		if r <= 0x1f {
			return -1
		}
		return r
	}, location)
	clean = strings.ReplaceAll(strings.Trim(clean, " "), "\\", "/")
	if strings.HasPrefix(clean, "//") {
		clean = "http:" + clean
	}
	m := withScheme.FindStringSubmatch(clean)
	if m == nil {
		_, err := url.Parse(clean)
		return err == nil
	}
	host := m[2][strings.LastIndexByte(m[2], '@')+1:]
	return (strings.EqualFold(m[1], "http") || strings.EqualFold(m[1], "https")) && host == j.host
}

var sessionName = regexp.MustCompile(`(?i)sess|csrf`)

// cookies are the Set-Cookie lines that a case is about: the session's, or all others.
func (j *judge) cookies() (lines []string) {
	for _, a := range j.answers {
		for _, line := range a.values("set-cookie") {
			name, _, _ := strings.Cut(line, "=")
			ofSession := strings.Contains(strings.ToLower(name), "sess")
			if strings.HasPrefix(j.id, "SESS") && ofSession || !strings.HasPrefix(j.id, "SESS") && !sessionName.MatchString(name) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// attributes of a Set-Cookie line, by name in lower case.
func attributes(line string) map[string]string {
	parts := strings.Split(line, ";")
	all := map[string]string{}
	for _, p := range parts[1:] {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		all[strings.ToLower(name)] = value
	}
	return all
}

func (j *judge) judgeCookies() {
	lines := j.cookies()
	has := func(line, name string) bool { _, ok := attributes(line)[name]; return ok }
	for _, name := range j.want.list("cookie_attr_absent") {
		j.need(!slices.ContainsFunc(lines, func(l string) bool { return has(l, name) }), "Set-Cookie has %s: %.90q", name, lines)
	}
	for _, name := range j.want.list("cookie_attr_has") {
		j.need(len(lines) > 0 && !slices.ContainsFunc(lines, func(l string) bool { return !has(l, name) }), "Set-Cookie lacks %s: %.90q", name, lines)
	}
	for _, pattern := range j.want.list("cookie_attr_re") {
		re := regexp.MustCompile(pattern)
		j.need(len(lines) > 0 && !slices.ContainsFunc(lines, func(l string) bool { return !re.MatchString(strings.ToLower(l)) }), "Set-Cookie: %.90q", lines)
	}
	var only struct {
		Name        string
		MustHave    []string `json:"must_have"`
		MustNotHave []string `json:"must_not_have"`
	}
	j.want.into("cookie_none_or", &only)
	for _, line := range lines {
		if only.Name == "" || !strings.HasPrefix(line, only.Name) {
			continue
		}
		for _, name := range only.MustHave {
			j.need(has(line, name), "Set-Cookie lacks %s: %q", name, line)
		}
		for _, name := range only.MustNotHave {
			j.need(!has(line, name), "Set-Cookie has %s: %q", name, line)
		}
	}
}

// mutated is a session's cookie with a change that a client can make.
func mutated(name, value, how string) string {
	flip := func(i int) string {
		other := "A"
		if value[i] == 'A' {
			other = "B"
		}
		return value[:i] + other + value[i+1:]
	}
	switch how {
	case "flip_payload":
		value = flip(min(3, len(value)-1))
	case "flip_sig":
		value = flip(len(value) - 6)
	case "strip_sig":
		value = value[:strings.LastIndexByte(value, '.')]
	case "truncate":
		value = value[:len(value)/2]
	case "append":
		value += "AAAA"
	case "empty":
		value = ""
	case "upper":
		value = strings.Map(swapCase, value)
	case "dup_bad_first":
		return name + "=garbage.x.y; " + name + "=" + value
	}
	return name + "=" + value
}

func swapCase(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z':
		return r - 32
	case 'A' <= r && r <= 'Z':
		return r + 32
	}
	return r
}
