package jinja

import (
	"fmt"
	"strings"
	"time"
)

// What of a datetime takes arguments by name, and how its parts are written in a list or dict.

// timeCalls are the methods of a datetime whose parameters have names.
var timeCalls = map[string]struct {
	params *params
	do     func(t time.Time, a []value) value
}{
	"isoformat": {parseParams("sep='T' timespec='auto'"), func(t time.Time, a []value) value {
		sep := wantText(a, 0, "isoformat")
		if len([]rune(sep)) != 1 {
			throw(typeError, "isoformat() argument 1 must be a unicode character, not str")
		}
		return text(t.Format("2006-01-02") + sep + clockISO(t, wantText(a, 1, "isoformat")) + t.Format("-07:00"))
	}},
	"replace": {parseParams("year=none month=none day=none hour=none minute=none second=none microsecond=none"),
		func(t time.Time, a []value) value { return value{k: kTime, r: replaceTime(t, a)} }},
}

var (
	dateReplace = parseParams("year=none month=none day=none")
	clockParams = parseParams("timespec='auto'")
)

// clockISO is the time of day as isoformat writes it; timespec says down to what.
func clockISO(t time.Time, timespec string) string {
	switch timespec {
	case "auto":
		return string(appendClock(nil, t))
	case "hours":
		return t.Format("15")
	case "minutes":
		return t.Format("15:04")
	case "seconds":
		return t.Format("15:04:05")
	case "milliseconds":
		return t.Format("15:04:05.000")
	case "microseconds":
		return t.Format("15:04:05.000000")
	}
	throw(valueError, "Unknown timespec value")
	return ""
}

// replaceTime is t with the parts that are given; one that no calendar or clock has is a ValueError.
func replaceTime(t time.Time, a []value) time.Time {
	part := [...]int{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond() / 1000}
	least := [...]int{1, 1, 1, 0, 0, 0, 0}
	most := [...]int{9999, 12, 31, 23, 59, 59, 999_999}
	for i, v := range a {
		if v.k == kNone {
			continue
		}
		if part[i] = index(v); part[i] < least[i] || part[i] > most[i] {
			throw(valueError, "%s must be in %d..%d", timeParts[i], least[i], most[i])
		}
	}
	out := time.Date(part[0], time.Month(part[1]), part[2], part[3], part[4], part[5], part[6]*1000, t.Location())
	if out.Day() != part[2] {
		throw(valueError, "day is out of range for month")
	}
	return out
}

var timeParts = [...]string{"year", "month", "day", "hour", "minute", "second", "microsecond"}

// A zonePart is Python's tzinfo, of a moment.
type zonePart time.Time

func (zonePart) typeName() string          { return "datetime.timezone" }
func (zonePart) attr(string) (value, bool) { return none, false }
func (z zonePart) offset() (seconds int)   { _, seconds = time.Time(z).Zone(); return seconds }
func (z zonePart) str() string {
	if z.offset() == 0 {
		return "UTC"
	}
	return time.Time(z).Format("UTC-07:00")
}

func (z zonePart) repr() string {
	if z.offset() == 0 {
		return "datetime.timezone.utc"
	}
	return fmt.Sprintf("datetime.timezone(%s)", timedelta(time.Duration(z.offset())*time.Second).repr())
}

// isoCalendar is the named tuple of isocalendar.
func isoCalendar(t time.Time) value {
	y, w := t.ISOWeek()
	items := []value{integer(int64(y)), integer(int64(w)), integer(int64(t.Weekday()+6)%7 + 1)}
	return value{k: kTuple, r: &Tuple{items: items, names: []string{"year", "week", "weekday"}, title: "datetime.IsoCalendarDate"}}
}

func (d datePart) repr() string {
	t := time.Time(d)
	return fmt.Sprintf("datetime.date(%d, %d, %d)", t.Year(), t.Month(), t.Day())
}

func (c clockPart) repr() string {
	return string(appendSeconds(fmt.Appendf(nil, "datetime.time(%d, %d", time.Time(c).Hour(), time.Time(c).Minute()), time.Time(c))) + ")"
}

// appendSeconds adds what Python's repr leaves out where it is zero.
func appendSeconds(dst []byte, t time.Time) []byte {
	us := t.Nanosecond() / 1000
	if t.Second() != 0 || us != 0 {
		dst = fmt.Appendf(dst, ", %d", t.Second())
	}
	if us != 0 {
		dst = fmt.Appendf(dst, ", %d", us)
	}
	return dst
}

func (d timedelta) repr() string {
	days, seconds, micros := d.split()
	var parts []string
	for i, n := range [...]int64{days, seconds, micros} {
		if n != 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", [...]string{"days", "seconds", "microseconds"}[i], n))
		}
	}
	if parts == nil {
		parts = []string{"0"}
	}
	return "datetime.timedelta(" + strings.Join(parts, ", ") + ")"
}
