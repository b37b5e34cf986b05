package gateway

import (
	"log"
	"net/http"
	"strings"
)

// headerKey is the environ's key for a header: "HTTP_" and the name in upper case with "_" for "-", or "" for a header
// that has none (see Environ). Content-Type has its own name; Content-Length comes from the request's parsed length.
func headerKey(name string) string {
	if key, ok := commonKeys[name]; ok {
		return key
	}
	if strings.Contains(name, "_") {
		return ""
	}
	key := make([]byte, 0, len("HTTP_")+len(name))
	key = append(key, "HTTP_"...)
	for i := range len(name) {
		key = append(key, keyByte(name[i]))
	}
	return string(key)
}

func keyByte(c byte) byte {
	switch {
	case c == '-':
		return '_'
	case 'a' <= c && c <= 'z':
		return c - ('a' - 'A')
	}
	return c
}

// headerName is headerKey's inverse, in canonical form: "" for a key that is no header's.
func headerName(key string) string {
	switch key {
	case "CONTENT_TYPE":
		return "Content-Type"
	case "CONTENT_LENGTH":
		return "Content-Length"
	}
	name, ok := strings.CutPrefix(key, "HTTP_")
	if !ok {
		return ""
	}
	return http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
}

// commonKeys saves the making of a key for the headers that browsers, proxies and API clients send: one allocation
// for each of about a dozen headers of every request.
var commonKeys = makeCommonKeys(
	"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Access-Control-Request-Headers",
	"Access-Control-Request-Method", "Authorization", "Cache-Control", "Connection", "Content-Encoding", "Cookie",
	"Dnt", "Expect", "Forwarded", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since",
	"Keep-Alive", "Origin", "Pragma", "Priority", "Range", "Referer", "Sec-Ch-Ua", "Sec-Ch-Ua-Mobile",
	"Sec-Ch-Ua-Platform", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Te", "Traceparent",
	"Tracestate", "Upgrade", "Upgrade-Insecure-Requests", "User-Agent", "Via", "X-Csrf-Token", "X-Forwarded-For",
	"X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Real-Ip", "X-Request-Id",
	"X-Requested-With",
)

func makeCommonKeys(names ...string) map[string]string {
	keys := make(map[string]string, len(names)+3)
	for _, name := range names {
		keys[name] = "HTTP_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	}
	keys["Content-Type"] = "CONTENT_TYPE"
	keys["Content-Length"] = ""
	keys["Proxy"] = ""
	return keys
}

// logWriter makes an io.Writer of a logger: one line of log for each write.
type logWriter struct{ log *log.Logger }

func (l logWriter) Write(p []byte) (int, error) {
	l.log.Print(string(p))
	return len(p), nil
}
