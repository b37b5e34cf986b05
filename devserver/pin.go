package devserver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// NewPIN is a random PIN of nine digits, "123-456-789". Unlike Werkzeug's it is not derived from anything: containers made from one
// image had the same (CVE-2019-14806).
func NewPIN() string {
	digits := randomText(9, "0123456789")
	return digits[:3] + "-" + digits[3:6] + "-" + digits[6:]
}

// A pinLock lets whoever enters the PIN pass, and nobody any more after too many wrong ones.
//
// Source: Werkzeug DebuggedApplication.pin_auth, _fail_pin_auth.
type pinLock struct {
	pin string
	key []byte // of cookies

	mu     *sync.Mutex // held while a try is judged, so that tries come one after the other
	failed *int
	wait   func(ctx context.Context, d time.Duration)
}

const (
	pinCookie   = "__carafe_debugger"
	pinLasts    = 7 * 24 * time.Hour
	pinTries    = 10 // wrong ones until the lock closes for good
	pinPatience = 5  // wrong ones until each costs more time
)

func newPINLock(pin, secret string) pinLock {
	key := sha256.Sum256([]byte("carafe debugger\x00" + secret + "\x00" + pin))
	return pinLock{pin: strings.ReplaceAll(pin, "-", ""), key: key[:], mu: new(sync.Mutex), failed: new(int), wait: pause}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// try compares, and says what is wrong. Dashes and blanks are of no account.
func (l *pinLock) try(ctx context.Context, pin string) (ok bool, message string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if *l.failed > pinTries {
		return false, "Too many wrong PINs: restart the program to try again."
	}
	if sameText(strings.NewReplacer("-", "", " ", "").Replace(pin), l.pin) {
		*l.failed = 0
		return true, ""
	}
	delay := 500 * time.Millisecond
	if *l.failed > pinPatience {
		delay = 5 * time.Second
	}
	*l.failed++ // before the wait, which a client can cut short
	l.wait(ctx, delay)
	return false, "This is not the PIN."
}

// cookie lets its bearer pass for a week.
func (l *pinLock) cookie(r *http.Request, now time.Time) *http.Cookie {
	at := strconv.FormatInt(now.Unix(), 10)
	return &http.Cookie{Name: pinCookie, Value: at + "." + l.sign(at), Path: debuggerPath, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil, MaxAge: int(pinLasts / time.Second)}
}

func (l *pinLock) knows(r *http.Request, now time.Time) bool {
	c, err := r.Cookie(pinCookie)
	if err != nil {
		return false
	}
	at, mac, _ := strings.Cut(c.Value, ".")
	seconds, err := strconv.ParseInt(at, 10, 64)
	age := now.Sub(time.Unix(seconds, 0))
	return err == nil && sameText(mac, l.sign(at)) && age >= 0 && age < pinLasts
}

func (l *pinLock) sign(text string) string {
	mac := hmac.New(sha256.New, l.key)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// sameText compares without telling by the time it takes.
func sameText(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
