package queue_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"passport-agent/internal/fault"
	"passport-agent/upload"
	"passport-agent/upload/queue"
)

// service stands for the API behind queue.Client: sessions with media, and answers
// that go wrong on demand.
type service struct {
	mu        sync.Mutex
	sessions  map[string][]queue.Media
	content   map[string][]byte // by media id
	forgetful bool              // keeps no content
	submitted map[string]int
	created   int
	lists     int
	uploads   int
	inFlight  map[string]bool
	most      int  // sessions worked on at the same time
	clash     bool // two sends into one session at the same time
	fail      func(call, session string) (err error, before bool)
	hook      func(call string) // runs within every call, before it does anything
}

func newService(sessions ...string) *service {
	s := &service{sessions: map[string][]queue.Media{}, content: map[string][]byte{}, submitted: map[string]int{}, inFlight: map[string]bool{}}
	for _, id := range sessions {
		s.sessions[id] = []queue.Media{}
	}
	return s
}

// clone returns a service in the same state, without its faults.
func (s *service) clone() *service {
	c := newService()
	c.created, c.uploads, c.forgetful = s.created, s.uploads, true
	for id, media := range s.sessions {
		c.sessions[id] = append([]queue.Media{}, media...)
	}
	maps.Copy(c.submitted, s.submitted)
	return c
}

// call does one call: it may fail before or after it has had its effect.
func (s *service) call(ctx context.Context, name, session string, do func()) error {
	if s.hook != nil {
		s.hook(name)
	}
	if ctx.Err() != nil {
		return fault.New(fault.Interrupted, "", ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	before := false
	if s.fail != nil {
		err, before = s.fail(name, session)
	}
	if session != "" && s.sessions[session] == nil {
		return fault.New(fault.SessionNotFound, "", &upload.APIError{HTTPStatus: 404, Retry: upload.RetryNever})
	}
	if err == nil || !before {
		do()
	}
	return err
}

func (s *service) CreateSession(ctx context.Context, vendorData string) (id string, err error) {
	err = s.call(ctx, "create", "", func() {
		s.created++
		id = fmt.Sprintf("created-%d", s.created)
		s.sessions[id] = []queue.Media{}
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

func (s *service) ListMedia(ctx context.Context, session string) (list []queue.Media, err error) {
	err = s.call(ctx, "list", session, func() {
		s.lists++
		list = append(list, s.sessions[session]...)
	})
	return list, err
}

func (s *service) enter(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clash = s.clash || s.inFlight[session]
	s.inFlight[session] = true
	s.most = max(s.most, len(s.inFlight))
}

func (s *service) leave(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inFlight, session)
}

func (s *service) add(session string, m queue.Media, content []byte) string {
	s.uploads++
	m.ID = fmt.Sprintf("media-%d", s.uploads)
	s.sessions[session] = append(s.sessions[session], m)
	if !s.forgetful {
		s.content[m.ID] = content
	}
	return m.ID
}

func (s *service) UploadImage(ctx context.Context, session string, image queue.Image, _ func(upload.Event)) (id string, err error) {
	s.enter(session)
	defer s.leave(session)
	err = s.call(ctx, "image", session, func() {
		id = s.add(session, queue.Media{Context: image.Context, Size: int64(len(image.Content))}, image.Content)
	})
	return id, err
}

func (s *service) UploadNFC(ctx context.Context, session string, docs upload.NFCDocuments, _ func(upload.Event)) (id string, err error) {
	s.enter(session)
	defer s.leave(session)
	err = s.call(ctx, "nfc", session, func() {
		all := slices.Concat(docs.COM, docs.SOD, docs.DG1, docs.DG2)
		id = s.add(session, queue.Media{NFC: true, Size: int64(len(all))}, all)
	})
	return id, err
}

func (s *service) Submit(ctx context.Context, session string) error {
	return s.call(ctx, "submit", session, func() { s.submitted[session]++ })
}

func (s *service) media(session string) []queue.Media {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]queue.Media(nil), s.sessions[session]...)
}

// Errors as package upload gives them.
func unreachable() error { return fault.New(fault.UploadUnreachable, "", nil) }
func uncertain() error   { return fault.New(fault.UploadUncertain, "", nil) }

func answered(code fault.Code, status int, retry upload.Retry, after time.Duration) error {
	return fault.New(code, "", &upload.APIError{HTTPStatus: status, Retry: retry, RetryAfter: after})
}

// once makes the first call of a name fail.
func once(name string, err error, before bool) func(string, string) (error, bool) {
	done := false
	return func(call, _ string) (error, bool) {
		if call != name || done {
			return nil, false
		}
		done = true
		return err, before
	}
}
