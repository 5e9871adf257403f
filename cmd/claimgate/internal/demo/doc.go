// Package demo runs an example as it stands: throw-away issuers, claimgate from
// the example's own files, a real Envoy from the example's own bootstrap, and
// an upstream that tells what it saw. It sends real requests and compares what
// came of them with what the story says.
//
//	err := demo.Run(ctx, demo.Options{Out: os.Stdout, Once: true})
//	if errors.Is(err, demo.ErrUnexpected) { ... } // a row came out otherwise
//
// Files are copied before they are run, so that a port that is taken can be
// replaced; nothing else of them changes. The demo prints tokens: they are of
// an issuer that lives in this process, on loopback, until it ends.
package demo
