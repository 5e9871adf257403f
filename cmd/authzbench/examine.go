package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"
)

var (
	errRefused  = errors.New("a good request was refused")
	errAdmitted = errors.New("a request with a forged signature was let through")
	errHeaders  = errors.New("the headers are not those of the token")
)

// examine asks by generated code what the load will ask by frames, and compares
// the answer with what the variant must say. It waits until the server answers
// at all, and until its keys are there.
func (s *server) examine(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(4 * pollEvery)
	defer tick.Stop()
	err := s.allowsToken(ctx, 0)
	for errors.Is(err, errRefused) && ctx.Err() == nil {
		select {
		case <-tick.C:
			err = s.allowsToken(ctx, 0)
		case <-ctx.Done():
		}
	}
	if err != nil {
		return err
	}
	if err := s.allowsToken(ctx, len(s.traffic.frames)-1); err != nil {
		return err
	}
	return s.refusesForged(ctx)
}

func (s *server) allowsToken(ctx context.Context, i int) error {
	response, err := s.ask(ctx, s.traffic.frames[i])
	if err != nil {
		return err
	}
	ok := response.GetOkResponse()
	if response.GetStatus().GetCode() != 0 || ok == nil {
		return fmt.Errorf("%w: status %d", errRefused, response.GetStatus().GetCode())
	}
	who := identityAt(0, 1)
	if s.injects {
		who = identityAt(i, s.traffic.Tenants)
	}
	want, got := map[string]string{}, map[string]string{}
	for _, h := range headersOf(who) {
		want[h[0]] = h[1]
	}
	for _, option := range ok.GetHeaders() {
		got[option.GetHeader().GetKey()] = option.GetHeader().GetValue()
	}
	if !maps.Equal(want, got) {
		return fmt.Errorf("%w: got %v, want %v", errHeaders, got, want)
	}
	return nil
}

func (s *server) refusesForged(ctx context.Context) error {
	if !s.decides {
		return nil
	}
	response, err := s.ask(ctx, s.traffic.forged)
	if err != nil {
		return err
	}
	if response.GetStatus().GetCode() == 0 || response.GetDeniedResponse() == nil {
		return errAdmitted
	}
	return nil
}

func (s *server) ask(ctx context.Context, frame []byte) (*authv3.CheckResponse, error) {
	request := &authv3.CheckRequest{}
	if err := proto.Unmarshal(frame, request); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	return authv3.NewAuthorizationClient(s.conns[0]).Check(ctx, request)
}
