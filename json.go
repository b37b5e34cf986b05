package carafe

import (
	"bytes"
	"encoding/json"
	"sync"
	"unicode/utf8"
)

// A JSONProvider encodes and decodes JSON for requests, responses and sessions. It is used by many
// goroutines at once.
//
// Source: flask.json.provider.JSONProvider.
type JSONProvider interface {
	// Marshal is the body of a response: JSON and a final newline.
	Marshal(v any) ([]byte, error)
	// Unmarshal decodes one JSON document into what dst points to.
	Unmarshal(data []byte, dst any) error
}

// StdJSON is the provider that stands on encoding/json. The zero value writes what Flask's default does: compact
// (indented by two in debug mode), ASCII only, map keys sorted. Unlike Flask's it writes time.Time as RFC 3339, and
// refuses NaN and the infinities, which JSON has no number for.
//
// Source: flask.json.provider.DefaultJSONProvider.
type StdJSON struct {
	UTF8   bool // write characters beyond ASCII as they are (ensure_ascii=False)
	Indent bool // indent by two even outside of debug mode (compact=False)
	Dense  bool // do not indent in debug mode either (compact=True)

	debug *bool // the app's
}

// jsonBuffers are encoders with their buffers; nobody outside of Marshal sees one.
var jsonBuffers = sync.Pool{New: func() any {
	b := &jsonBuffer{}
	b.encoder = json.NewEncoder(&b.Buffer)
	b.encoder.SetEscapeHTML(false)
	return b
}}

type jsonBuffer struct {
	bytes.Buffer
	encoder *json.Encoder
}

// Marshal encodes v.
func (p *StdJSON) Marshal(v any) ([]byte, error) {
	b := jsonBuffers.Get().(*jsonBuffer)
	defer func() {
		if b.Cap() <= 64<<10 { // a rare large answer is not kept for ever
			b.Reset()
			jsonBuffers.Put(b)
		}
	}()
	if p.Indent || !p.Dense && p.debug != nil && *p.debug {
		b.encoder.SetIndent("", "  ")
		defer b.encoder.SetIndent("", "")
	}
	if err := b.encoder.Encode(v); err != nil {
		return nil, err
	}
	if p.UTF8 {
		return bytes.Clone(b.Bytes()), nil
	}
	return escapeNonASCII(b.Bytes()), nil
}

// Unmarshal decodes data into dst.
func (p *StdJSON) Unmarshal(data []byte, dst any) error { return json.Unmarshal(data, dst) }

const hexDigits = "0123456789abcdef"

// escapeNonASCII copies JSON text with every character beyond ASCII as \uXXXX, in pairs above U+FFFF. In
// valid JSON they only stand in strings.
func escapeNonASCII(src []byte) []byte {
	extra := 0
	for _, b := range src {
		if b >= utf8.RuneSelf {
			extra += 5
		}
	}
	if extra == 0 { // most answers
		return bytes.Clone(src)
	}
	dst := make([]byte, 0, len(src)+extra)
	for i := 0; i < len(src); {
		if src[i] < utf8.RuneSelf {
			dst = append(dst, src[i])
			i++
			continue
		}
		r, size := utf8.DecodeRune(src[i:])
		i += size
		if r > 0xffff {
			r -= 0x10000
			dst = appendUnicode(dst, 0xd800+r>>10)
			r = 0xdc00 + r&0x3ff
		}
		dst = appendUnicode(dst, r)
	}
	return dst
}

func appendUnicode(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
