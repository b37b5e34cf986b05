package signing

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"hash"
	"sync"
)

// A Signer signs texts: "value.signature". Safe for concurrent use.
//
// Source: itsdangerous.Signer; its NoneAlgorithm, which signs nothing, is left out.
type Signer struct {
	core core
}

// NewSigner panics with the error of opts.Check.
func NewSigner(opts Options) *Signer {
	return &Signer{newCore(opts.settled("itsdangerous.Signer", DjangoConcat, nil))}
}

// Sign returns value with its signature.
func (s *Signer) Sign(value string) string {
	w := takeWork()
	defer w.release()
	w.text = append(w.text, value...)
	w.text = s.core.sign(w.text)
	return string(w.text)
}

// Unsign returns the value of a signed text. The error is a *BadSignature.
func (s *Signer) Unsign(text string) (string, error) {
	w := takeWork()
	defer w.release()
	w.text = append(w.text, text...)
	value, err := s.core.unsign(w)
	if err != nil {
		return "", err
	}
	return string(value), nil
}

// core is what all signers and serializers share: the keys, derived once.
type core struct {
	separator []byte
	macs      []*mac // the first signs
}

func newCore(o Options) core {
	c := core{separator: []byte(o.Separator)}
	for _, scheme := range append([]Scheme{o.Scheme}, o.Fallbacks...) {
		for _, key := range o.Keys {
			c.macs = append(c.macs, newMAC(scheme, scheme.derive(key, o.Salt)))
		}
	}
	return c
}

// sign appends the separator and the signature of text to text.
func (c *core) sign(text []byte) []byte {
	m := c.macs[0]
	h := m.take(text)
	text = append(text, c.separator...)
	text = base64.RawURLEncoding.AppendEncode(text, h.sum)
	m.pool.Put(h)
	return text
}

// unsign returns the part of w.text that is signed. The error is a *BadSignature.
//
// The keys are tried newest first, and how many were tried shows in the time; which bytes of a
// signature are right does not.
func (c *core) unsign(w *work) ([]byte, error) {
	at := bytes.LastIndex(w.text, c.separator)
	if at < 0 {
		return nil, &BadSignature{Message: "there is no separator in the text"}
	}
	value, text := w.text[:at], w.text[at+len(c.separator):]
	signature, err := decodeURLSafe(w.small[:0], text)
	w.small = signature[:0]
	if err == nil {
		for _, m := range c.macs {
			if m.verify(value, signature) {
				return value, nil
			}
		}
	}
	return nil, &BadSignature{Message: "the signature does not match", Payload: string(value)}
}

// A mac is one derived key. Hashers are pooled with the key's blocks already hashed in, which halves
// the work on the short texts of cookies.
type mac struct {
	pool sync.Pool // of *hasher
}

type hasher struct {
	hash.Hash
	sum []byte
}

func newMAC(scheme Scheme, key []byte) *mac {
	m := &mac{}
	m.pool.New = func() any { return &hasher{Hash: hmac.New(scheme.Hash, key)} }
	return m
}

// take returns a hasher whose sum is that of text; the caller puts it back.
func (m *mac) take(text []byte) *hasher {
	h := m.pool.Get().(*hasher)
	h.Reset()
	h.Write(text)
	h.sum = h.Sum(h.sum[:0])
	return h
}

func (m *mac) verify(text, signature []byte) bool {
	h := m.take(text)
	defer m.pool.Put(h)
	return hmac.Equal(h.sum, signature)
}

// work is the scratch space of one call: nothing that is returned points into it.
type work struct {
	text    []byte // the signed text
	payload []byte // the JSON
	small   []byte // base64 decoded, or deflated
}

var works = sync.Pool{New: func() any { return new(work) }}

func takeWork() *work { return works.Get().(*work) }

func (w *work) release() {
	// One giant token must not keep its memory for as long as the process lives.
	const keep = 64 << 10
	if cap(w.text)+cap(w.payload)+cap(w.small) > keep {
		return
	}
	w.text, w.payload, w.small = w.text[:0], w.payload[:0], w.small[:0]
	works.Put(w)
}
