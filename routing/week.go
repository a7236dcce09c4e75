package routing

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Weekdays are the days as people write them in calendars and shifts.
var Weekdays = [7]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// ParseDays reads mon, mon-fri and mon,wed. Days are numbered from Monday.
func ParseDays(s string) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(s, ",") {
		from, to, isRange := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "-")
		a, b := slices.Index(Weekdays[:], from), slices.Index(Weekdays[:], to)
		if !isRange {
			b = a
		}
		if a < 0 || b < 0 {
			return nil, fmt.Errorf("%q is not a day of the week", part)
		}
		for d := a; ; d = (d + 1) % 7 {
			out = append(out, d)
			if d == b {
				break
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

var hoursOfDay = regexp.MustCompile(`^([0-9]{1,2}):([0-9]{2}) ?- ?([0-9]{1,2}):([0-9]{2})$`)

// ParseHours reads 08:00-12:00. To may be before From, where a text says so.
func ParseHours(s string) (Hours, error) {
	m := hoursOfDay.FindStringSubmatch(s)
	if m == nil {
		return Hours{}, fmt.Errorf("%q is not hours of a day", s)
	}
	var n [4]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1]) // two digits at most
	}
	h := Hours{From: n[0]*60 + n[1], To: n[2]*60 + n[3]}
	if n[1] > 59 || n[3] > 59 || h.From > 24*60 || h.To > 24*60 {
		return Hours{}, fmt.Errorf("%q is not a time of day", s)
	}
	return h, nil
}

// String is the text that ParseHours reads.
func (h Hours) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", h.From/60, h.From%60, h.To/60, h.To%60)
}
