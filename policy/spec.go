package policy

// Spec is a policy as written: the document form that Compile turns into a
// Policy. It carries no positions; a Problem names the place by field path.
type Spec struct {
	Named   []NamedCondition // `namedConditions`, for `use`
	Rules   []RuleSpec       // `rules`
	Require []Condition      // `require`: every token must meet all of them
	Public  []PublicSpec     // `public`: routes that need no token, first match decides
}

// NamedCondition is a condition that others use by name.
type NamedCondition struct {
	Name      string
	Condition Condition
}

// Action says what a rule that holds does. Its zero value is Deny.
type Action uint8

// The two actions of a rule.
const (
	Deny Action = iota
	Allow
)

// RuleSpec is one rule. Methods, paths, upgrades and issuers choose the
// requests that it speaks about; When holds the conditions, all of which must
// hold.
type RuleSpec struct {
	Name     string
	Action   Action
	Methods  []string // exact, case-sensitive (RFC 9110 section 9.1); empty: see Compile
	Paths    []string // patterns; empty means every path
	NotPaths []string
	Upgrades []string // allow rules: protocols that may be upgraded to, e.g. "websocket"
	Issuers  []string // configured issuer names; empty means every issuer of the tenant
	AnyToken bool     // an allow rule without conditions must say so
	Shadow   bool     // `mode: shadow`: evaluated and reported, never part of the verdict
	When     []Condition
}

// TokenMode says whether a public route reads credentials.
type TokenMode uint8

// The token modes of a public route.
const (
	TokenNone     TokenMode = iota // credentials are not read
	TokenOptional                  // a credential that is sent must verify
)

// PublicSpec is one public route. It must name its paths.
type PublicSpec struct {
	Name                 string
	Methods              []string
	Paths                []string
	NotPaths             []string
	Token                TokenMode
	ForwardAuthorization bool // keep the Authorization header on its way upstream
}

// Condition is one node of a condition tree: either a comparison (exactly one
// left side and exactly one operator) or exactly one combinator.
type Condition struct {
	// Left sides.
	Claim     []string // path of member names; one element is one literal name
	Mapped    string   // name of a claim mapping of the token's issuer
	Tenant    string   // "name" or "labels.x"
	Principal string   // "peer": identity of the downstream connection's certificate
	CEL       string   // a whole condition in the Common Expression Language; takes no operator
	Use       string   // name of a named condition; takes no operator
	Header    string   // lower-case name
	Issuer    string   // "name" or "url"
	RemoteIP  string   // "peer": the address of the downstream connection
	Time      string   // "now"

	// Operators. A nil pointer is an operator that was not written.
	Equals, In                         *Operand
	Contains, ContainsAny, ContainsAll *Operand
	HasScope, Prefix, Suffix, Matches  *Operand
	LessThan, LessOrEqual              *Operand // `lt`, `lte`
	GreaterThan, GreaterOrEqual        *Operand // `gt`, `gte`
	Within                             *Operand // CIDR blocks, for RemoteIP
	Exists, Absent                     bool

	// Combinators.
	All, Any []Condition
	Not      *Condition

	// IfPresent turns a missing left side into false, and nothing else.
	IfPresent bool
}

// Operand is the right side of a comparison: exactly one of a literal and a
// reference. References name a path capture, a header or a claim of the same
// request.
type Operand struct {
	Literal *Literal
	Path    string // name of a `{capture}`
	Header  string
	Claim   []string
	Tenant  string // "name" or "labels.x"
}

// Literal is a constant of a policy document.
type Literal struct {
	Kind   Kind // Bool, Num, String or List
	Bool   bool
	Num    Number
	String string
	List   []Literal
}

// Problem is one mistake in a document. Path is the field path below the
// document that was compiled, in document spelling, as in
// `rules[0].when[1].claim`; a caller that knows positions maps it to a line.
type Problem struct { //nolint:errname // a mistake in a document, not a sentinel; the name is the domain's
	Path    string // where
	Message string // what is wrong
	Mend    string // how to mend it
	Cause   error  // for errors.Is and errors.As, and comparable; nil: the document alone
}

// Unwrap returns the cause.
func (p Problem) Unwrap() error { return p.Cause }

// Error renders the problem on one line.
func (p Problem) Error() string {
	text := p.Path + ": " + p.Message
	if p.Mend != "" {
		text += "; " + p.Mend
	}
	return text
}
