package main

import (
	"context"
	"log/slog"

	"passport-agent/internal/audit"
	"passport-agent/tap"
	"passport-agent/upload/queue"
)

// auditRead writes down what a tap came to, and the upload that was part of it. What
// cannot be written down is said, and keeps nothing else from being done. operator is
// the label of who is at the desk, where somebody has said.
func (a *app) auditRead(ctx context.Context, r tap.Report, operator string) {
	record := audit.Record{
		Kind: audit.KindRead, Operator: operator, TransactionID: r.TransactionID, Software: r.Software, Profile: r.Profile, Seconds: r.Wire.Seconds,
		Result: r.Status, Sizes: map[string]int64{}, Checks: map[string]string{}, Item: r.Upload.Item,
	}
	if r.TrustList != nil {
		record.TrustDate = r.TrustList.Date
	}
	for name, f := range r.Files {
		record.Sizes[name] = int64(f.Size)
	}
	for _, c := range r.Checks {
		record.Checks[c.Name] = string(c.Result)
	}
	if r.Error != nil {
		record.Code = r.Error.Code
	}
	a.audit(ctx, record)
	a.auditUpload(ctx, r.TransactionID, r.Upload, r.Error)
	if r.Portrait != nil {
		a.auditUpload(ctx, r.TransactionID, *r.Portrait, r.Error)
	}
}

// auditUpload writes down an upload that was tried without the queue; what the queue
// does it writes down itself.
func (a *app) auditUpload(ctx context.Context, transaction string, u tap.Upload, failed *tap.Error) {
	if u.State == tap.UploadNone || u.State == tap.UploadQueued {
		return
	}
	record := audit.Record{Kind: audit.KindUpload, TransactionID: transaction, Session: queue.HashSession(u.SessionID), Software: software(), Result: u.State}
	if u.Size > 0 {
		record.Sizes = map[string]int64{"media": u.Size}
	}
	if failed != nil && u.State != tap.UploadAccepted {
		record.Code = failed.Code
	}
	a.audit(ctx, record)
}

func (a *app) audit(ctx context.Context, r audit.Record) {
	log := a.auditLog()
	if log == nil {
		slog.Warn("there is no data folder, so that nothing is written down in the audit log")
		return
	}
	if _, err := log.Append(context.WithoutCancel(ctx), r); err != nil {
		a.note("Warning: not written down in the audit log: %v", err)
	}
}
