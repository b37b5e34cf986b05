package wire_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/carafeweb/carafe/wire"
)

// readParts is a multipart body as one reads it: name, filename and data of each part.
func readParts(body io.Reader, boundary string) (parts [][3]string, err error) {
	m, err := wire.NewMultipart(body, boundary, 1000)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	for {
		p, err := m.Next()
		if err == io.EOF {
			return parts, nil
		}
		if err != nil {
			return parts, err
		}
		data, err := io.ReadAll(p)
		if err != nil {
			return parts, err
		}
		parts = append(parts, [3]string{p.Name, p.Filename, string(data)})
	}
}

func equalParts(a, b [][3]string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// FuzzMultipart: however a body arrives, it is read alike, and nothing but the known errors comes out.
func FuzzMultipart(f *testing.F) {
	const head = "--B\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\n"
	for _, s := range []string{
		"", "--B--", head + "x\r\n--B--\r\n", head + "\r\n--B--", "--B\nContent-Disposition: form-data; name=a\n\n1\n--B--\n", head + "\r\n--Bx\r\n--B \t\r\n", head + "x\r\n--",
		head + "\r\n\r\r\n\n--B--", "x--B\r\rContent-Disposition: x; name=\"%22\"\r\r\r\r--B--", head + strings.Repeat("\r\n--", 50) + "\r\n--B--",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		whole, err := readParts(bytes.NewReader(body), "B")
		var malformed *wire.MalformedError
		if err != nil && !errors.As(err, &malformed) && !errors.Is(err, wire.ErrHeaderTooLarge) && !errors.Is(err, wire.ErrTooManyParts) {
			t.Fatalf("error %v", err)
		}
		slow, slowErr := readParts(iotest.OneByteReader(bytes.NewReader(body)), "B")
		if (err == nil) != (slowErr == nil) || err == nil && !equalParts(whole, slow) {
			t.Errorf("at once: %q %v, byte by byte: %q %v", whole, err, slow, slowErr)
		}
	})
}

// FuzzCookies: names are never empty, text is always valid after unescaping, and what SetCookie writes comes back.
func FuzzCookies(f *testing.F) {
	for _, s := range []string{"a=1; b=2", `a="\073\"`, "=x;;a", `a="1;2"x`, "\xff=\xfe", `a="` + strings.Repeat(`\`, 20)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		n := 0
		for name := range wire.Cookies(line) {
			if n++; name == "" || strings.ContainsAny(name, "=;") {
				t.Errorf("a cookie %q in %q", name, line)
			}
		}
		if n > strings.Count(line, ";")+1 {
			t.Errorf("%d cookies in %q", n, line)
		}
	})
}

// FuzzRange: spans are ordered within themselves, and several functions agree on what a range is.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-4", "bytes=-5", "bytes=5-,0-1", "bytes=99999999999999999999-", "x=1-2", "bytes=0-9223372036854775807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, field string) {
		r, ok := wire.ParseRange(field, false)
		for _, s := range r.Spans {
			if !s.Open && (s.Start < 0 || s.End <= s.Start) {
				t.Errorf("%q has the span %+v", field, s)
			}
		}
		if _, ordered := wire.ParseRange(field, true); ordered && !ok {
			t.Errorf("%q is a range in order only", field)
		}
		if c, ok := wire.ParseContentRange(field); ok && c.Start >= 0 {
			if again, ok := wire.ParseContentRange(c.String()); !ok || again != c {
				t.Errorf("%q is %+v, and written again %+v", field, c, again)
			}
		}
	})
}

// FuzzAccept: preferences are between 0 and 1, and the best offer is one of them.
func FuzzAccept(f *testing.F) {
	for _, s := range []string{"text/html;q=0.5, */*", "*", "a;q=-0", ";;,,", `"a,b";q=1`, "en-US,en;q=0.5", "text/html;level=1;q=1.0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, field string) {
		for kind := wire.Plain; kind <= wire.Charsets; kind++ {
			a := wire.ParseAccept(kind, field)
			for _, p := range a.Preferences {
				if p.Quality < 0 || p.Quality > 1 {
					t.Errorf("%q has %+v", field, p)
				}
			}
			best, err := a.BestOf("text/html", "application/json")
			if err != nil || best != "" && best != "text/html" && best != "application/json" {
				t.Errorf("the best of %q is %q, error %v", field, best, err)
			}
		}
	})
}

// FuzzHeaders: what is quoted is unquoted again, and nothing panics on the rest.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{`a; b="c\"d"; e*=UTF-8''%C3%A9`, `W/"a", "b"`, `Digest a=b, c="d"`, "Basic dTpw", "a=1&b=%ff", "a*0=x; a*1=y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, field string) {
		if got := wire.Unquote(wire.QuoteAlways(field)); got != field && !strings.Contains(field, "\n") {
			t.Errorf("%q came back as %q", field, got)
		}
		wire.ParseOptions(field)
		wire.ParseDict(field)
		wire.ParseETags(field)
		wire.ParseAuthorization(field)
		for name, value := range wire.FormPairs(field) {
			if !utf8.ValidString(name) || !utf8.ValidString(value) {
				t.Errorf("%q gives the pair %q, %q", field, name, value)
			}
		}
		if name := wire.SecureFilename(field, true); strings.ContainsAny(name, `/\:`) || wire.IsDevice(name) {
			t.Errorf("the secure name of %q is %q", field, name)
		}
		if joined, ok := wire.SafeJoin(true, "/srv", field); ok && (strings.Contains(joined, "/../") || strings.HasSuffix(joined, "/..") || strings.ContainsAny(joined[4:], "\x00\\:")) {
			t.Errorf("%q joins to %q", field, joined)
		}
	})
}
