package wire

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// CacheControl is the directives of a Cache-Control header, in their order.
//
// Source: werkzeug.datastructures.RequestCacheControl, ResponseCacheControl.
type CacheControl struct {
	Directives Params // nil means none
}

// ParseCacheControl reads a Cache-Control header.
func ParseCacheControl(field string) CacheControl { return CacheControl{ParseDict(field)} }

// Has says whether a directive is there, with or without a value.
func (c CacheControl) Has(name string) bool { return c.Directives.Has(name) }

// Seconds is the value of a directive such as max-age; ok is false if it is missing, bare or no number. What is beyond 2³¹-1 is that
// (RFC 9111, 1.2.2): what is to be kept for ever is not to be forgotten at once.
func (c CacheControl) Seconds(name string) (d time.Duration, ok bool) {
	s, ok := c.Directives.Get(name)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return time.Duration(n) * time.Second, true
}

// Set adds a bare directive, or changes it to be bare.
func (c *CacheControl) Set(name string) {
	c.Directives = c.Directives.set(Param{Name: name, Bare: true})
}

// SetSeconds adds or changes a directive with a number of whole seconds.
func (c *CacheControl) SetSeconds(name string, d time.Duration) {
	c.Directives = c.Directives.set(Param{Name: name, Value: strconv.FormatInt(int64(d/time.Second), 10)})
}

// Remove takes a directive away.
func (c *CacheControl) Remove(name string) {
	if i := c.Directives.index(name); i >= 0 {
		c.Directives = append(c.Directives[:i:i], c.Directives[i+1:]...)
	}
}

// String is the header, "" if there are no directives.
func (c CacheControl) String() string {
	items := make([]string, len(c.Directives))
	for i, p := range c.Directives {
		items[i] = p.String()
		if strings.HasPrefix(p.Value, "-") { // a negative age is no token, yet no text either
			items[i] = p.Name + "=" + p.Value
		}
	}
	return strings.Join(items, ", ")
}
