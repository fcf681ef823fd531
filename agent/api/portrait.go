package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

func (s *server) registerPortrait() {
	register(s, route{"get-portrait", http.MethodGet, "/v1/reads/{id}/portrait", caller, 200, "The portrait as PNG", "Personal data, as the holder; only where its hash is proved."},
		func(ctx context.Context, in *readInput) (*huma.StreamResponse, error) {
			r, err := s.read(ctx, in)
			if err != nil {
				return nil, err
			}
			png, err := r.Portrait(ctx)
			if err != nil {
				return nil, err
			}
			return &huma.StreamResponse{Body: func(ctx huma.Context) {
				_, w := humago.Unwrap(ctx)
				w.Header().Set("Content-Type", "image/png")
				w.Header().Set("Content-Length", strconv.Itoa(len(png)))
				_, _ = w.Write(png) // a caller that has gone does not read it
				clear(png)
			}}, nil
		})
}
