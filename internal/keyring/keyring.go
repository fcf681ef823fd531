// Package keyring keeps short secrets in the keyring that the operating system has for
// this user. Services and remote sessions have none.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zalando/go-keyring"
)

// Errors of the keyring. ErrUnavailable holds for every entry alike.
var (
	ErrNotFound    = errors.New("not in the keyring")
	ErrUnavailable = errors.New("the keyring cannot be reached")
)

// patience bounds a keyring that waits for a person: one that is locked asks for a
// password, and on a kiosk nobody answers.
const patience = 30 * time.Second

// Set puts a secret of at most 2 KB into the keyring, under a service and a name.
func Set(ctx context.Context, service, name, secret string) error {
	_, err := bounded(ctx, func() (string, error) { return "", keyring.Set(service, name, secret) })
	return err
}

// Get returns a secret. It fails with ErrNotFound or ErrUnavailable.
func Get(ctx context.Context, service, name string) (string, error) {
	return bounded(ctx, func() (string, error) { return keyring.Get(service, name) })
}

// Delete takes a secret out. One that is not there is no error.
func Delete(ctx context.Context, service, name string) error {
	_, err := bounded(ctx, func() (string, error) { return "", keyring.Delete(service, name) })
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// bounded runs a call of the keyring, which cannot be cancelled.
func bounded(ctx context.Context, do func() (string, error)) (string, error) {
	type result struct {
		value string
		err   error
	}
	ended := make(chan result, 1)
	go func() {
		value, err := do()
		ended <- result{value, err}
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("it does not answer"))
	defer cancel()
	select {
	case r := <-ended:
		switch {
		case errors.Is(r.err, keyring.ErrNotFound):
			return "", ErrNotFound
		case r.err != nil:
			return "", fmt.Errorf("%w: %w", ErrUnavailable, r.err)
		}
		return r.value, nil
	case <-ctx.Done():
		return "", fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
}
