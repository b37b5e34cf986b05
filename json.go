package carafe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
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
	// FlaskTypes writes what Flask would: time.Time as an HTTP date in GMT, and the fields of structs sorted by name. It costs
	// a copy of the value.
	FlaskTypes bool
	// Type is the Content-Type of responses; "" means application/json. Flask: DefaultJSONProvider.mimetype.
	Type string
	// MaxDepth is how deeply arrays and objects of a client may be nested; 0 means 500, negative no limit but
	// encoding/json's, 10,000.
	MaxDepth int
	// MaxSize is how many bytes of a client's JSON are decoded; 0 means no limit but that of the body.
	MaxSize int

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

func takeJSONBuffer() *jsonBuffer { return jsonBuffers.Get().(*jsonBuffer) }

// release gives the buffer back; a rare large one is not kept for ever.
func (b *jsonBuffer) release() {
	if b.Cap() <= 64<<10 {
		b.Reset()
		jsonBuffers.Put(b)
	}
}

// Marshal encodes v.
func (p *StdJSON) Marshal(v any) ([]byte, error) {
	b := takeJSONBuffer()
	defer b.release()
	data, err := p.encode(b, v)
	return bytes.Clone(data), err
}

// encode is Marshal into b, which what it returns may be a part of.
func (p *StdJSON) encode(b *jsonBuffer, v any) ([]byte, error) {
	if p.Indent || !p.Dense && p.debug != nil && *p.debug {
		b.encoder.SetIndent("", "  ")
		defer b.encoder.SetIndent("", "")
	}
	if p.FlaskTypes {
		v = flaskValue(reflect.ValueOf(v))
	}
	if err := b.encoder.Encode(v); err != nil {
		return nil, err
	}
	if p.UTF8 {
		return b.Bytes(), nil
	}
	return escapeNonASCII(b.Bytes()), nil
}

// Unmarshal decodes data into dst. It must be one document in UTF-8, perhaps with a byte order mark, and within
// MaxDepth and MaxSize.
//
// Unlike Flask's json.loads it refuses UTF-16 and UTF-32, and NaN and the infinities; text that is nested too deeply is
// an error like any other.
func (p *StdJSON) Unmarshal(data []byte, dst any) error {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	depth := p.MaxDepth
	if depth == 0 {
		depth = 500
	}
	switch {
	case p.MaxSize > 0 && len(data) > p.MaxSize:
		return fmt.Errorf("the text has more than %d bytes", p.MaxSize)
	case !utf8.Valid(data): // encoding/json would put U+FFFD in its place
		return errors.New("the text is not UTF-8")
	case depth > 0 && jsonDepth(data, depth) > depth:
		return fmt.Errorf("the text is nested more than %d deep", depth)
	}
	return json.Unmarshal(data, dst)
}

// jsonDepth is how deeply JSON text is nested. It stops counting above enough.
func jsonDepth(data []byte, enough int) int {
	deepest, depth := 0, 0
	for i := 0; i < len(data) && deepest <= enough; i++ {
		switch data[i] {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		}
	}
	return deepest
}

// MarshalTo writes v to w as Marshal does. Source: DefaultJSONProvider.dump.
func (p *StdJSON) MarshalTo(w io.Writer, v any) error {
	b := takeJSONBuffer()
	defer b.release()
	data, err := p.encode(b, v)
	if err == nil {
		_, err = w.Write(data)
	}
	return err
}

// UnmarshalFrom reads all of r and decodes it into dst. Source: DefaultJSONProvider.load.
func (p *StdJSON) UnmarshalFrom(r io.Reader, dst any) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return p.Unmarshal(data, dst)
}

// JSONType is the Content-Type of responses.
func (p *StdJSON) JSONType() string {
	if p.Type != "" {
		return p.Type
	}
	return typeJSON
}

// jsonType is what the app's provider calls its JSON, if it says so.
func (a *App) jsonType() string {
	if p, ok := a.JSON.(interface{ JSONType() string }); ok {
		return p.JSONType()
	}
	return typeJSON
}

const hexDigits = "0123456789abcdef"

// escapeNonASCII is JSON text with every character beyond ASCII as \uXXXX, in pairs above U+FFFF: src itself if it has
// none. In valid JSON they only stand in strings.
func escapeNonASCII(src []byte) []byte {
	extra := 0
	for _, b := range src {
		if b >= utf8.RuneSelf {
			extra += 5
		}
	}
	if extra == 0 {
		return src
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
