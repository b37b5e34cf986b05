package jinja_test

import (
	"errors"
	"testing"
	"time"
	_ "time/tzdata" // the zones of the table, wherever the test runs

	"github.com/carafeweb/carafe/jinja"
)

func momentIn(t *testing.T, zone, clock string) time.Time {
	t.Helper()
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation(time.DateTime, clock, place)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestReplacingPartsOfDates goes to days and clocks that a place may not have. What is wanted is what Python's zoneinfo gives.
func TestReplacingPartsOfDates(t *testing.T) {
	for _, tt := range []struct{ name, zone, clock, source, want string }{
		{"a date whose day has no midnight", "America/Sao_Paulo", "2018-11-05 00:00:00", "{{ t.date().replace(day=4) }}", "2018-11-04"},
		{"a date of a clock that the day does not have", "America/Sao_Paulo", "2018-11-05 00:30:00", "{{ t.date().replace(day=4) }}", "2018-11-04"},
		{"a date of a day without midnight", "America/Sao_Paulo", "2018-11-04 05:00:00", "{{ t.date().replace(day=5) }} {{ t.date() }}", "2018-11-05 2018-11-04"},
		{"a date has no clock", "America/Sao_Paulo", "2018-11-05 12:34:56", "{{ t.date().strftime('%d %H:%M:%S') }}", "05 00:00:00"},
		{"a midnight that is left out", "America/Sao_Paulo", "2018-11-05 00:30:00", "{{ t.replace(day=4) }}", "2018-11-04 00:30:00-03:00"},
		{"an hour that is left out west of it", "America/New_York", "2024-03-09 02:30:00", "{{ t.replace(day=10) }}", "2024-03-10 02:30:00-05:00"},
		{"an hour that is left out east of it", "Europe/Berlin", "2024-03-30 02:30:00", "{{ t.replace(day=31) }}", "2024-03-31 02:30:00+01:00"},
		{"a whole day that is left out", "Pacific/Apia", "2011-12-29 12:00:00", "{{ t.replace(day=30) }} {{ t.date().replace(day=30) }}", "2011-12-30 12:00:00-10:00 2011-12-30"},
		{"a day of summer from one of winter", "Europe/Berlin", "2024-01-05 12:00:00", "{{ t.replace(month=7) }}", "2024-07-05 12:00:00+02:00"},
		{"a leap day", "Europe/Berlin", "2024-02-29 12:00:00", "{{ t.replace(year=2020) }}", "2020-02-29 12:00:00+01:00"},
		{"a day too many", "America/Sao_Paulo", "2018-11-05 00:00:00", "{{ t.date().replace(day=31) }}", "ValueError: day is out of range for month"},
		{"a day that no month has", "UTC", "2018-11-05 00:00:00", "{{ t.replace(day=32, hour=24) }}", "ValueError: day is out of range for month"},
		{"no leap day", "UTC", "2024-02-29 00:00:00", "{{ t.replace(year=2023) }}", "ValueError: day is out of range for month"},
		{"a year too early", "UTC", "2024-02-29 00:00:00", "{{ t.date().replace(year=0) }}", "ValueError: year 0 is out of range"},
		{"a month too many", "UTC", "2024-02-29 00:00:00", "{{ t.replace(month=13, day=40) }}", "ValueError: month must be in 1..12"},
		{"an hour too many", "UTC", "2024-02-29 00:00:00", "{{ t.replace(hour=24) }}", "ValueError: hour must be in 0..23"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := render(t, jinja.Options{}, tt.source, map[string]any{"t": momentIn(t, tt.zone, tt.clock)})
			if e := (*jinja.Error)(nil); errors.As(err, &e) {
				got = e.Kind + ": " + e.Message
			}
			if got != tt.want {
				t.Errorf("%s of %s in %s gives %q, want %q", tt.source, tt.clock, tt.zone, got, tt.want)
			}
		})
	}
}
