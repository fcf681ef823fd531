//go:build !linux

package pcsc_test

import "errors"

func hideLibrary() error { return errors.New("only on Linux") }
