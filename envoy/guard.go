package envoy

import (
	"context"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var errPanicked = status.Error(codes.Internal, "internal error")

// guardUnary is the second net below Check, and the only one below health: a
// panic that gets here would end the process. A Check is still denied by a
// message.
func (s *Service) guardUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	defer func() {
		if recover() == nil {
			return
		}
		if info.FullMethod == authv3.Authorization_Check_FullMethodName {
			resp, err = s.internal, nil
		} else {
			resp, err = nil, errPanicked
		}
	}()
	return handler(ctx, req)
}

// guardStream recovers panics of streams and ends them when the service does.
func (s *Service) guardStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer func() {
		if recover() != nil {
			err = errPanicked
		}
	}()
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	go func() {
		select {
		case <-s.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	return handler(srv, &boundStream{ServerStream: stream, ctx: ctx})
}

// boundStream is a stream with a context of our own.
type boundStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // how grpc.ServerStream hands its context out
}

// Context implements grpc.ServerStream.
func (s *boundStream) Context() context.Context { return s.ctx }
