package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"passport-agent/agent"
	"passport-agent/agent/problem"
	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
)

// Metrics are counts and times of the agent in a registry of their own. Nothing in
// them is personal. A nil Metrics counts nothing.
type Metrics struct {
	registry *prometheus.Registry
	reads    *prometheus.CounterVec
	uploads  *prometheus.CounterVec
	reading  prometheus.Histogram
	transmit prometheus.Histogram
	upload   prometheus.Histogram
	requests *prometheus.CounterVec
}

// NewMetrics makes the metrics of an agent.
func NewMetrics() *Metrics {
	seconds := prometheus.ExponentialBuckets(0.1, 1.6, 12)
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		reads:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "passport_agent_reads_total", Help: "Readings that have ended, by verdict and code of the error."}, []string{"status", "code"}),
		uploads:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "passport_agent_uploads_total", Help: "Uploads of readings, by state."}, []string{"state"}),
		reading:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "passport_agent_read_seconds", Help: "From the document to the verdict.", Buckets: seconds}),
		transmit: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "passport_agent_transmit_seconds", Help: "Time in commands to the chip, by reading.", Buckets: seconds}),
		upload:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "passport_agent_upload_seconds", Help: "Time in the upload, by reading.", Buckets: seconds}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "passport_agent_requests_total", Help: "Requests to the local API, by route and HTTP status."}, []string{"route", "status"}),
	}
	m.registry.MustRegister(m.reads, m.uploads, m.reading, m.transmit, m.upload, m.requests,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Watch adds what can be asked of an agent at any time.
func (m *Metrics) Watch(a *agent.Agent) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "passport_agent_readers", Help: "Readers that are plugged in."}, func() float64 {
		readers, _ := a.Readers() // an error is no reader
		return float64(len(readers))
	}))
}

// Record counts a reading that has ended.
func (m *Metrics) Record(r agent.Record) {
	if m == nil || r.Report == nil {
		return
	}
	code := ""
	if r.Report.Error != nil {
		code = string(r.Report.Error.Code)
	}
	m.reads.WithLabelValues(r.Report.Status, code).Inc()
	m.uploads.WithLabelValues(r.Report.Upload.State).Inc()
	if t := r.Trace; !t.Judged.IsZero() {
		m.reading.Observe(t.Judged.Sub(t.Connected).Seconds())
		m.transmit.Observe(t.Transmit.Seconds())
		if t.Upload > 0 {
			m.upload.Observe(t.Upload.Seconds())
		}
	}
}

// count counts requests by their route, never by their path.
func (m *Metrics) count(next http.Handler) http.Handler {
	if m == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(status, r)
		route := r.Pattern
		if _, path, ok := strings.Cut(route, " "); ok {
			route = path
		}
		m.requests.WithLabelValues(route, strconv.Itoa(status.status)).Inc()
	})
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// metricsHandler serves the metrics to who has their token, which is no token of the
// API and opens nothing else.
func metricsHandler(m *Metrics, token secret.Text) http.Handler {
	if m == nil || token.Empty() {
		return http.HandlerFunc(unknown)
	}
	want := sha256.Sum256([]byte("Bearer " + token.Reveal()))
	serve := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		switch {
		case r.Method != http.MethodGet:
			problem.New(fault.MethodRefused, "").Write(w)
		case subtle.ConstantTimeCompare(got[:], want[:]) != 1:
			problem.New(fault.TokenMissing, "").Write(w)
		default:
			serve.ServeHTTP(w, r)
		}
	})
}
