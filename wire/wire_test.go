package wire_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/carafeweb/carafe/wire"
)

func TestMultipartArrivesInAnyPieces(t *testing.T) {
	const head = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"
	tests := []struct {
		name, body string
		want       []string // data of the parts; nil means malformed
	}{
		{"one part", head + "x\r\n--B--\r\n", []string{"x"}},
		{"nothing in it", head + "\r\n--B--\r\n", []string{""}},
		{"nothing in it, and no line for it", head + "--B--\r\n", []string{""}},
		{"no parts", "--B--", []string{}},
		{"a preamble and an epilogue", "hello\r\n" + head + "x\r\n--B--\r\nbye", []string{"x"}},
		{"line feeds", "--B\nContent-Disposition: form-data; name=a\n\n1\n--B\nContent-Disposition: form-data; name=a\n\n2\n--B--", []string{"1", "2"}},
		{"carriage returns", "--B\rContent-Disposition: form-data; name=a\r\r1\r--B--", []string{"1"}},
		{"blanks behind a boundary", head + "1\r\n--B \t\r\nContent-Disposition: form-data; name=a\r\n\r\n2\r\n--B-- \r\n", []string{"1", "2"}},
		{"what only looks like a boundary", head + "x\r\n--Bx\r\n--b\r\n-- B\r\n--B-x\r\n--B--", []string{"x\r\n--Bx\r\n--b\r\n-- B\r\n--B-x"}},
		{"a boundary within a line", head + "x--B--\r\ny\r\n--B--", []string{"x--B--\r\ny"}},
		{"line breaks at the end of the data", head + "x\r\n\n\r\r\n--B--", []string{"x\r\n\n\r"}},
		{"no end", head + "x\r\n", nil},
		{"no end of the header", "--B\r\nContent-Disp", nil},
		{"no header", "--B\r\n\r\nx\r\n--B--", nil},
		{"no name", "--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--", nil},
		{"no boundary at all", "x", nil},
		{"nothing", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for how, r := range map[string]func() ([][3]string, error){
				"at once":      func() ([][3]string, error) { return readParts(strings.NewReader(tt.body), "B") },
				"byte by byte": func() ([][3]string, error) { return readParts(iotest.OneByteReader(strings.NewReader(tt.body)), "B") },
				"with its end": func() ([][3]string, error) { return readParts(iotest.DataErrReader(strings.NewReader(tt.body)), "B") },
			} {
				parts, err := r()
				var got []string
				for _, p := range parts {
					got = append(got, p[2])
				}
				if (err == nil) != (tt.want != nil) || err == nil && fmt.Sprintf("%q", got) != fmt.Sprintf("%q", tt.want) {
					t.Errorf("%s: %q, error %v, want %q", how, got, err, tt.want)
				}
			}
		})
	}
}

func TestMultipartPassesTheReadersErrorOn(t *testing.T) {
	broken := errors.New("broken")
	_, err := readParts(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("--B\r\nContent"))), "B")
	if !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("error %v, want the reader's", err)
	}
	if _, err := readParts(iotest.ErrReader(broken), "B"); !errors.Is(err, broken) {
		t.Errorf("error %v, want the reader's", err)
	}
}

func TestHostileHeadersTakeLinearTime(t *testing.T) {
	const n = 300_000
	start := time.Now()
	wire.ParseETags(strings.Repeat(`W/"`, n))
	wire.ParseETags(strings.Repeat(`"a" x,`, n))
	wire.ParseETags(strings.Repeat(`"a", `, n))
	wire.ParseOptions("a" + strings.Repeat(`;b="`, n))
	wire.ParseOptions("a" + strings.Repeat(`;b=c`, n))
	wire.ParseDict(strings.Repeat(`a=b,`, n))
	wire.ParseAccept(wire.MediaTypes, strings.Repeat(`a/b;q=0.1,`, n))
	wire.ParseRange("bytes="+strings.Repeat("0-1,", n), false)
	for range wire.Cookies(strings.Repeat(`a="\`, n)) {
		continue
	}
	for range wire.Cookies(strings.Repeat(`a="b;`, n)) {
		continue
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("headers of a megabyte each took %v", took)
	}
}

func TestDevicesOfWindows(t *testing.T) {
	for _, name := range []string{"CON", "con.txt", "NUL ", "aux.tar.gz", "COM1", "LPT9.", "PRN::$DATA", "COM¹", "CONIN$", "nul:"} {
		if !wire.IsDevice(name) {
			t.Errorf("%q is taken for a file", name)
		}
		if joined, ok := wire.SafeJoin(true, "/srv", "sub/"+name); ok {
			t.Errorf("%q was joined to %q", name, joined)
		}
	}
	for _, name := range []string{"console", "com", "com10", "nullable.txt", "lpt", ""} {
		if wire.IsDevice(name) {
			t.Errorf("%q is taken for a device", name)
		}
	}
}

func TestSafeJoin(t *testing.T) {
	tests := []struct {
		name, part  string
		unix, windo string // "" means refused
	}{
		{"dots", "../x", "", ""},
		{"an absolute path", "/x", "", ""},
		{"dots within", "a/../../x", "", ""},
		{"nothing", "", "/srv", "/srv"},
		{"the folder itself", ".", "/srv/.", "/srv/."},
		{"a NUL", "a\x00b", "", ""},
		{"backslashes", `a\..\..\x`, `/srv/a\..\..\x`, ""},
		{"a network path", "//host/share", "", ""},
		{"a network path with backslashes", `\\host\share`, `/srv/\\host\share`, ""},
		{"a drive", `C:\x`, `/srv/C:\x`, ""},
		{"a relative drive", "c:x", "/srv/c:x", ""},
		{"a file", "a//b/./c", "/srv/a/b/c", "/srv/a/b/c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for windows, want := range map[bool]string{false: tt.unix, true: tt.windo} {
				if got, ok := wire.SafeJoin(windows, "/srv", tt.part); got != want || ok != (want != "") {
					t.Errorf("windows %t: %q joins to %q, %t, want %q", windows, tt.part, got, ok, want)
				}
			}
		})
	}
}

func ExampleParseAccept() {
	accept := wire.ParseAccept(wire.MediaTypes, "text/html;q=0.5, application/json, */*;q=0.1")
	fmt.Println(accept.First())
	fmt.Println(accept.Best("text/html", "text/plain"))
	// Output:
	// application/json
	// text/html
}

func ExampleParseOptions() {
	value, params := wire.ParseOptions(`attachment; filename="plain.txt"; filename*=UTF-8''na%C3%AFve.txt`)
	name, _ := params.Get("filename")
	fmt.Println(value, name)
	// Output: attachment naïve.txt
}

func ExampleMultipart() {
	body := strings.NewReader("--B\r\nContent-Disposition: form-data; name=\"greeting\"\r\n\r\nhello\r\n--B--\r\n")
	m, err := wire.NewMultipart(body, "B", 10)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	for {
		part, err := m.Next()
		if err != nil {
			break
		}
		var text strings.Builder
		_, _ = part.WriteTo(&text)
		fmt.Println(part.Name, "is", text.String())
	}
	// Output: greeting is hello
}
