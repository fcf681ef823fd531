// Package api is the local API of the agent, version 1: HTTP and JSON on loopback,
// described by an OpenAPI document that is made from this code.
package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"passport-agent/agent"
	"passport-agent/agent/pair"
	"passport-agent/agent/problem"
	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
)

// Version is that of the API. A change that could break a caller gets a new one, and
// the old one stays beside it for a year (docs/api.md).
const Version = "v1"

// Limits of requests; the integrator finds them in docs/api.md.
const (
	maxJSON     = 16 << 10
	maxPicture  = 24 << 20
	maxStreams  = 64
	bodyTime    = 10 * time.Second
	pictureTime = 60 * time.Second
	heartbeat   = 15 * time.Second
)

// Options says what the API stands before. Agent and Guard are required.
type Options struct {
	Agent *agent.Agent
	Guard *pair.Guard
	// Software names program and version.
	Software string
	// Page serves the page and its files; nil serves none.
	Page http.Handler
	// Kiosk says that the page is a kiosk's.
	Kiosk bool
	// Metrics are served to who has the token; nil, or an empty token, serves none.
	Metrics      *Metrics
	MetricsToken secret.Text
	// BodyTime is how long the body of a request may take to arrive; 0 means 10 s,
	// for pictures six times as long.
	BodyTime time.Duration
	// Heartbeat is the interval of comments in event streams; 0 means 15 s.
	Heartbeat time.Duration
}

// server is the API.
type server struct {
	Options
	api      huma.API
	streams  chan struct{} // as many as may run
	pictures chan struct{} // as many as may be in memory
}

// New returns the handler of everything that the agent serves, behind the guard.
func New(o Options) http.Handler {
	mux := http.NewServeMux()
	document := build(o, mux)
	mux.HandleFunc("GET /v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(document) // a caller that has gone does not read it
	})
	mux.HandleFunc("/v1/", unknown)
	mux.Handle("/metrics", metricsHandler(o.Metrics, o.MetricsToken))
	if o.Page == nil {
		o.Page = http.HandlerFunc(unknown)
	}
	mux.Handle("/", page(o.Page))
	return o.Guard.Wrap(o.Metrics.count(recovered(mux)))
}

// Document is the OpenAPI document (3.1) of the API.
func Document() []byte { return build(Options{}, http.NewServeMux()) }

func unknown(w http.ResponseWriter, _ *http.Request) { problem.New(fault.RouteUnknown, "").Write(w) }

// page keeps methods that the page has no use for away from it.
func page(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			problem.New(fault.MethodRefused, "").Write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// build registers every route and returns the document.
func build(o Options, mux *http.ServeMux) []byte {
	if o.BodyTime == 0 {
		o.BodyTime = bodyTime
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = heartbeat
	}
	config := huma.DefaultConfig("passport-agent", "1.0.0")
	config.Info.Description = "Reads electronic passports on this machine. How to be allowed to call, and the codes of errors: docs/api.md."
	// Nothing is served beside the routes: no schemas, no links to them, and no page
	// that would load scripts from elsewhere.
	config.CreateHooks, config.OpenAPIPath, config.DocsPath, config.SchemasPath = nil, "", "", ""
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
	config.Formats = map[string]huma.Format{"application/json": format, "json": format}
	config.Transformers = []huma.Transformer{toProblem}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "token of a paired origin, or of the port file"},
		"page":  {Type: "apiKey", In: "cookie", Name: "passport-agent-PORT", Description: "cookie of the agent's page; changes also need the header X-Passport-Agent: 1"},
	}
	s := &server{Options: o, api: humago.New(mux, config), streams: make(chan struct{}, maxStreams), pictures: make(chan struct{}, 2)}
	s.registerPage()
	s.registerPairings()
	s.registerReaders()
	s.registerReads()
	s.registerMRZ()
	s.registerSessions()
	s.registerQueue()
	s.registerTrust()
	s.registerEvents()
	return s.document()
}

// unmarshal reads JSON. The body is handed over twice, to be checked and to be taken:
// after that it is overwritten, since a pool keeps it.
func unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if _, checking := v.(*any); !checking {
		clear(data)
	}
	return err
}

// document finishes the OpenAPI document and writes it.
func (s *server) document() []byte {
	o := s.api.OpenAPI()
	schemas := o.Components.Schemas.Map()
	// Every error is a Problem.
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	// Answers may get more properties; requests may not have unknown ones.
	for name, schema := range schemas {
		if name != "NewReadBody" && name != "AccessBody" && !strings.HasSuffix(name, "InputBody") {
			schema.AdditionalProperties = nil
		}
	}
	nullable(schemas["ReadersBody"], "error")
	nullable(schemas["ReadBody"], "report", "error")
	nullable(schemas["Report"], "error", "trustList")
	nullable(schemas["QueueBody"], "paused")
	b, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		panic(err) // of a document that does not depend on input; a test makes it
	}
	return append(bytes.TrimSpace(b), '\n')
}

// nullable says that properties may be null, which the code tells by a pointer.
func nullable(s *huma.Schema, properties ...string) {
	for _, name := range properties {
		s.Properties[name] = &huma.Schema{
			Description: s.Properties[name].Description,
			OneOf:       []*huma.Schema{{Ref: s.Properties[name].Ref}, {Type: "null"}},
		}
	}
}
