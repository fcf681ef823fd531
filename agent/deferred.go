package agent

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"passport-agent/internal/fault"
	"passport-agent/upload"
	"passport-agent/upload/queue"
)

// Deferred is the queue of deferred uploads with its worker.
type Deferred struct {
	*queue.Queue
	client queue.Client // nil: this machine sends nothing
	again  chan struct{}
	tell   func(queue.Event)

	mu      sync.Mutex
	changed func()
	paused  error
}

var _ Queue = (*Deferred)(nil)

// NewDeferred opens the queue that open returns, which tells observe of its events.
// client sends what waits; without one nothing is sent. tell, which may be nil, is told
// of these events and of what keeps the queue from being worked on at all.
func NewDeferred(client *upload.Client, open func(observe func(queue.Event)) (*queue.Queue, error), tell func(queue.Event)) (*Deferred, error) {
	d := &Deferred{changed: func() {}, again: make(chan struct{}, 1), tell: tell}
	if tell == nil {
		d.tell = func(queue.Event) {}
	}
	if client != nil {
		d.client = queue.API(client)
	}
	var err error
	d.Queue, err = open(d.observe)
	return d, err
}

func (d *Deferred) observe(e queue.Event) {
	d.mu.Lock()
	switch e.Kind {
	case queue.EventPaused:
		d.paused = fault.New(e.Code, e.Detail, nil)
	case queue.EventResumed:
		d.paused = nil
	}
	changed := d.changed
	d.mu.Unlock()
	d.tell(e)
	if e.Kind != queue.EventSending {
		changed()
	}
}

func (d *Deferred) pause(err error) {
	d.mu.Lock()
	before := fault.From(d.paused)
	d.paused = err
	changed := d.changed
	d.mu.Unlock()
	now := fault.From(err)
	if now != nil {
		d.tell(queue.Event{Kind: queue.EventPaused, Code: now.Code, Detail: now.Detail})
	}
	if (before == nil) != (now == nil) || now != nil && now.Code != before.Code {
		changed()
	}
}

// workAgain is when a queue that another process works on, or whose disk does not do
// its part, is tried again where nobody asks for it before.
const workAgain = 30 * time.Second

// Work sends what waits until the context ends.
func (d *Deferred) Work(ctx context.Context, changed func()) {
	d.mu.Lock()
	d.changed = changed
	d.mu.Unlock()
	if d.client == nil {
		d.pause(fault.New(fault.ServiceNotConfigured, "", nil))
		return
	}
	for ctx.Err() == nil {
		d.pause(nil)
		_, err := d.Queue.Work(ctx, queue.WorkOptions{Client: d.client, Until: queue.UntilStopped, Again: d.again})
		if err == nil || ctx.Err() != nil {
			return
		}
		d.pause(err)
		if errors.Is(err, fault.QueuePublicKeyOnly) {
			return
		}
		again := time.NewTimer(workAgain)
		select {
		case <-again.C:
		case <-d.again:
		case <-ctx.Done():
		}
		again.Stop()
	}
}

// State lists what is in the queue.
func (d *Deferred) State(ctx context.Context) (QueueState, error) {
	items, err := d.List(ctx)
	if err != nil {
		return QueueState{}, err
	}
	var s QueueState
	for _, item := range items {
		if item.Damaged {
			item.Reason = fault.QueueItemDamaged
		}
		s.Items = append(s.Items, QueueItem{
			ID: item.ID, State: string(item.State), Created: item.Created, NextAttempt: item.NextAttempt, Bytes: item.Bytes, Reason: string(item.Reason),
		})
	}
	d.mu.Lock()
	s.Paused = d.paused
	d.mu.Unlock()
	return s, nil
}

// Retry makes an item due now, and goes on with a queue that could not be worked on or
// was paused.
// With an empty id it does so for all that wait, were refused or have expired; what a
// person has put aside stays there.
func (d *Deferred) Retry(ctx context.Context, id string) error {
	err := d.retry(ctx, id)
	select {
	case d.again <- struct{}{}:
	default:
		// It was asked for already.
	}
	return err
}

func (d *Deferred) retry(ctx context.Context, id string) error {
	if id != "" {
		return d.Queue.Retry(ctx, id)
	}
	items, err := d.List(ctx)
	if err != nil {
		return err
	}
	for _, item := range items {
		if item.Damaged || !slices.Contains([]queue.State{queue.Waiting, queue.Refused, queue.Expired}, item.State) {
			continue
		}
		if err := d.Queue.Retry(ctx, item.ID); err != nil && !errors.Is(err, fault.QueueItemBusy) && !errors.Is(err, fault.QueueItemUnknown) {
			return err
		}
	}
	return nil
}
