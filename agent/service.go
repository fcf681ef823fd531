package agent

import (
	"context"
	"time"

	"passport-agent/tap"
	"passport-agent/upload"
	"passport-agent/upload/queue"
)

// Service is the part of the Veriff API that the agent needs.
type Service interface {
	tap.Uploader
	// CheckSession fails where a session id cannot be one.
	CheckSession(id string) error
	// CreateSession makes a session and returns its id.
	CreateSession(ctx context.Context) (id string, err error)
	// Submit ends a session.
	Submit(ctx context.Context, id string) error
	// Session tells what is in a session and what was decided.
	Session(ctx context.Context, id string) (Session, error)
}

// Session is a session at the service.
type Session struct {
	Media []Media
	// Status is empty where the service has not said.
	Status string
	// Decision is empty as long as there is none.
	Decision string
}

// Media is a file that the service has.
type Media struct {
	ID      string
	Context string
	Type    string
	Bytes   int64
}

// Sessions is the service, for what is done to a session beside readings; nil where
// there is none.
func (a *Agent) Sessions() Service { return a.options.Service }

// uploader brings a document into a session, which it may make, or into the queue, and
// measures.
type uploader struct {
	read    *Read
	service Service
	create  bool
	session string // that was made
}

func (u *uploader) UploadNFC(ctx context.Context, session string, docs upload.NFCDocuments, observe func(upload.Event)) (upload.Receipt, error) {
	defer u.measure(time.Now())
	if u.create {
		id, err := u.service.CreateSession(ctx)
		if err != nil {
			return upload.Receipt{}, err
		}
		session, u.session = id, id
	}
	return u.service.UploadNFC(ctx, session, docs, observe)
}

// UploadImage uploads into the same session.
func (u *uploader) UploadImage(ctx context.Context, session string, image upload.Image, observe func(upload.Event)) (upload.Receipt, error) {
	defer u.measure(time.Now())
	if u.create {
		session = u.session
	}
	return u.service.UploadImage(ctx, session, image, observe)
}

func (u *uploader) measure(began time.Time) {
	u.read.mu.Lock()
	defer u.read.mu.Unlock()
	u.read.trace.Upload += time.Since(began)
}

// Enqueue puts the document into the queue: for the session that was made, where that
// succeeded and the upload did not, and to be submitted where that was asked for.
func (u *uploader) Enqueue(ctx context.Context, plan queue.Plan) (string, error) {
	if plan.SessionID == "" {
		plan.SessionID = u.session
	}
	plan.Submit = u.read.request.Submit
	return u.read.agent.options.Queue.Enqueue(ctx, plan)
}
