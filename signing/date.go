package signing

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const imfDate = "Mon, 02 Jan 2006 15:04:05 GMT"

// ParseDate reads a date as Werkzeug's parse_date does, in UTC; ok is false for what is none.
func ParseDate(s string) (t time.Time, ok bool) { return parseDate(s) }

// parseDate reads a date as Werkzeug's parse_date does, which is as lax as Python's email package:
// RFC 1123, RFC 850, asctime and what mail has seen over the years. The result is in UTC.
//
// Unlike Werkzeug, a year of four digits in the form that http_date writes is that year, also below
// 100: else a zero time.Time would come back as 2001.
func parseDate(s string) (time.Time, bool) {
	if len(s) == len(imfDate) {
		if t, err := time.Parse(imfDate, s); err == nil && t.Year() > 0 {
			return t.UTC(), true
		}
	}
	f := dateFields(s)
	if f == nil || !f.order() {
		return time.Time{}, false
	}
	return f.time()
}

// mailDate is a date cut in pieces; not all are where they belong until order has run.
type mailDate struct {
	day, month, year, clock, zone string

	monthNumber int
}

var (
	dayNames   = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	monthNames = []string{
		"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
		"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
	}
	zoneNames = map[string]int{
		"UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "AST": -400, "ADT": -300, "EST": -500, "EDT": -400,
		"CST": -600, "CDT": -500, "MST": -700, "MDT": -600, "PST": -800, "PDT": -700,
	}
)

func pythonSpace(r rune) bool {
	return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f
}

// dateFields drops the day's name and cuts the rest. Source: email._parseaddr._parsedate_tz.
func dateFields(s string) *mailDate {
	data := strings.FieldsFunc(s, pythonSpace)
	if len(data) == 0 {
		return nil
	}
	if strings.HasSuffix(data[0], ",") || slices.Contains(dayNames, strings.ToLower(data[0])) {
		data = data[1:]
	} else if i := strings.LastIndex(data[0], ","); i >= 0 {
		data[0] = data[0][i+1:]
	}
	if len(data) == 3 { // RFC 850: 06-Nov-94
		if parts := strings.Split(data[0], "-"); len(parts) == 3 {
			data = append(parts, data[1:]...)
		}
	}
	if len(data) == 4 {
		clock, zone := cutZone(data[3])
		data = append(data[:3], clock, zone)
	}
	if len(data) < 5 || data[0] == "" || data[1] == "" || data[2] == "" || data[3] == "" {
		return nil
	}
	return &mailDate{day: data[0], month: data[1], year: data[2], clock: data[3], zone: data[4]}
}

// cutZone splits "08:49:37+0100", if it is so.
func cutZone(s string) (clock, zone string) {
	i := strings.IndexByte(s, '+')
	if i < 0 {
		i = strings.IndexByte(s, '-')
	}
	if i <= 0 {
		return s, ""
	}
	return s[:i], s[i:]
}

// order finds which piece is the month, the year, the clock and the zone.
func (f *mailDate) order() bool {
	month := slices.Index(monthNames, strings.ToLower(f.month))
	if month < 0 {
		f.day, f.month = f.month, f.day
		if month = slices.Index(monthNames, strings.ToLower(f.month)); month < 0 {
			return false
		}
	}
	f.monthNumber = month%12 + 1
	f.day = strings.TrimSuffix(f.day, ",")
	if strings.IndexByte(f.year, ':') > 0 {
		f.year, f.clock = f.clock, f.year
	}
	if f.year = strings.TrimSuffix(f.year, ","); f.year == "" {
		return false
	}
	if first := []rune(f.year)[0]; !unicode.IsDigit(first) {
		f.year, f.zone = f.zone, f.year
	}
	f.clock = strings.TrimSuffix(f.clock, ",")
	return true
}

// hms reads the clock: two or three numbers between colons, or dots.
func (f *mailDate) hms() (h, m, s int, ok bool) {
	parts := strings.Split(f.clock, ":")
	if len(parts) == 1 && strings.Contains(f.clock, ".") {
		parts = strings.Split(f.clock, ".")
	}
	if len(parts) == 2 {
		parts = append(parts, "0")
	}
	if len(parts) != 3 {
		return 0, 0, 0, false
	}
	h, okH := pythonInt(parts[0])
	m, okM := pythonInt(parts[1])
	s, okS := pythonInt(parts[2])
	return h, m, s, okH && okM && okS
}

func (f *mailDate) time() (time.Time, bool) {
	h, m, s, ok := f.hms()
	year, okY := pythonInt(f.year)
	day, okD := pythonInt(f.day)
	if !ok || !okY || !okD {
		return time.Time{}, false
	}
	switch { // two digits are 1969 to 2068
	case year >= 100:
	case year > 68:
		year += 1900
	default:
		year += 2000
	}
	inRange := year >= 1 && year <= 9999 && day >= 1 && day <= 31 &&
		h >= 0 && h <= 23 && m >= 0 && m <= 59 && s >= 0 && s <= 59
	if !inRange {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(f.monthNumber), day, h, m, s, 0, time.UTC)
	offset := f.offset()
	if t.Day() != day || offset <= -24*time.Hour || offset >= 24*time.Hour {
		return time.Time{}, false
	}
	return t.Add(-offset), true
}

// offset is that of the zone, of which an unknown one has none: hhmm, signed.
func (f *mailDate) offset() time.Duration {
	zone, ok := zoneNames[strings.ToUpper(f.zone)]
	if !ok {
		zone, _ = pythonInt(f.zone)
	}
	const most = 1 << 20 // far above a day, far below what overflows
	zone = max(min(zone, most), -most)
	return time.Duration(zone/100)*time.Hour + time.Duration(zone%100)*time.Minute
}

// pythonInt reads an int as Python's int does, in ASCII: blanks around, a sign, single underscores
// between digits.
func pythonInt(s string) (int, bool) {
	s = strings.TrimFunc(s, pythonSpace)
	number := strings.TrimLeft(s, "+-")
	if len(s)-len(number) > 1 || number == "" || strings.HasPrefix(number, "_") || strings.HasSuffix(number, "_") ||
		strings.Contains(number, "__") {
		return 0, false
	}
	n, err := strconv.Atoi(strings.ReplaceAll(s, "_", ""))
	return n, err == nil
}
