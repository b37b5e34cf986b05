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
	for i, v := range a {
		if v.k != kNone {
			part[i] = index(v)
		}
	}
	checkDay(part[0], part[1], part[2])
	for i, most := range [...]int{23, 59, 59, 999_999} {
		checkPart([...]string{"hour", "minute", "second", "microsecond"}[i], part[3+i], 0, most)
	}
	return atClock(time.Date(part[0], time.Month(part[1]), part[2], part[3], part[4], part[5], part[6]*1000, time.UTC), t.Location())
}

// checkDay refuses a day that the calendar does not have.
func checkDay(year, month, day int) {
	if year < 1 || year > 9999 {
		throw(valueError, "year %d is out of range", year)
	}
	checkPart("month", month, 1, 12)
	if day < 1 || day > time.Date(year, time.Month(month+1), 0, 0, 0, 0, 0, time.UTC).Day() {
		throw(valueError, "day is out of range for month")
	}
}

func checkPart(name string, n, least, most int) {
	if n < least || n > most {
		throw(valueError, "%s must be in %d..%d", name, least, most)
	}
}

// atClock is the moment at which the clocks of a place show what wall shows in UTC. What no clock
// there shows, as when summer time leaves an hour out, has the offset from before, as in Python: it
// cannot be said of that place in Go, so it is said of that offset.
func atClock(wall time.Time, place *time.Location) time.Time {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), place)
	name, offset := t.Zone()
	switch shown := t.Unix() + int64(offset); {
	case shown == wall.Unix():
		return t
	case shown > wall.Unix(): // t has the offset from after
		since, _ := t.ZoneBounds()
		name, offset = since.Add(-1).Zone()
	}
	return wall.Add(-time.Duration(offset) * time.Second).In(time.FixedZone(name, offset))
}

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
