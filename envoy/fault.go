package envoy

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
)

var (
	// errContradiction: the verdict and the reason of a decision disagree.
	errContradiction = errors.New("the verdict and the reason of the decision contradict each other")
	// errUnsayable: a decision holds what an answer must not.
	errUnsayable = errors.New("the decision cannot be put into an answer")
	// errMetadataOversize: the dynamic metadata is over its limit.
	errMetadataOversize = errors.New("the dynamic metadata is too large")
)

func isOversize(err error) bool { return errors.Is(err, errMetadataOversize) }

// PanicError tells of a panic that was recovered. Its text names the runtime's
// error or else only the type of what was thrown: a message made by other code
// could quote the token.
type PanicError struct {
	What  string
	Stack []byte // of the goroutine; names functions and lines, not values
}

func newPanicError(v any) *PanicError {
	e := &PanicError{What: fmt.Sprintf("a value of type %T", v), Stack: debug.Stack()}
	if err, ok := v.(runtime.Error); ok {
		e.What = err.Error()
	}
	return e
}

// Error implements error.
func (e *PanicError) Error() string { return "panic: " + e.What }
