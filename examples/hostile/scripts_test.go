package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// script is a case that is told rather than written down.
func (r *run) script(s *step) []string {
	switch s.Script {
	case "retain", "retainctx":
		return r.retain(s.Script)
	case "crosstalk":
		return r.crosstalk(100, 30)
	}
	return []string{"this test does not know the script " + s.Script}
}

// ask asks on a connection that is kept.
func ask(client *http.Client, address string) (string, error) {
	resp, err := client.Get(address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return string(data), err
}

func keptAlive() *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
}

// retain keeps something of a request, and has other requests try to overwrite it.
func (r *run) retain(kind string) (faults []string) {
	for k := range 5 {
		id, value := fmt.Sprint(kind, k), fmt.Sprint("victim-value-0123456789-abcdef", k)
		client := keptAlive()
		base := "http://" + r.addr
		if _, err := ask(client, fmt.Sprintf("%s/%s/%s?id=%s", base, kind, value, id)); err != nil {
			return append(faults, err.Error())
		}
		var group sync.WaitGroup
		end := time.Now().Add(600 * time.Millisecond)
		for i := range 4 {
			other := client // whose connection the victim came on
			if i > 0 {
				other = keptAlive()
			}
			group.Go(func() {
				for n := 0; time.Now().Before(end); n++ {
					_, _ = ask(other, fmt.Sprintf("%s/hello/attack-value-%010d-zzzzzz", base, n))
				}
				other.CloseIdleConnections()
			})
		}
		group.Wait()
		var got string
		eventually(10*time.Second, func() bool { got, _ = r.get("/retained?id="+id, 5*time.Second); return got != "" })
		if got != value {
			faults = append(faults, fmt.Sprintf("%q became %q", value, got))
		}
	}
	return faults
}

