package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/foresort/foresort/internal/jobs"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
)

// This file makes the reports that the calendar asks for, each once: the ledger
// has those that were made. What was missed while nothing ran is not made up but
// for the newest.

// The pauses between two attempts at a report that failed: they double.
const (
	reportRetry    = time.Minute
	reportRetryMax = 30 * time.Minute
	// reportLook is the longest sleep: the clock of the machine may be set.
	reportLook = time.Minute
)

// reports makes what is due until the context ends.
func (d *Daemon) reports(ctx context.Context) error {
	s := &reportTimes{Daemon: d, again: map[string]time.Time{}, failed: map[string]int{}}
	for next := s.tick(ctx, time.Now()); wait(ctx, max(min(time.Until(next), reportLook), time.Millisecond)); {
		next = s.tick(ctx, time.Now())
	}
	return nil
}

// reportTimes is when each strategy's report is looked at again, and how often in a
// row it failed.
type reportTimes struct {
	*Daemon
	again  map[string]time.Time
	failed map[string]int
}

// tick makes the reports that are due, and says when to look again.
func (s *reportTimes) tick(ctx context.Context, now time.Time) (next time.Time) {
	next = now.Add(24 * time.Hour)
	for _, w := range s.Strategies {
		if w.Report == nil {
			continue
		}
		if at := s.again[w.Strategy]; !now.Before(at) || at.After(w.Report.Next(now)) { // the latter: the clock was put back
			err := s.reportDue(ctx, w, now)
			if ctx.Err() != nil {
				return next
			}
			at = w.Report.Next(now)
			if err == nil {
				s.failed[w.Strategy] = 0
			} else {
				pause := min(reportRetry<<min(s.failed[w.Strategy], 10), reportRetryMax)
				s.failed[w.Strategy]++
				if retry := now.Add(pause); retry.Before(at) {
					at = retry
				}
				s.Log.Error("the report was not made; it is tried again", "strategy", w.Strategy, "error", err, "at", at)
			}
			s.again[w.Strategy] = at
		}
		if at := s.again[w.Strategy]; at.Before(next) {
			next = at
		}
	}
	return next
}

// reportDue makes the newest report of a strategy that is due, unless it was made.
func (d *Daemon) reportDue(ctx context.Context, w routing.Desired, now time.Time) error {
	period, _ := w.Report.Due(now)
	last, err := d.ledger.LastReport(ctx, w.Strategy, now)
	if err != nil {
		return err
	}
	if last != nil && !last.To.Before(period.To) {
		return nil
	}
	if last != nil && last.To.Before(period.From) {
		d.Log.Warn("reports were missed, and only the newest is made", "strategy", w.Strategy, "from", last.To, "to", period.From)
	}
	content, err := d.Report(ctx, w, period)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	r := ledger.Reported{
		Strategy: w.Strategy, Every: string(w.Report.Every), From: period.From.UTC(), To: period.To.UTC(), Format: string(w.Report.Format), SHA256: hex.EncodeToString(sum[:]),
	}
	var also func(context.Context, store.Tx, ledger.Entry) error
	if w.Report.Folder != "" {
		r.File = filepath.Join(w.Report.Folder, reportFile(w, period))
		if err := writeWhole(r.File, content); err != nil {
			return err
		}
	} else {
		r.Endpoint = w.Strategy + "/" + w.Report.Sync
		also = func(ctx context.Context, tx store.Tx, e ledger.Entry) error {
			m, err := d.reportMessage(w, r, content, e)
			if err != nil {
				return err
			}
			return d.outbox.Put(ctx, tx, e.Seq, m)
		}
	}
	first, err := d.ledger.Report(ctx, r, also)
	if err == nil && first {
		d.worker.Wake()
		d.Log.Info("report", "strategy", w.Strategy, "from", r.From, "to", r.To, "file", r.File, "endpoint", r.Endpoint)
	}
	return err
}

// reportFile is the name of a report's file: by it a report that is made again
// takes its own place.
func reportFile(w routing.Desired, period routing.Span) string {
	from, last := period.From.In(w.Report.Zone), period.To.In(w.Report.Zone).Add(-time.Hour)
	name := w.Strategy + "-" + from.Format(time.DateOnly)
	if w.Report.Every != routing.ReportDay {
		name += "-to-" + last.Format(time.DateOnly)
	}
	return name + "." + string(w.Report.Format)
}

// writeWhole writes a file so that nobody ever sees half of it.
func writeWhole(name string, content []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(name), ".report-")
	if err != nil {
		return fmt.Errorf("write the report: %w; make the folder, or name another under report.to", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write the report: %w", err), os.Remove(tmp.Name()))
		}
	}()
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}

// reportMessage is the delivery of a report.
func (d *Daemon) reportMessage(w routing.Desired, r ledger.Reported, content []byte, e ledger.Entry) (jobs.Message, error) {
	body := json.RawMessage(content)
	if w.Report.Format != routing.ReportJSON {
		var err error
		if body, err = json.Marshal(string(content)); err != nil {
			return jobs.Message{}, err
		}
	}
	object := "report:" + w.Strategy
	event := relay.Event{ID: eventID(d.Org.ID, object, e.Seq), Type: relay.ReportReady, At: e.At, Facts: relay.Facts{
		Org: d.Org, Object: relay.Object{Kind: relay.Queue, Ref: routing.Ref{Name: w.Queue.Name}}, Strategy: w.Strategy, Actor: relay.Actor{Kind: relay.Foresort},
		Report: &relay.Report{Every: r.Every, From: r.From, To: r.To, Format: r.Format, Content: body},
	}}
	m, err := event.Message()
	if err != nil {
		return jobs.Message{}, err
	}
	return jobs.Message{Endpoint: r.Endpoint, Object: object, Event: event.Type, Body: string(m.Body)}, nil
}
