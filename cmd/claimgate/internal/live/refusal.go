package live

import (
	"errors"
	"fmt"
)

// Errors of a judgement as a whole.
var (
	errKeys    = errors.New("waiting for keys of issuers that changed")
	errTenants = errors.New("tenants in force would become bad")
	errWhole   = errors.New("all tenants have to be looked at")
)

// tenantsError is errTenants with the names.
type tenantsError struct {
	names    []string
	problems string
}

func (e *tenantsError) Error() string        { return e.problems }
func (e *tenantsError) Is(target error) bool { return target == errTenants }

// lossError says that a main file would make too many tenants vanish.
type lossError struct {
	names      []string
	of, atMost int
}

func newLossError(lost []*item, of, atMost int) *lossError {
	e := &lossError{of: of, atMost: atMost}
	for _, i := range lost {
		e.names = append(e.names, i.old.name)
	}
	return e
}

func (e *lossError) Error() string {
	return fmt.Sprintf("%d of %d tenants would vanish at once, and maxTenantLoss is %d; confirm it", len(e.names), e.of, e.atMost)
}
