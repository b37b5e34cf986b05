package middleware

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"sync"
	"time"
)

// RequestID gives each request a name that is in the context, in the request's header for whoever is called next, and in
// the answer. The name is a UUID of version 7: unique, and sorted by time.
type RequestID struct {
	Header string // "" means X-Request-Id

	// Trust takes over the name that the request brings, if it is 1 to 128 letters, digits and "._-". Only for a proxy in
	// front that sets it: a client can put any name into your logs otherwise.
	Trust bool
}

type requestIDKey struct{}

// RequestIDOf is the request's name in a context below RequestID, else "".
func RequestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// Wrap returns next with named requests.
func (m RequestID) Wrap(next http.Handler) http.Handler {
	header := http.CanonicalHeaderKey(cmp.Or(m.Header, "X-Request-Id"))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(header)
		if !m.Trust || !isName(id) {
			id = NewUUID()
		}
		r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
		r.Header = r.Header.Clone()
		r.Header[header] = []string{id}
		w.Header()[header] = []string{id}
		next.ServeHTTP(w, r)
	})
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if ('a' > c || c > 'z') && ('0' > s[i] || s[i] > '9') && s[i] != '.' && s[i] != '_' && s[i] != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// clock remembers the last UUID's time and sequence.
var clock struct {
	sync.Mutex
	milli, seq int64
}

// NewUUID makes a UUID of version 7 from the clock and crypto/rand. Within one process each is greater than the one
// before, also in the same millisecond: the 12 bits after the time count (RFC 9562 section 6.2, method 1), and borrow a
// millisecond from the future when they are used up.
func NewUUID() string {
	var id [16]byte
	rand.Read(id[6:])
	clock.Lock()
	if now := time.Now().UnixMilli(); now > clock.milli {
		clock.milli, clock.seq = now, int64(binary.BigEndian.Uint16(id[6:])&0x7ff) // half the range is left to count in
	} else if clock.seq++; clock.seq > 0xfff {
		clock.milli, clock.seq = clock.milli+1, 0
	}
	milli, seq := clock.milli, clock.seq
	clock.Unlock()
	binary.BigEndian.PutUint64(id[:8], uint64(milli)<<16|0x7000|uint64(seq))
	id[8] = id[8]&0x3f | 0x80
	return format(id)
}

func format(id [16]byte) string {
	var text [36]byte
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:36], id[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
