package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/foresort/foresort/internal/jobs"
)

// This file tells how the daemon is: health, readiness, and metrics.

type metrics struct {
	registry  *prometheus.Registry
	changes   *prometheus.CounterVec
	attempts  *prometheus.CounterVec
	connected prometheus.Gauge
	polled    prometheus.Gauge
	swept     prometheus.Gauge
	adjusted  *prometheus.CounterVec
	overrides *prometheus.GaugeVec
	// deliveries are counted when they are asked for.
	deliveries *prometheus.GaugeVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry:   prometheus.NewRegistry(),
		changes:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "foresort_changes_total", Help: "Changes of watched objects."}, []string{"type", "out_of_band"}),
		attempts:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "foresort_delivery_attempts_total", Help: "Attempts to deliver, by what became of them."}, []string{"endpoint", "outcome"}),
		connected:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "foresort_notifications_connected", Help: "1 while the platform's websocket is connected."}),
		polled:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "foresort_audit_polled_timestamp_seconds", Help: "When the audit trail answered last."}),
		swept:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "foresort_swept_timestamp_seconds", Help: "When every object was read last."}),
		adjusted:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "foresort_adjustments_total", Help: "Overrides that began, ended, were recommended or could not be."}, []string{"strategy", "rule", "reason", "outcome"}),
		overrides:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "foresort_overrides", Help: "Overrides that hold."}, []string{"strategy"}),
		deliveries: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "foresort_deliveries", Help: "Deliveries that are open, or dead: given up; -1: not known."}, []string{"state"}),
	}
	m.registry.MustRegister(m.changes, m.attempts, m.connected, m.polled, m.swept, m.adjusted, m.overrides, m.deliveries,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// serve answers /healthz, /readyz and /metrics until the context ends.
func (d *Daemon) serve(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.Listen)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { answer(w, d.unready(r.Context())) })
	collected := promhttp.HandlerFor(d.metrics.registry, promhttp.HandlerOpts{})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		d.count(r.Context())
		collected.ServeHTTP(w, r)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	d.Log.Info("answering", "address", "http://"+listener.Addr().String())
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = server.Shutdown(last)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// count counts the deliveries for the metrics.
func (d *Daemon) count(ctx context.Context) {
	for _, state := range []jobs.State{jobs.Open, jobs.Dead} {
		n, err := d.outbox.Count(ctx, state)
		if err != nil {
			n = -1
		}
		d.metrics.deliveries.WithLabelValues(string(state)).Set(float64(n))
	}
}

// unready says why the daemon does not do its work; nil: it does, or another
// process leads.
func (d *Daemon) unready(ctx context.Context) error {
	if _, err := d.outbox.Count(ctx, jobs.Dead); err != nil {
		return err
	}
	if d.leads.Load() && !d.ready.Load() {
		return errors.New("the organisation has not been read yet")
	}
	return nil
}

func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	out := map[string]string{"status": "ok"}
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		out = map[string]string{"status": "not ready", "reason": err.Error()}
	}
	_ = json.NewEncoder(w).Encode(out)
}
