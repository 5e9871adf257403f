package main

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/errgroup"
)

// bareName is the variant that verifies signatures and does nothing else.
const bareName = "bare"

// bare verifies the signatures of tokens on every processor, in this process,
// without a server: what a first-seen token costs at the least.
type bare struct {
	method jwt.SigningMethod
	key    any
	load   workload
	parts  []signedText
}

type signedText struct {
	text      string
	signature []byte
}

var errToken = errors.New("no token of ours")

func newBare(w *world, load workload) (*bare, error) {
	tokens, err := w.tokens(pool{load.Algorithm, load.Tenants}, min(load.Tokens, minCold))
	if err != nil {
		return nil, err
	}
	b := &bare{method: jwt.GetSigningMethod(load.Algorithm), key: w.signers[load.Algorithm].Public(), load: load}
	for _, token := range tokens {
		dot := strings.LastIndexByte(token, '.')
		signature, err := jwt.NewParser().DecodeSegment(token[dot+1:])
		if err != nil || b.method.Verify(token[:dot], signature, b.key) != nil {
			return nil, errToken
		}
		b.parts = append(b.parts, signedText{token[:dot], signature})
	}
	return b, nil
}

func (*bare) levels() []level { return levels()[:1] }

// begin returns b itself: it has nothing to keep from slice to slice.
func (b *bare) begin(context.Context, level) (session, error) { return b, nil }

// slice needs no lead: nothing has to wake up.
func (b *bare) slice(ctx context.Context, _, length time.Duration) (reading, error) {
	start := time.Now()
	var checks, spent atomic.Int64
	var group errgroup.Group
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			before, err := threadTime()
			if err != nil {
				return err
			}
			n, err := b.verify(ctx, start.Add(length))
			if err != nil {
				return err
			}
			after, err := threadTime()
			checks.Add(n)
			spent.Add(int64(after - before))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return reading{}, err
	}
	seen := sample{untimed: int(checks.Load()), elapsed: time.Since(start)}
	return reading{seen, cost{server: time.Duration(spent.Load())}}, ctx.Err()
}

func (b *bare) end(context.Context) (tally, error) {
	return tally{variant: bareName, workload: b.load.String()}, nil
}

func (*bare) close() {}

// verify goes over the tokens until the end.
func (b *bare) verify(ctx context.Context, end time.Time) (int64, error) {
	var n int64
	for ; time.Now().Before(end) && ctx.Err() == nil; n++ {
		part := &b.parts[int(n)%len(b.parts)]
		if err := b.method.Verify(part.text, part.signature, b.key); err != nil {
			return n, err
		}
	}
	return n, nil
}
