package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// maxAdvance is how far one request may move the clocks: a slip must not keep
// the sandbox busy for ever.
const maxAdvance = 366 * 24 * time.Hour

// serveAdvance shows the organisation's clock, and moves it on. It is no part of
// the platform, and needs no token.
func (s *Server) serveAdvance(w http.ResponseWriter, r *http.Request) {
	status := http.StatusOK
	var out any
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		out = s.clock()
	case http.MethodPost:
		out = s.clock()
		if body, err := io.ReadAll(io.LimitReader(r.Body, 4096)); err != nil {
			panic(http.ErrAbortHandler) // the client went away
		} else if d, err := s.askedFor(body); err != nil {
			status, out = http.StatusBadRequest, object{"message": err.Error()}
		} else if err := s.Advance(d); err != nil {
			status, out = http.StatusInternalServerError, object{"message": err.Error()}
		} else {
			out = object{"now": s.clock()["now"]}
		}
	default:
		w.Header().Set("Allow", "GET, POST")
		status, out = http.StatusMethodNotAllowed, object{"message": "GET shows the clock, POST moves it on"}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out)
}

func (s *Server) clock() object {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	s.settle()
	return object{"now": stamp(s.now()), "speed": s.options.Speed, "seed": s.options.Seed}
}

const advanceExamples = `write {"by": "10m"}, {"by": "PT10M"} or {"to": "2026-03-02T09:00:00Z"}`

// askedFor is how far a request wants the clocks to move.
func (s *Server) askedFor(body []byte) (time.Duration, error) {
	in, err := parse[object](body)
	if err != nil {
		return 0, errors.New("the body is no JSON object: " + advanceExamples)
	}
	by, hasBy := in["by"].(string)
	to, hasTo := in["to"].(string)
	if len(in) != 1 || !hasBy && !hasTo {
		return 0, errors.New(advanceExamples)
	}
	s.mu.Lock()
	now := s.now()
	s.mu.Unlock()
	var d time.Duration
	if hasBy {
		if d, err = duration(by); err != nil {
			return 0, fmt.Errorf("by: %w; %s", err, advanceExamples)
		}
		if d < 0 {
			return 0, fmt.Errorf("by: %s is below zero, and time does not go back", by)
		}
	} else {
		at, err := time.Parse(time.RFC3339, to)
		if err != nil {
			return 0, fmt.Errorf("to: %q is no instant; %s", to, advanceExamples)
		}
		if at.Before(now) {
			return 0, fmt.Errorf("to: %s has passed: the organisation's clock is at %s, and time does not go back", to, stamp(now))
		}
		if d = at.Sub(now); !now.Add(d).Equal(at) {
			d = maxAdvance + 1 // more than a duration holds
		}
	}
	if d > maxAdvance {
		return 0, fmt.Errorf("at most a year at once: %s", brief(maxAdvance))
	}
	return d, nil
}

// period is an ISO-8601 duration without months and years, which have no length.
var period = regexp.MustCompile(`^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$`)

// duration reads a duration of Go or of ISO-8601.
func duration(text string) (time.Duration, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return d, nil
	}
	parts := period.FindStringSubmatch(text)
	if parts == nil || len(text) < 3 || text[len(text)-1] == 'T' {
		return 0, fmt.Errorf("%q is no duration", text)
	}
	total := 0.0
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if n, err := strconv.ParseFloat(parts[i+1], 64); err == nil {
			total += n * float64(unit)
		}
	}
	if total > float64(2*maxAdvance) {
		total = float64(2 * maxAdvance)
	}
	return time.Duration(total), nil
}
