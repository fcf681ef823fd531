package main

import (
	"context"

	"passport-agent/internal/fault"
	"passport-agent/internal/folder"
	"passport-agent/internal/portrait"
	"passport-agent/tap"
)

const portraitHelp = "file to write the portrait to, as PNG and in the clear, once the issuer's signature is found to cover it"

// withPortrait writes the portrait of a document where a file is named for it. It is not
// decoded before its hash is proved. What kept it from being written is the error of a
// result that has no other.
func (a *app) withPortrait(ctx context.Context, file string, result tap.Result) tap.Result {
	if file == "" || result.Document == nil || result.Document.Face == nil {
		return result
	}
	err := writePortrait(ctx, file, result)
	switch {
	case err == nil:
		a.note("Portrait written to %s, in the clear.", file)
	case result.Err == nil:
		result.Err, result.Report.Error = err, tap.ErrorOf(err)
	default:
		a.note("No portrait: %v", err)
	}
	return result
}

func writePortrait(ctx context.Context, file string, result tap.Result) error {
	if !result.Report.PortraitProved() {
		return fault.New(fault.PortraitNotProved, "", nil)
	}
	// ParseDG2 fails where there is none.
	picture, err := portrait.Decode(ctx, result.Document.Face.Portraits[0].Image)
	if err != nil {
		return err
	}
	return folder.SaveFile(file, picture)
}
