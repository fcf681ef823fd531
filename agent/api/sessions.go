package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"passport-agent/agent"
	"passport-agent/internal/fault"
	"passport-agent/tap"
)

type sessionInput struct {
	ID string `path:"id" maxLength:"256"`
}

type newSessionOutput struct {
	Body struct {
		ID string `json:"id"`
	}
}

type sessionOutput struct{ Body SessionBody }

// SessionBody is a session at the service.
type SessionBody struct {
	ID       string      `json:"id"`
	Media    []MediaBody `json:"media" doc:"what the service has"`
	Status   string      `json:"status" doc:"as the service says it; empty where it does not"`
	Decision string      `json:"decision" doc:"empty as long as there is none"`
}

// MediaBody is a file that the service has.
type MediaBody struct {
	ID      string `json:"id"`
	Context string `json:"context"`
	Type    string `json:"type"`
	Bytes   int64  `json:"bytes"`
}

type pictureOutput struct{ Body PictureBody }

// PictureBody is what became of a picture.
type PictureBody struct {
	State   string `json:"state" enum:"accepted,queued"`
	MediaID string `json:"mediaId" doc:"as the service names it; empty for what is queued"`
	Item    string `json:"item" doc:"as the queue names it; empty for what was accepted"`
}

func (s *server) registerSessions() {
	register(s, route{"create-session", http.MethodPost, "/v1/sessions", caller, 201, "Make a session at the service", ""},
		func(ctx context.Context, _ *nothing) (*newSessionOutput, error) {
			service, err := s.service()
			if err != nil {
				return nil, err
			}
			out := &newSessionOutput{}
			out.Body.ID, err = service.CreateSession(ctx)
			return out, err
		})
	register(s, route{"get-session", http.MethodGet, "/v1/sessions/{id}", caller, 200, "Look at a session", ""},
		func(ctx context.Context, in *sessionInput) (*sessionOutput, error) {
			service, err := s.service()
			if err != nil {
				return nil, err
			}
			session, err := service.Session(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			out := &sessionOutput{SessionBody{ID: in.ID, Media: []MediaBody{}, Status: session.Status, Decision: session.Decision}}
			for _, m := range session.Media {
				out.Body.Media = append(out.Body.Media, MediaBody(m))
			}
			return out, nil
		})
	register(s, route{"submit-session", http.MethodPost, "/v1/sessions/{id}/submit", caller, 204, "Submit a session", "It takes no more media then."},
		func(ctx context.Context, in *sessionInput) (*nothing, error) {
			service, err := s.service()
			if err != nil {
				return nil, err
			}
			return nil, service.Submit(ctx, in.ID)
		})
	register(s, route{"upload-picture", http.MethodPost, "/v1/sessions/{id}/pictures", caller, 200, "Upload a picture to a session", "As multipart/form-data with the fields context and file, in this order, or as the picture itself with ?context=."},
		func(ctx context.Context, in *pictureInput) (*pictureOutput, error) {
			picture, err := s.readPicture(ctx, in)
			if err != nil {
				return nil, err
			}
			defer clear(picture.bytes)
			out := &pictureOutput{}
			var id string
			if out.Body.State, id, err = s.Agent.Picture(ctx, in.ID, picture.kind, picture.bytes); err != nil {
				return nil, err
			}
			if out.Body.State == tap.UploadAccepted {
				out.Body.MediaID = id
			} else {
				out.Body.Item = id
			}
			return out, nil
		})
	s.documentPicture()
}

// documentPicture tells of the body of a picture; told before, the framework would read
// it.
func (s *server) documentPicture() {
	s.api.OpenAPI().Paths["/v1/sessions/{id}/pictures"].Post.RequestBody = pictureBody()
}

func (s *server) service() (agent.Service, error) {
	if service := s.Agent.Sessions(); service != nil {
		return service, nil
	}
	return nil, fault.New(fault.ServiceNotConfigured, "", nil)
}

// pictureInput gets hold of the request: a picture is read by us, in memory and
// bounded. The framework would spill it to disk.
type pictureInput struct {
	ID      string `path:"id" maxLength:"256"`
	Context string `query:"context" maxLength:"64" doc:"what the picture shows, such as document-front; where the body is the picture itself"`
	request *http.Request
	writer  http.ResponseWriter
}

// Resolve takes the request from the framework.
func (in *pictureInput) Resolve(ctx huma.Context) []error {
	in.request, in.writer = humago.Unwrap(ctx)
	return nil
}

func pictureBody() *huma.RequestBody {
	binary := &huma.Schema{Type: "string", Format: "binary"}
	content := map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{
		Type: "object", Required: []string{"context", "file"},
		Properties: map[string]*huma.Schema{"context": {Type: "string"}, "file": binary},
	}}}
	for _, kind := range []string{"image/jpeg", "image/png", "image/webp", "image/heic", "image/heif", "application/pdf"} {
		content[kind] = &huma.MediaType{Schema: binary}
	}
	return &huma.RequestBody{Required: true, Content: content}
}

