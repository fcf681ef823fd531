package api

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"time"

	"passport-agent/agent"
	"passport-agent/agent/pair"
	"passport-agent/agent/problem"
	"passport-agent/icao"
	"passport-agent/icao/mrz"
	"passport-agent/internal/fault"
	"passport-agent/tap"
)

// AccessBody is what opens a document: one of the three ways.
type AccessBody struct {
	MRZ            string `json:"mrz,omitempty" maxLength:"256" doc:"the whole machine-readable zone, with or without line breaks"`
	DocumentNumber string `json:"documentNumber,omitempty" maxLength:"32" doc:"as printed, with birthDate and expiryDate"`
	BirthDate      string `json:"birthDate,omitempty" maxLength:"6" doc:"YYMMDD"`
	ExpiryDate     string `json:"expiryDate,omitempty" maxLength:"6" doc:"YYMMDD"`
	CAN            string `json:"can,omitempty" maxLength:"16" doc:"card access number"`
}

// access returns what opens the document. It fails where not exactly one way is given,
// and as the parsers do.
func (b AccessBody) access() (icao.Access, *mrz.MRZ, []tap.Warning, error) {
	fields := b.DocumentNumber != "" || b.BirthDate != "" || b.ExpiryDate != ""
	ways := 0
	for _, given := range []bool{b.MRZ != "", fields, b.CAN != ""} {
		if given {
			ways++
		}
	}
	switch {
	case ways != 1:
		return icao.Access{}, nil, nil, fault.New(fault.AccessDataMissing, "access takes mrz, or documentNumber with birthDate and expiryDate, or can", nil)
	case b.MRZ != "":
		return tap.AccessByZone(b.MRZ)
	case b.CAN != "":
		access, err := tap.AccessByCAN(b.CAN)
		return access, nil, nil, err
	default:
		key, err := mrz.KeyFromFields(b.DocumentNumber, b.BirthDate, b.ExpiryDate)
		return icao.Access{Key: key}, nil, nil, err
	}
}

// NewReadBody is what a reading is to do.
type NewReadBody struct {
	Access      AccessBody   `json:"access"`
	Reader      string       `json:"reader,omitempty" maxLength:"256" doc:"name of the reader, or a part of it; empty takes the first with a document"`
	Session     string       `json:"session,omitempty" maxLength:"256" doc:"session to upload to; 'create' makes one, empty uploads nothing"`
	Defer       bool         `json:"defer,omitempty" doc:"put the document into the queue, which uploads it later: to the session, or to one of its own"`
	OnFailed    tap.OnFailed `json:"onFailed,omitempty" enum:"upload,hold,refuse" doc:"what becomes of a document that failed a check; the agent's setting where it is left out"`
	Submit      bool         `json:"submit,omitempty" doc:"submit the session once everything is there"`
	WaitSeconds int          `json:"waitSeconds,omitempty" minimum:"1" maximum:"3600" doc:"how long to wait for the document; the agent's setting where it is left out"`
}

type createReadInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"the same key with the same request gives the same reading"`
	Body           NewReadBody
}

type createReadOutput struct {
	Status int
	Body   ReadBody
}

type readInput struct {
	ID string `path:"id" maxLength:"64"`
}

type readOutput struct{ Body ReadBody }

type readsOutput struct{ Body []ReadBody }

type holderOutput struct{ Body tap.Holder }

// ReadBody is a reading. Nothing in it is personal.
type ReadBody struct {
	ID        string           `json:"id"`
	State     agent.State      `json:"state" enum:"waiting,reading,proving,judging,uploading,done,failed,cancelled"`
	Phase     tap.EventKind    `json:"phase" doc:"the last step: no_reader, waiting, unresponsive, remove_previous, document, opened, reading, file, file_absent, proving, removed, resumed, judged, uploading, uploaded, queued"`
	File      string           `json:"file" doc:"the file that is read; empty is none"`
	Percent   int              `json:"percent" minimum:"0" maximum:"100"`
	Seconds   float64          `json:"seconds" doc:"since the document was there"`
	Reader    string           `json:"reader"`
	Created   time.Time        `json:"created"`
	Expires   *time.Time       `json:"expires" nullable:"true" doc:"when personal data will be erased; null before the end"`
	Session   string           `json:"session" doc:"session of the upload, also where it was created for it"`
	Submitted bool             `json:"submitted"`
	Report    *tap.Report      `json:"report" doc:"the report of read --json, from the verdict on; null before"`
	Error     *problem.Problem `json:"error" doc:"what kept the reading from succeeding; null is nothing"`
	Portrait  bool             `json:"portrait" doc:"there is a portrait whose hash is proved"`
}

func bodyOf(s agent.Status) ReadBody {
	b := ReadBody{
		ID: s.ID, State: s.State, Phase: s.Phase, File: s.File, Percent: s.Percent, Seconds: math.Round(s.Elapsed.Seconds()*1000) / 1000,
		Reader: s.Reader, Created: s.Created, Session: s.SessionID, Submitted: s.Submitted, Report: s.Report, Error: problem.Of(s.Err),
		Portrait: s.Portrait,
	}
	if !s.Expires.IsZero() {
		b.Expires = &s.Expires
	}
	return b
}

func current(r *agent.Read) ReadBody {
	s, _ := r.Status()
	return bodyOf(s)
}

func (s *server) registerReads() {
	register(s, route{"create-read", http.MethodPost, "/v1/reads", caller, 201, "Read a document", "Waits for a document, reads and judges it, and uploads it where a session is given. 200 where the idempotency key was used before."}, s.createRead)
	register(s, route{"list-reads", http.MethodGet, "/v1/reads", caller, 200, "List one's own readings", ""},
		func(ctx context.Context, _ *nothing) (*readsOutput, error) {
			out := &readsOutput{Body: []ReadBody{}}
			for _, r := range s.Agent.Reads(pair.CallerOf(ctx).Owner()) {
				out.Body = append(out.Body, current(r))
			}
			return out, nil
		})
	register(s, route{"get-read", http.MethodGet, "/v1/reads/{id}", caller, 200, "Look at a reading", ""},
		func(ctx context.Context, in *readInput) (*readOutput, error) {
			r, err := s.read(ctx, in)
			if err != nil {
				return nil, err
			}
			return &readOutput{current(r)}, nil
		})
	register(s, route{"cancel-read", http.MethodPost, "/v1/reads/{id}/cancel", caller, 204, "Cancel a reading", "A command under way at the chip is let end."},
		func(ctx context.Context, in *readInput) (*nothing, error) {
			r, err := s.read(ctx, in)
			if err == nil {
				r.Cancel()
			}
			return nil, err
		})
	register(s, route{"extend-read", http.MethodPost, "/v1/reads/{id}/extend", caller, 200, "Keep personal data for as long again", ""},
		func(ctx context.Context, in *readInput) (*readOutput, error) {
			r, err := s.read(ctx, in)
			if err == nil {
				err = r.Extend()
			}
			if err != nil {
				return nil, err
			}
			return &readOutput{current(r)}, nil
		})
	register(s, route{"forget-read", http.MethodDelete, "/v1/reads/{id}", caller, 204, "Erase personal data now", "Also cancels the reading where it has not ended."},
		func(ctx context.Context, in *readInput) (*nothing, error) {
			return nil, s.Agent.Forget(pair.CallerOf(ctx).Owner(), in.ID)
		})
	register(s, route{"get-holder", http.MethodGet, "/v1/reads/{id}/holder", caller, 200, "What DG1 says", "Personal data: for the caller that created the reading, from the verdict until `expires`."},
		func(ctx context.Context, in *readInput) (*holderOutput, error) {
			r, err := s.read(ctx, in)
			if err != nil {
				return nil, err
			}
			holder, err := r.Holder()
			return &holderOutput{holder}, err
		})
	s.registerPortrait()
}

func (s *server) read(ctx context.Context, in *readInput) (*agent.Read, error) {
	return s.Agent.Read(pair.CallerOf(ctx).Owner(), in.ID)
}

func (s *server) createRead(ctx context.Context, in *createReadInput) (*createReadOutput, error) {
	access, zone, warnings, err := in.Body.Access.access()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(in.Body)
	if err != nil {
		return nil, err
	}
	request := s.Agent.Fingerprint(string(text))
	clear(text)
	r, created, err := s.Agent.Create(pair.CallerOf(ctx).Owner(), in.IdempotencyKey, request, agent.Request{
		Access: access, Zone: zone, Warnings: warnings, Reader: in.Body.Reader, Session: in.Body.Session, Defer: in.Body.Defer,
		OnFailed: in.Body.OnFailed, Submit: in.Body.Submit, Wait: time.Duration(in.Body.WaitSeconds) * time.Second,
	})
	if err != nil {
		return nil, err
	}
	out := &createReadOutput{Status: http.StatusCreated, Body: current(r)}
	if !created {
		out.Status = http.StatusOK
	}
	return out, nil
}