// crosstalk has many connections ask for what only they know.
func (r *run) crosstalk(connections, each int) (faults []string) {
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range connections {
		group.Go(func() {
			client := keptAlive()
			defer client.CloseIdleConnections()
			for n := range each {
				want := fmt.Sprintf("id-%d-%d", i, n)
				if got, err := ask(client, "http://"+r.addr+"/hello/"+want); got != want {
					mu.Lock()
					faults = append(faults, fmt.Sprintf("%s was answered %q, %v", want, got, err))
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	return faults
}

// bulk is a case over a corpus. The runner outside takes other people's; these are ours, of the same kinds.
func (r *run) bulk(kind string) (faults []string) {
	send := func(label string, s step) {
		ex := s.do(r.addr, "")
		j := newJudge(r.c, r.addr, nil, []*exchange{ex})
		if r.want.has("bulk_status") && !r.want.codes("bulk_status", j.status) ||
			r.want.has("bulk_status_not") && (j.status == "timeout" || r.want.codes("bulk_status_not", j.status)) {
			faults = append(faults, fmt.Sprintf("%s: status %s", label, j.status))
		}
	}
	if kind == "blns" {
		for _, text := range naughty {
			for place, s := range placed(text) {
				send(fmt.Sprintf("%s %q", place, text), s)
			}
		}
		return faults
	}
	texts, ok := jsonTexts[kind[len(kind)-1]]
	if !ok {
		return []string{"this test does not know the corpus " + kind}
	}
	for _, text := range texts {
		send(fmt.Sprintf("%q", text), request("POST", "/json", text, "Content-Type", "application/json"))
	}
	return faults
}

// bytesAsLatin1 is how the catalogue writes bytes.
func bytesAsLatin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

func request(method, target, body string, header ...string) (s step) {
	in := map[string]any{"method": method, "target": target}
	if len(header) > 0 {
		in["headers"] = [][2]string{{header[0], header[1]}}
	}
	if method == "POST" {
		in["body"] = []string{bytesAsLatin1(body)}
	}
	data, err := json.Marshal(map[string]any{"req": in})
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		panic(err)
	}
	return s
}

// placed is a text in each place of a request.
func placed(text string) map[string]step {
	escaped := strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
	line := bytesAsLatin1(strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, text))
	document, _ := json.Marshal(text)
	return map[string]step{
		"path":   request("GET", "/hello/"+escaped, ""),
		"query":  request("GET", "/q?x="+escaped, ""),
		"header": request("GET", "/xin", "", "X-In", line),
		"cookie": request("GET", "/cookies", "", "Cookie", "a="+line),
		"form":   request("POST", "/form", text, "Content-Type", "application/x-www-form-urlencoded"),
		"json":   request("POST", "/json", string(document), "Content-Type", "application/json"),
	}
}

// jsonTexts are to be taken (y), refused (n), or either (i).
var jsonTexts = map[byte][]string{
	'y': {
		"null", "true", "false", "0", "-0", "-1", "1.5", "1e2", "1E+2", "1e-2", "-0.0", "123456789012345678901234567890", "0e1",
		`""`, `"a"`, `"\u0041"`, `"\ud83d\ude00"`, `"\"\\\/\b\f\n\r\t"`, "\"\u2028\u2029\"", "\"\x7f\"", `"\u0000"`, "\"\U0010ffff\"",
		"[]", "[ ]", "[[]]", `[1,"a",null,true,{"b":[]}]`, "{}", `{"":0}`, `{"a":{"b":{"c":1}}}`, `{"a":1,"b":2}`, " [] ", "\t[\n]\r", `{"a\u0000b":1}`,
	},
	'n': {
		"", " ", "nul", "True", "nan", "NaN", "Infinity", "-Infinity", "-", "+1", "01", "-01", "1.", ".5", "1.e1", "1e", "1e+", "0x10", "1_000", "1a", "--1",
		`"`, `"a`, `'a'`, `"\x41"`, `"\u00"`, `"\u"`, `"\`, "\"\n\"", "\"\t\"", "\"\x00\"", "[", "]", "[1", "[1,", "[,1]", "[1,]", "[1 2]", "[1,,2]", "[a]", `["a"`,
		"{", "}", `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{,}`, `{"a" 1}`, `{a:1}`, `{1:1}`, `{"a":1 "b":2}`, "[]]", "{}}", "1 2", "null x", `{"a":1}#`,
		"/**/1", "[1]//x", "\ufeff1x", "\xff", "\xe9", "[1}", "{]", "<null>", "undefined", strings.Repeat("[", 20000), strings.Repeat(`{"a":`, 20000),
	},
	'i': {
		"1e9999", "-1e9999", "1e-9999", "1" + strings.Repeat("0", 400), `"\ud800"`, `"\udc00"`, `"\ud800\ud800"`, "\"\xff\"", "\"\xed\xa0\x80\"", "\"\xc0\xaf\"",
		"\ufeff{}", "{\x00}\x00", strings.Repeat("[", 500) + strings.Repeat("]", 500), `{"a":1,"a":2}`, "0." + strings.Repeat("1", 5000),
	},
}

// naughty are texts on which programs have broken.
var naughty = []string{
	"undefined", "null", "NULL", "(null)", "nil", "NaN", "True", "0", "-1", "1/0", "9223372036854775808", "0x0", "1e309", "١٢٣", "ⅷ",
	"../../etc/passwd", `..\..\windows`, "%00", "\x00", "\x01\x02\x1b[31m", "\x7f", "\u0085", "\u2028", "\ufeff", "\u202ereversed", "a\u0300\u0301\u0302", "ﷺ", "\U0001f468\u200d\U0001f469",
	"\xff\xfe", "\xc0\xaf", "\xed\xa0\x80", "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "javascript:alert(1)", "'; DROP TABLE users; --", "1 OR 1=1",
	"{{ 7*7 }}", "{% raw %}", "${7*7}", "<%= 1 %>", "#{1}", "%s%n%x", "%d%%", "$(reboot)", "`id`", "| cat", "; ls", "&&", "a&b=c;d", "a=b=c", "+", " ", "\t", "\r\nX-Evil: 1",
	"CON", "nul.txt", ".", "..", "/", "//", "\\", "~", "*", "?", "#", "%", "%%", "%2", "%zz", "[", "]", "[0]", "a[b]", "a.b", "__proto__", "constructor", "hasOwnProperty",
	strings.Repeat("a", 3000), strings.Repeat("é", 500), "\u200b", "İ", "ß", "ſ", "K", "Σς",
}
