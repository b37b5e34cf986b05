package wire

import (
	"path"
	"sort"
	"strings"
	"unicode/utf8"
)

// ASCII is what remains of s in ASCII: letters lose their accents, ligatures and full-width forms are spelt out, everything
// else beyond ASCII is dropped.
//
// Source: unicodedata.normalize("NFKD", s).encode("ascii", "ignore"), as Werkzeug does for file names.
func ASCII(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			b.WriteString(decomposed(r))
		}
	}
	return b.String()
}

// decomposed is what of r's decomposition is ASCII.
func decomposed(r rune) string {
	i := sort.Search(len(asciiRuns), func(i int) bool { return asciiRuns[i].first > r }) - 1
	if i < 0 {
		return ""
	}
	text := asciiRuns[i].text
	for skip := r - asciiRuns[i].first; text != ""; skip-- {
		n, start := 1, 0
		if text[0] < ' ' {
			n, start = int(text[0]), 1
		}
		if skip == 0 {
			return text[start : start+n]
		}
		text = text[start+n:]
	}
	return ""
}

// SecureFilename makes of a name that a client sent one that can be stored: ASCII letters, digits, "_", "-" and "." only, no
// separators, no "." or "_" at the ends. It may come out empty. Names that are devices on Windows get a "_" in front.
//
//	SecureFilename("../../../etc/passwd")  // "etc_passwd"
//	SecureFilename("My cool movie.mov")    // "My_cool_movie.mov"
//	SecureFilename("☃.txt")                // "txt"
//
// Source: werkzeug.utils.secure_filename. windows says whether the rules of that system hold: both
// separators and the devices.
func SecureFilename(name string, windows bool) string {
	name = strings.ReplaceAll(ASCII(name), "/", " ")
	if windows {
		name = strings.ReplaceAll(name, `\`, " ")
	}
	name = strings.Join(strings.FieldsFunc(name, isASCIISpace), "_")
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(alphanumeric+"_.-", r) {
			return r
		}
		return -1
	}, name)
	name = strings.Trim(name, "._")
	if windows && IsDevice(name) {
		return "_" + name
	}
	return name
}

// isASCIISpace is Python's idea of a blank within ASCII.
func isASCIISpace(r rune) bool { return r == ' ' || 0x09 <= r && r <= 0x0d || 0x1c <= r && r <= 0x1f }

// IsDevice says whether Windows would open a device by this name of one path segment, with whatever extension, blanks or
// stream behind it.
//
// Source: CVE-2025-66221, CVE-2026-21860, CVE-2026-27199.
func IsDevice(name string) bool {
	name, _, _ = strings.Cut(name, ".")
	name, _, _ = strings.Cut(name, ":")
	name = strings.ToUpper(strings.TrimSpace(name))
	switch name {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	for _, port := range []string{"COM", "LPT"} {
		if number, ok := strings.CutPrefix(name, port); ok {
			return len(number) == 1 && '0' <= number[0] && number[0] <= '9' || strings.Contains("¹²³", number) && number != ""
		}
	}
	return false
}

// SafeJoin joins a folder with parts of a path that are not trusted; ok is false if one of them would lead out of it: it is
// absolute, begins with "..", has a NUL, or under windows' rules a backslash, a drive or a device. The result is text:
// symbolic links are not looked at, and opening it safely takes an os.Root.
//
// Source: werkzeug.security.safe_join. Unlike Flask, a NUL is refused.
func SafeJoin(windows bool, dir string, parts ...string) (joined string, ok bool) {
	if dir == "" {
		dir = "."
	}
	for _, part := range parts {
		if part == "" {
			continue
		}
		if part = cleanPath(part); !isLocal(part, windows) {
			return "", false
		}
		dir = strings.TrimSuffix(dir, "/") + "/" + part
	}
	return dir, true
}

func isLocal(part string, windows bool) bool {
	if strings.HasPrefix(part, "/") || part == ".." || strings.HasPrefix(part, "../") || strings.IndexByte(part, 0) >= 0 {
		return false
	}
	if !windows {
		return true
	}
	if strings.ContainsAny(part, `\:`) {
		return false
	}
	for segment := range strings.SplitSeq(part, "/") {
		if IsDevice(segment) {
			return false
		}
	}
	return true
}

// cleanPath is path.Clean, but for the names that begin with two slashes, which POSIX leaves to the system.
func cleanPath(s string) string {
	if strings.HasPrefix(s, "//") && !strings.HasPrefix(s, "///") {
		return "/" + path.Clean(s)
	}
	return path.Clean(s)
}
