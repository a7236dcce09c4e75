package sandbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/sandbox"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestPartsKeepToTheClockOnTheWall(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		granularity, zone, from, to string
		want                        string // the limits as the wall has them, without the ends of the interval
	}{
		"the whole interval":              {"", "UTC", "2026-03-02T10:07:00Z", "2026-03-05T10:00:00Z", ""},
		"half hours":                      {"PT30M", "UTC", "2026-03-02T10:07:00Z", "2026-03-02T11:40:00Z", "02 10:30, 02 11:00, 02 11:30"},
		"half hours of a zone":            {"PT30M", "Asia/Kathmandu", "2026-03-02T10:07:00Z", "2026-03-02T11:10:00Z", "02 16:00, 02 16:30"},
		"hours that do not fill the day":  {"PT7H", "UTC", "2026-03-02T10:00:00Z", "2026-03-03T09:00:00Z", "02 14:00, 02 21:00, 03 00:00, 03 07:00"},
		"days of a zone":                  {"P1D", "America/New_York", "2026-03-02T10:00:00Z", "2026-03-04T10:00:00Z", "03 00:00, 04 00:00"},
		"a day of 23 hours":               {"P1D", "Europe/Berlin", "2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z", "29 00:00, 30 00:00"},
		"a day of 25 hours":               {"P1D", "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-26T23:00:00Z", "26 00:00"},
		"hours when the clock goes on":    {"PT1H", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z", "29 03:00, 29 04:00"},
		"six hours on such a day":         {"PT6H", "Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", "29 07:00, 29 13:00, 29 19:00"},
		"a day without midnight":          {"P1D", "Africa/Cairo", "2026-04-22T22:00:00Z", "2026-04-26T00:00:00Z", "24 01:00, 25 00:00, 26 00:00"},
		"a day without midnight, west":    {"P1D", "America/Santiago", "2026-09-05T04:00:00Z", "2026-09-08T00:00:00Z", "06 01:00, 07 00:00"},
		"weeks from Monday on":            {"P1W", "Europe/Berlin", "2026-03-04T10:00:00Z", "2026-03-20T10:00:00Z", "09 00:00, 16 00:00"},
		"months":                          {"P1M", "UTC", "2026-01-31T10:00:00Z", "2026-04-02T10:00:00Z", "01 00:00, 01 00:00, 01 00:00"},
		"a year":                          {"P1Y", "UTC", "2025-06-01T00:00:00Z", "2026-06-01T00:00:00Z", "01 00:00"},
		"two days from the first one on":  {"P2D", "UTC", "2026-03-03T10:00:00Z", "2026-03-08T00:00:00Z", "05 00:00, 07 00:00"},
		"more than a day, from the start": {"PT36H", "UTC", "2026-03-03T10:00:00Z", "2026-03-06T10:00:00Z", "04 22:00"},
		"days and hours, from the start":  {"P1DT6H", "UTC", "2026-03-03T10:00:00Z", "2026-03-06T10:00:00Z", "04 16:00, 05 22:00"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			z := zone(t, tt.zone)
			from, _ := time.Parse(time.RFC3339, tt.from)
			to, _ := time.Parse(time.RFC3339, tt.to)
			limits, err := sandbox.Parts(tt.granularity, from, to, z)
			if err != nil {
				t.Fatal(err)
			}
			if !limits[0].Equal(from) || !limits[len(limits)-1].Equal(to) {
				t.Fatalf("the parts do not fill the interval: %v", limits)
			}
			var inner []string
			for _, at := range limits[1 : len(limits)-1] {
				inner = append(inner, at.In(z).Format("02 15:04"))
			}
			if d := cmp.Diff(tt.want, strings.Join(inner, ", ")); d != "" {
				t.Errorf("limits (-want +got):\n%s", d)
			}
		})
	}
}

// Whatever the granularity, the zone and the interval are, the parts follow one
// another without a gap, and none is empty.
func TestPartsFillTheInterval(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana"}).Draw(t, "zone")
		z, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		granularity := rapid.SampledFrom([]string{"", "PT15M", "PT45M", "PT5H", "PT24H", "PT25H", "P1D", "P3D", "P1W", "P2W", "P1M", "P1Y", "P1M2D", "P1DT1H", "PT90S"}).Draw(t, "granularity")
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.Int64Range(0, 366*86400).Draw(t, "from")) * time.Second)
		to := from.Add(time.Duration(rapid.Int64Range(1, 40*86400).Draw(t, "length")) * time.Second)
		limits, err := sandbox.Parts(granularity, from, to, z)
		if err != nil {
			t.Fatal(err)
		}
		if !limits[0].Equal(from) || !limits[len(limits)-1].Equal(to) {
			t.Fatalf("from %s to %s, want %s to %s", limits[0], limits[len(limits)-1], from, to)
		}
		for i := range limits[1:] {
			if !limits[i].Before(limits[i+1]) {
				t.Fatalf("%s is not before %s", limits[i], limits[i+1])
			}
		}
	})
}

func TestIntervalsAreLimited(t *testing.T) {
	t.Parallel()
	x := living(t, sandbox.Options{Traffic: sandbox.SeedTraffic()})
	const longer, back, fine = "2025-03-01T00:00:00Z/2026-03-01T00:00:01Z", "2026-03-02T00:00:00Z/2026-03-01T00:00:00Z", "2025-03-01T00:00:00Z/2026-03-01T00:00:00Z"
	for _, path := range []string{aggregates, aggregatesJobs, details, detailsJobs} {
		metrics := `,"metrics":["nOffered"]`
		if strings.Contains(path, "details") {
			metrics = ""
		}
		for interval, code := range map[string]string{longer: "client.failed.request", back: "invalid.value"} {
			e := x.refused("POST", path, `{"interval":"`+interval+`"`+metrics+`}`, http.StatusBadRequest, code)
			if field := objects(e["details"])[0]["fieldName"]; field != "interval" {
				t.Errorf("%s names the field %v", path, field)
			}
		}
		if path != details {
			x.ok("POST", path, `{"interval":"`+fine+`"`+metrics+`}`)
		}
	}
	for granularity, status := range map[string]int{"P0D": 400, "PT0S": 400, "PT1S": 400, "P99999999999D": 400, "PT6M": 200} {
		if r := x.call("POST", aggregates, fmt.Sprintf(`{"interval":"%s","metrics":["nOffered"],"granularity":"%s"}`, fine, granularity)); r.status != status {
			t.Errorf("granularity %s of a year: %d %s", granularity, r.status, r.body)
		}
	}
	filter := `,"segmentFilters":[{"type":"and","predicates":[{"dimension":"mediaType","value":"email"}]}]`
	x.ok("POST", details, `{"interval":"2026-02-22T00:00:00Z/2026-03-01T00:00:00Z"}`)
	x.refused("POST", details, `{"interval":"2026-02-22T00:00:00Z/2026-03-01T00:00:01Z"}`, http.StatusBadRequest, "client.failed.request")
	x.ok("POST", details, `{"interval":"2026-01-01T00:00:00Z/2026-02-01T00:00:00Z"`+filter+`}`)
	x.refused("POST", details, `{"interval":"2026-01-01T00:00:00Z/2026-02-01T00:00:01Z"`+filter+`}`, http.StatusBadRequest, "client.failed.request")
}
