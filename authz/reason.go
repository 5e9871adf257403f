package authz

// Reason says why a decision came out as it did. It is a closed set: metric
// label, log field and word of explanations. Its zero value is Internal.
type Reason uint8

// The reasons.
const (
	Internal Reason = iota

	// Allowed requests.
	Allowed         // by the policy
	PublicRoute     // by a public route
	PreflightPassed // by `preflight: allow`

	// 401
	NoToken
	PlaceUnknown
	TokenMalformed
	SeveralTokens
	TokenTooLarge
	TokenType
	AlgorithmRefused
	IssuerUnknown
	KeyUnknown
	SignatureInvalid
	AudienceRefused
	Expired
	NotYetValid
	TooOld
	ClaimsInvalid
	BindingUnproved

	// 403
	ScopeMissing
	PolicyDenied
	RequireFailed
	TenantConflict
	HeaderValueRefused

	// 400
	PathNotCanonical
	HostInvalid
	RequestInvalid

	// 503
	KeysUnavailable
	KeysPending
	TenantUnavailable
	Overloaded
	DeadlineExceeded

	reasonCount
)

// NoFault is the Fault of a request that can be judged.
const NoFault = Internal

// String returns the stable name, as in "no_token".
func (r Reason) String() string { panic("not built") }

// Verdict returns what the reason amounts to.
func (r Reason) Verdict() Verdict { panic("not built") }

// Reasons returns all reasons in order.
func Reasons() []Reason { panic("not built") }

// Verdict is what happens to a request. Its zero value denies.
type Verdict uint8

// The verdicts.
const (
	Deny        Verdict = iota // 403, 400, 500
	Allow                      // forwarded
	Challenge                  // 401
	Unavailable                // 503
)

// String returns "deny", "allow", "challenge" or "unavailable".
func (v Verdict) String() string { panic("not built") }
