package signing

import (
	"encoding/base64"
	"time"
)

// A Codec turns values into payloads and back. Both methods must be safe for concurrent use.
// TaggedJSON is the one here. A codec with a method Check() error is checked by Options.Check.
type Codec interface {
	// Append appends the payload of v to dst.
	Append(dst []byte, v any) ([]byte, error)
	// Decode reads a payload; nothing it returns may point into data.
	Decode(data []byte) (any, error)
}

// A Serializer turns values into signed texts that carry the time: "payload.time.signature", of
// letters, digits, "-", "_" and "." only. Anyone can read them; nobody without a key can make one.
// Safe for concurrent use.
//
// The payload is base64 of what the codec wrote, deflated behind a leading "." if that is shorter.
// Up to 16000 bytes it is the same as Python's, byte for byte, compressed or not.
//
// Source: itsdangerous.URLSafeTimedSerializer.
type Serializer struct {
	payloads payloads
	core     core
}

// NewSession makes Flask's session serializer: salt "cookie-session", HMAC derivation, SHA-1, tagged
// JSON. Flask and Carafe with the same keys read each other's cookies.
//
// It panics with the error of opts.Check. Source: flask SecureCookieSessionInterface.
func NewSession(opts Options) *Serializer {
	return newSerializer(opts.settled("cookie-session", HMAC, TaggedJSON{}))
}

// NewSerializer makes a serializer for tokens of your own: password reset links, invitations, CSRF.
// Give each use a Salt of its own, or the token of one is good for another.
//
// It panics with the error of opts.Check. Source: itsdangerous.URLSafeTimedSerializer.
func NewSerializer(opts Options) *Serializer {
	return newSerializer(opts.settled("itsdangerous", DjangoConcat, PlainJSON()))
}

func newSerializer(o Options) *Serializer {
	return &Serializer{newPayloads(o), newCore(o)}
}

// Dump returns v as a signed text of the time now, to the second.
//
// The error is the codec's, *UnsupportedValue for JSON; or ErrTooLarge; or that now is before 1970.
func (s *Serializer) Dump(v any, now time.Time) (string, error) {
	w := takeWork()
	defer w.release()
	var err error
	if err = s.payloads.dump(w, v); err != nil {
		return "", err
	}
	if w.text, err = s.core.stamp(w.text, now); err != nil {
		return "", err
	}
	return string(w.text), nil
}

// Load returns the value in a signed text and when it was signed (UTC).
//
// maxAge, whole seconds, is how old it may be at the time now: an age equal to maxAge is still good,
// so zero means within the same second; a negative maxAge refuses everything; Forever asks nothing.
//
// The error is a *BadSignature, or as one of it a *BadTimeSignature or a *SignatureExpired, or else
// a *BadPayload for what is rightly signed and cannot be read; all are ErrBadData.
func (s *Serializer) Load(text string, maxAge time.Duration, now time.Time) (any, time.Time, error) {
	w := takeWork()
	defer w.release()
	w.text = append(w.text, text...)
	value, signed, err := s.core.unstamp(w, maxAge, now)
	if err != nil {
		return nil, time.Time{}, err
	}
	v, err := s.payloads.load(w, value)
	if err != nil {
		return nil, time.Time{}, err
	}
	return v, signed, nil
}

// A TimelessSerializer turns values into signed texts without a time: "payload.signature". They never
// expire. Safe for concurrent use.
//
// Source: itsdangerous.URLSafeSerializer.
type TimelessSerializer struct {
	payloads payloads
	core     core
}

// NewTimelessSerializer panics with the error of opts.Check.
func NewTimelessSerializer(opts Options) *TimelessSerializer {
	o := opts.settled("itsdangerous", DjangoConcat, PlainJSON())
	return &TimelessSerializer{newPayloads(o), newCore(o)}
}

// Dump returns v as a signed text. The error is the codec's, *UnsupportedValue for JSON, or ErrTooLarge.
func (s *TimelessSerializer) Dump(v any) (string, error) {
	w := takeWork()
	defer w.release()
	if err := s.payloads.dump(w, v); err != nil {
		return "", err
	}
	w.text = s.core.sign(w.text)
	return string(w.text), nil
}

// Load returns the value in a signed text. The error is a *BadSignature or a *BadPayload.
func (s *TimelessSerializer) Load(text string) (any, error) {
	w := takeWork()
	defer w.release()
	w.text = append(w.text, text...)
	value, err := s.core.unsign(w)
	if err != nil {
		return nil, err
	}
	return s.payloads.load(w, value)
}

// payloads is the part of a serializer that knows no keys: value to URL-safe text and back.
type payloads struct {
	codec        Codec
	max          int
	uncompressed bool
}

func newPayloads(o Options) payloads {
	return payloads{o.Codec, o.MaxPayload, o.Uncompressed}
}

// dump writes v to w.text. Source: itsdangerous URLSafeSerializerMixin.dump_payload.
func (p *payloads) dump(w *work, v any) error {
	var err error
	if w.payload, err = p.codec.Append(w.payload[:0], v); err != nil {
		return err
	}
	if len(w.payload) > p.max {
		return ErrTooLarge // else nobody, us included, could open it
	}
	data := w.payload
	if !p.uncompressed {
		var shorter bool
		if w.small, shorter = compress(w.small[:0], data); shorter {
			w.text = append(w.text, '.')
			data = w.small
		}
	}
	w.text = base64.RawURLEncoding.AppendEncode(w.text, data)
	return nil
}

// load reads what dump has written. Source: itsdangerous URLSafeSerializerMixin.load_payload.
func (p *payloads) load(w *work, text []byte) (any, error) {
	compressed := len(text) > 0 && text[0] == '.'
	if compressed {
		text = text[1:]
	}
	data, err := decodeURLSafe(w.small[:0], text)
	w.small = data[:0]
	if err != nil {
		return nil, &BadPayload{"the payload is not base64", err}
	}
	if compressed {
		data, err = decompress(w.payload[:0], data, p.max)
		w.payload = data[:0]
		if err != nil {
			return nil, &BadPayload{"the payload cannot be decompressed", err}
		}
	}
	if len(data) > p.max {
		return nil, &BadPayload{"the payload cannot be read", ErrTooLarge}
	}
	v, err := p.codec.Decode(data)
	if err != nil {
		return nil, &BadPayload{"the payload cannot be read", err}
	}
	return v, nil
}