type picture struct {
	kind  string
	bytes []byte
}

// readPicture reads the body. Two pictures at a time are in memory, others wait.
func (s *server) readPicture(ctx context.Context, in *pictureInput) (picture, error) {
	select {
	case s.pictures <- struct{}{}:
		defer func() { <-s.pictures }()
	case <-ctx.Done():
		return picture{}, ctx.Err()
	}
	deadline := 6 * s.BodyTime
	if err := http.NewResponseController(in.writer).SetReadDeadline(time.Now().Add(deadline)); err != nil {
		return picture{}, fault.New(fault.Unexpected, "", err)
	}
	if in.request.ContentLength > maxPicture {
		return picture{}, fault.New(fault.RequestTooLarge, "", nil)
	}
	body := http.MaxBytesReader(in.writer, in.request.Body, maxPicture)
	media, parameters, err := mime.ParseMediaType(in.request.Header.Get("Content-Type"))
	if err != nil {
		return picture{}, fault.New(fault.ContentTypeRefused, "", nil)
	}
	p := picture{kind: in.Context}
	if media == "multipart/form-data" {
		p, err = readParts(multipart.NewReader(body, parameters["boundary"]))
	} else {
		p.bytes, err = readAll(body, in.request.ContentLength)
	}
	switch {
	case err != nil:
		clear(p.bytes)
		return picture{}, bodyError(err)
	case p.kind == "" || len(p.bytes) == 0:
		clear(p.bytes)
		return picture{}, fault.New(fault.RequestInvalid, "a picture needs a context and its bytes", nil)
	}
	return p, nil
}

const (
	maxParts   = 4
	maxContext = 64
)

// readParts reads the fields of a form.
func readParts(r *multipart.Reader) (p picture, err error) {
	for range maxParts {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return p, err
		}
		switch part.FormName() {
		case "context":
			text, err := io.ReadAll(io.LimitReader(part, maxContext+1))
			if err != nil {
				return p, err
			}
			if len(text) > maxContext {
				return p, fault.New(fault.RequestInvalid, "context has more than 64 bytes", nil)
			}
			p.kind = strings.TrimSpace(string(text))
		case "file":
			if p.bytes != nil {
				return p, fault.New(fault.RequestInvalid, "a form has one file", nil)
			}
			if p.bytes, err = readAll(part, -1); err != nil {
				return p, err
			}
		default:
			return p, fault.New(fault.RequestInvalid, "a form has the fields context and file, and no other", nil)
		}
	}
	return p, fault.New(fault.RequestInvalid, "a form has the fields context and file, and no other", nil)
}

// readAll reads to the end, without a copy where the length is known.
func readAll(r io.Reader, length int64) ([]byte, error) {
	if length <= 0 || length > maxPicture {
		return io.ReadAll(r)
	}
	b := make([]byte, length)
	n, err := io.ReadFull(r, b)
	return b[:n], err
}

func bodyError(err error) error {
	var large *http.MaxBytesError
	var coded *fault.Error
	switch {
	case errors.As(err, &coded):
		return err
	case errors.As(err, &large):
		return fault.New(fault.RequestTooLarge, "", nil)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault.New(fault.RequestTooSlow, "", nil)
	default:
		// The reader of forms quotes what it could not read, such as the name of a file.
		return fault.New(fault.RequestInvalid, "the body cannot be read", nil)
	}
}

var _ huma.Resolver = (*pictureInput)(nil)
