package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A moment prints and behaves like Python's datetime.

func appendTime(dst []byte, t time.Time) []byte {
	dst = appendClock(t.AppendFormat(dst, "2006-01-02 "), t)
	return t.AppendFormat(dst, "-07:00")
}

func appendClock(dst []byte, t time.Time) []byte {
	dst = t.AppendFormat(dst, "15:04:05")
	if us := t.Nanosecond() / 1000; us != 0 {
		dst = fmt.Appendf(dst, ".%06d", us)
	}
	return dst
}

func appendTimeRepr(dst []byte, t time.Time) []byte {
	dst = fmt.Appendf(dst, "datetime.datetime(%d, %d, %d, %d, %d", t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute())
	dst = append(appendSeconds(dst, t), ", tzinfo="...)
	return append(append(dst, zonePart(t).repr()...), ')')
}

// timeAttr are the attributes and methods of a datetime; nil if there is none of that name.
func timeAttr(t time.Time, name string) (value, bool) {
	if n, ok := timeField(t, name); ok {
		return integer(int64(n)), true
	}
	if name == "tzinfo" {
		return fromObject(zonePart(t)), true
	}
	if c, ok := timeCalls[name]; ok {
		return method(name, c.params, func(_ *frame, a []value, _ []keyword) value { return c.do(t, a) }), true
	}
	m, ok := timeMethods[name]
	if !ok {
		return none, false
	}
	return method(name, nil, func(f *frame, a []value, _ []keyword) value { return m(t, a) }), true
}

func timeField(t time.Time, name string) (int, bool) {
	switch name {
	case "year":
		return t.Year(), true
	case "month":
		return int(t.Month()), true
	case "day":
		return t.Day(), true
	case "hour":
		return t.Hour(), true
	case "minute":
		return t.Minute(), true
	case "second":
		return t.Second(), true
	case "microsecond":
		return t.Nanosecond() / 1000, true
	}
	return 0, false
}

var timeMethods = map[string]func(t time.Time, a []value) value{
	"date": func(t time.Time, _ []value) value {
		return fromObject(datePart(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)))
	},
	"time":       func(t time.Time, _ []value) value { return fromObject(clockPart(t)) },
	"weekday":    func(t time.Time, _ []value) value { return integer(int64(t.Weekday()+6) % 7) },
	"isoweekday": func(t time.Time, _ []value) value { return integer(int64(t.Weekday()+6)%7 + 1) },
	"timestamp":  func(t time.Time, _ []value) value { return float(float64(t.UnixMicro()) / 1e6) },
	"strftime":   func(t time.Time, a []value) value { return text(strftime(t, wantText(a, 0, "strftime"))) },
	"ctime":      func(t time.Time, _ []value) value { return text(t.Format("Mon Jan _2 15:04:05 2006")) },
	"toordinal": func(t time.Time, _ []value) value {
		return integer(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix()/86400 + 719163)
	},
	"isocalendar": func(t time.Time, _ []value) value { return isoCalendar(t) },
	"utcoffset": func(t time.Time, _ []value) value {
		_, off := t.Zone()
		return fromObject(timedelta(time.Duration(off) * time.Second))
	},
	"tzname": func(t time.Time, _ []value) value {
		name, _ := t.Zone()
		return text(name)
	},
	"format": func(t time.Time, a []value) value { return text(t.Format(wantText(a, 0, "format"))) },
}

func wantText(a []value, i int, fn string) string {
	if i >= len(a) {
		throw(typeError, "%s() takes exactly %d argument (%d given)", fn, i+1, len(a))
	}
	if !a[i].isText() {
		throw(typeError, "%s() argument %d must be str, not %s", fn, i+1, typeName(a[i]))
	}
	return a[i].s
}

// strftime formats t by C's directives, in the C locale.
func strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		pad := true
		if format[i] == '-' && i+1 < len(format) {
			pad = false
			i++
		}
		part, ok := strftimePart(t, format[i])
		if !ok {
			part = "%" + format[i:i+1]
		}
		if !pad {
			part = unpadded(part)
		}
		b.WriteString(part)
	}
	return b.String()
}

func unpadded(s string) string {
	if t := strings.TrimLeft(s, "0 "); t != "" {
		return t
	}
	return "0"
}

// strftimeLayouts are the directives that Go's layouts spell the same way.
var strftimeLayouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'd': "02", 'e': "_2", 'm': "01", 'y': "06",
	'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'Z': "MST", 'z': "-0700", 'c': "Mon Jan _2 15:04:05 2006",
	'x': "01/02/06", 'X': "15:04:05", 'D': "01/02/06", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'r': "03:04:05 PM",
}

