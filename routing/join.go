package routing

import "strings"

// A splitURL is the five components of a URL, undecoded.
type splitURL struct{ scheme, host, path, query, fragment string }

// split takes a URL apart; parts that are missing are "".
func split(url string) splitURL {
	var s splitURL
	url = strings.TrimLeftFunc(url, func(r rune) bool { return r <= ' ' })
	url = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(url)
	if i := strings.IndexByte(url, ':'); i > 0 && isScheme(url[:i]) {
		s.scheme, url = strings.ToLower(url[:i]), url[i+1:]
	}
	if strings.HasPrefix(url, "//") {
		end := strings.IndexAny(url[2:], "/?#")
		if end < 0 {
			end = len(url) - 2
		}
		s.host, url = url[2:2+end], url[2+end:]
	}
	url, s.fragment, _ = strings.Cut(url, "#")
	s.path, s.query, _ = strings.Cut(url, "?")
	return s
}

func isScheme(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && (i == 0 || (!isDigit(c) && c != '+' && c != '-' && c != '.')) {
			return false
		}
	}
	return true
}

func (s splitURL) String() string {
	url := s.path
	if s.host != "" {
		if url != "" && url[0] != '/' {
			url = "/" + url
		}
		url = "//" + s.host + url
	}
	if s.scheme != "" {
		url = s.scheme + ":" + url
	}
	if s.query != "" {
		url += "?" + s.query
	}
	if s.fragment != "" {
		url += "#" + s.fragment
	}
	return url
}

// joinURL resolves url against an absolute base as a browser does, and drops doubled slashes
// from a relative path.
//
// Source: urllib.parse.urljoin.
func joinURL(base, url string) string {
	if url == "" {
		return base
	}
	b, u := split(base), split(url)
	if u.scheme != "" && u.scheme != b.scheme {
		return url
	}
	u.scheme = b.scheme
	if u.host != "" {
		return u.String()
	}
	u.host = b.host
	if u.path == "" {
		u.path = b.path
		if u.query == "" {
			u.query = b.query
		}
		return u.String()
	}
	u.path = joinPath(b.path, u.path)
	return u.String()
}

func joinPath(base, path string) string {
	segments := strings.Split(path, "/")
	if path[0] != '/' {
		root := strings.Split(base, "/")
		if root[len(root)-1] != "" {
			root = root[:len(root)-1]
		}
		segments = withoutEmpty(append(root, segments...))
	}
	var resolved []string
	for _, s := range segments {
		switch {
		case s == ".":
		case s != "..":
			resolved = append(resolved, s)
		case len(resolved) > 0:
			resolved = resolved[:len(resolved)-1]
		}
	}
	if last := segments[len(segments)-1]; last == "." || last == ".." {
		resolved = append(resolved, "")
	}
	if joined := strings.Join(resolved, "/"); joined != "" {
		return joined
	}
	return "/"
}

// withoutEmpty drops empty segments, but for the first and the last.
func withoutEmpty(segments []string) []string {
	kept := segments[:0]
	for i, s := range segments {
		if s != "" || i == 0 || i == len(segments)-1 {
			kept = append(kept, s)
		}
	}
	return kept
}
