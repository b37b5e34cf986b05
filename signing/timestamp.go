package signing

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// Forever as a maximum age: the time of signing is not looked at, so that one in the future is
// accepted too. itsdangerous' max_age=None.
const Forever = time.Duration(math.MaxInt64)

// A TimestampSigner signs texts with the time: "value.time.signature". Safe for concurrent use.
//
// Source: itsdangerous.TimestampSigner.
type TimestampSigner struct {
	core core
}

// NewTimestampSigner panics with the error of opts.Check.
func NewTimestampSigner(opts Options) *TimestampSigner {
	return &TimestampSigner{newCore(opts.settled("itsdangerous.Signer", DjangoConcat, nil))}
}

// Sign returns value with the time, to the second, and the signature of both. The error is that of a
// time before 1970, which the format has no room for.
func (s *TimestampSigner) Sign(value string, now time.Time) (string, error) {
	w := takeWork()
	defer w.release()
	w.text = append(w.text, value...)
	var err error
	if w.text, err = s.core.stamp(w.text, now); err != nil {
		return "", err
	}
	return string(w.text), nil
}

// Unsign returns the value of a signed text and when it was signed (UTC).
//
// maxAge and now are as for Serializer.Load. The error is a *BadSignature, or as one of it a
// *BadTimeSignature or a *SignatureExpired.
func (s *TimestampSigner) Unsign(text string, maxAge time.Duration, now time.Time) (string, time.Time, error) {
	w := takeWork()
	defer w.release()
	w.text = append(w.text, text...)
	value, signed, err := s.core.unstamp(w, maxAge, now)
	if err != nil {
		return "", time.Time{}, err
	}
	return string(value), signed, nil
}

// stamp appends time and signature to text.
func (c *core) stamp(text []byte, now time.Time) ([]byte, error) {
	seconds := now.Unix()
	if seconds < 0 {
		return text, errors.New("signing: cannot sign with a time before 1970: is the clock set?")
	}
	var stamp [8]byte
	binary.BigEndian.PutUint64(stamp[:], uint64(seconds))
	text = append(text, c.separator...)
	text = base64.RawURLEncoding.AppendEncode(text, bytes.TrimLeft(stamp[:], "\x00"))
	return c.sign(text), nil
}

// unstamp returns the value that w.text is the signed form of, and its time. Which error a text
// gets is itsdangerous' choice (TimestampSigner.unsign), down to a forged one without a time being
// a plain *BadSignature.
func (c *core) unstamp(w *work, maxAge time.Duration, now time.Time) ([]byte, time.Time, error) {
	result, err := c.unsign(w)
	if err != nil {
		return nil, time.Time{}, c.forged(err.(*BadSignature))
	}
	value, signed, ok := c.cut(w, result)
	if !ok {
		return nil, time.Time{}, badTime("the time is missing", string(value))
	}
	if signed.IsZero() {
		return nil, time.Time{}, badTime("the time is malformed", string(value))
	}
	if maxAge == Forever {
		return value, signed, nil
	}
	age := now.Unix() - signed.Unix()
	if limit := int64(maxAge / time.Second); age > limit || age < 0 {
		return nil, time.Time{}, expired(string(value), signed, age, limit)
	}
	return value, signed, nil
}

func badTime(message, payload string) *BadTimeSignature {
	return &BadTimeSignature{BadSignature: BadSignature{Message: message, Payload: payload}}
}

func expired(value string, signed time.Time, age, limit int64) error {
	message := fmt.Sprintf("the signature is %d s old, more than %d s", age, limit)
	if age < 0 {
		message = fmt.Sprintf("the signature is from %d s in the future", -age)
	}
	e := &SignatureExpired{Age: time.Duration(age) * time.Second}
	e.BadTimeSignature = *badTime(message, value)
	e.DateSigned = signed
	return e
}

// forged adds to a bad signature the time that the text claims, if it claims one.
func (c *core) forged(err *BadSignature) error {
	w := takeWork()
	defer w.release()
	value, signed, ok := c.cut(w, []byte(err.Payload))
	if !ok {
		return err
	}
	e := badTime(err.Message, string(value))
	e.DateSigned = signed
	return e
}

// cut splits the time off; ok says that there is a separator. The time is zero if it is malformed.
//
// Unlike itsdangerous, whose datetime raises a bare ValueError for a time after the year 9999, such
// a time is malformed too.
func (c *core) cut(w *work, text []byte) (value []byte, signed time.Time, ok bool) {
	at := bytes.LastIndex(text, c.separator)
	if at < 0 {
		return text, time.Time{}, false
	}
	stamp, err := decodeURLSafe(w.small[:0], text[at+len(c.separator):])
	w.small = stamp[:0]
	if err != nil || len(stamp) > 8 {
		return text[:at], time.Time{}, true
	}
	var seconds uint64
	for _, b := range stamp {
		seconds = seconds<<8 | uint64(b)
	}
	if seconds > lastSecond {
		return text[:at], time.Time{}, true
	}
	return text[:at], time.Unix(int64(seconds), 0).UTC(), true
}

// lastSecond is 9999-12-31T23:59:59Z.
const lastSecond = 253402300799