func strftimePart(t time.Time, c byte) (string, bool) {
	if layout, ok := strftimeLayouts[c]; ok {
		return t.Format(layout), true
	}
	switch c {
	case 'Y':
		return strconv.Itoa(t.Year()), true
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay()), true
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), true
	case 'w':
		return strconv.Itoa(int(t.Weekday())), true
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1), true
	case 's':
		return strconv.FormatInt(t.Unix(), 10), true
	case '%':
		return "%", true
	case 'n':
		return "\n", true
	case 't':
		return "\t", true
	}
	return strftimeWeek(t, c)
}

func strftimeWeek(t time.Time, c byte) (string, bool) {
	year, week := t.ISOWeek()
	switch c {
	case 'U':
		return fmt.Sprintf("%02d", (t.YearDay()+6-int(t.Weekday()))/7), true
	case 'W':
		return fmt.Sprintf("%02d", (t.YearDay()+6-(int(t.Weekday())+6)%7)/7), true
	case 'V':
		return fmt.Sprintf("%02d", week), true
	case 'G':
		return strconv.Itoa(year), true
	case 'g':
		return fmt.Sprintf("%02d", year%100), true
	case 'C':
		return fmt.Sprintf("%02d", t.Year()/100), true
	}
	return "", false
}

// A datePart is Python's date: its midnight in UTC, as there are places where some days have none.
type datePart time.Time

func (datePart) typeName() string { return "datetime.date" }
func (d datePart) str() string    { return time.Time(d).Format("2006-01-02") }
func (d datePart) attr(name string) (value, bool) {
	if name == "isoformat" {
		return method(name, noParams, func(*frame, []value, []keyword) value { return text(d.str()) }), true
	}
	switch name {
	case "hour", "minute", "second", "microsecond", "date", "time", "timestamp", "tzinfo", "utcoffset", "tzname":
		return none, false
	case "replace":
		return method(name, dateReplace, func(_ *frame, a []value, _ []keyword) value {
			return fromObject(datePart(replaceTime(time.Time(d), a)))
		}), true
	}
	return timeAttr(time.Time(d), name)
}

// A clockPart is Python's time, of a moment.
type clockPart time.Time

func (clockPart) typeName() string { return "datetime.time" }
func (c clockPart) str() string    { return string(appendClock(nil, time.Time(c))) }
func (c clockPart) attr(name string) (value, bool) {
	switch name {
	case "isoformat":
		return method(name, clockParams, func(_ *frame, a []value, _ []keyword) value {
			return text(clockISO(time.Time(c), wantText(a, 0, name)))
		}), true
	case "hour", "minute", "second", "microsecond", "strftime":
		return timeAttr(time.Time(c), name)
	}
	return none, false
}

// A timedelta is the time between two moments. A time.Duration from Go stays Go's.
type timedelta time.Duration

func (timedelta) typeName() string { return "datetime.timedelta" }
func (d timedelta) truth() bool    { return d != 0 }

// split is Python's normal form: only the days may be negative.
func (d timedelta) split() (days, seconds, micros int64) {
	us := time.Duration(d).Microseconds()
	day := int64(86400_000_000)
	days = us / day
	if us %= day; us < 0 {
		days, us = days-1, us+day
	}
	return days, us / 1_000_000, us % 1_000_000
}

func (d timedelta) str() string {
	days, s, us := d.split()
	out := fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	if us != 0 {
		out += fmt.Sprintf(".%06d", us)
	}
	switch days {
	case 0:
		return out
	case 1, -1:
		return fmt.Sprintf("%d day, %s", days, out)
	}
	return fmt.Sprintf("%d days, %s", days, out)
}

func (d timedelta) attr(name string) (value, bool) {
	days, s, us := d.split()
	switch name {
	case "days":
		return integer(days), true
	case "seconds":
		return integer(s), true
	case "microseconds":
		return integer(us), true
	case "total_seconds":
		return method(name, noParams, func(*frame, []value, []keyword) value { return float(time.Duration(d).Seconds()) }), true
	}
	return none, false
}

// momentOf is the time of a datetime, a date or a time.
func momentOf(v value) (time.Time, bool) {
	switch t := v.r.(type) {
	case time.Time:
		return t, v.k == kTime
	case datePart:
		return time.Time(t), true
	case clockPart:
		return time.Time(t), true
	}
	return time.Time{}, false
}
