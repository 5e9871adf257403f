package config

// commonDoc is what a tenant may have of its own or by tenantDefaults.
type commonDoc struct {
	Entries              []string             `yaml:"entries" empty:"true" doc:"Names of entries that lead to the tenant."`
	Issuers              []grantDoc           `yaml:"issuers" doc:"Issuers whose tokens the tenant accepts: names, names with conditions, or issuers of its own. A tenant file defines none that the main file defines, unless one tenantClaim tells the tenants of both apart, and none that a template there makes of another tenant."`
	Policy               policyDoc            `yaml:"policy" doc:"Which requests with a good token are allowed."`
	Require              []conditionDoc       `yaml:"require" empty:"true" doc:"Conditions that every token must meet, whatever rules say. Those of a tenant replace those of tenantDefaults; what must hold for every tenant is a deny rule there."`
	Public               []publicDoc          `yaml:"public" empty:"true" doc:"Routes that need no token; the first match in this order decides. Those of a tenant replace those of tenantDefaults."`
	Preflight            string               `yaml:"preflight" enum:"allow,deny" doc:"Whether CORS preflights pass without a token: requests OPTIONS that carry Origin and Access-Control-Request-Method but no Authorization. Not written: deny."`
	Headers              []headerDoc          `yaml:"headers" doc:"Request headers to set for the upstream. A header whose source is absent is removed."`
	DynamicMetadata      map[string]sourceDoc `yaml:"dynamicMetadata" doc:"Fields of Envoy's dynamic metadata, under the key claimgate."`
	ForwardOriginalToken *bool                `yaml:"forwardOriginalToken" doc:"Leave the Authorization header on the request for the upstream. Not written: false."`
	PathRelaxations      []string             `yaml:"pathRelaxations" empty:"true" enum:"double-slash,encoded-slash,semicolon" doc:"Oddities of paths that are admitted. Such a path is judged twice, as it was sent and as an upstream may read it."`
	Mode                 string               `yaml:"mode" enum:"enforce,shadow" doc:"shadow passes what the policy alone would deny and reports it; the token must still be good and the tenant's. Not written: enforce."`
}

// defaultsDoc is what every tenant has.
type defaultsDoc struct {
	commonDoc `yaml:",inline"`
}

// tenantDoc is a tenant as written, in the main file or in one of its own.
type tenantDoc struct {
	Hosts            []string `yaml:"hosts" doc:"Hosts by which requests reach the tenant: exact, *.example.com for exactly one more label, or * for every host. A host belongs to one tenant, and one that {tenant}.example.com of an entry covers to that entry: list it under entries."`
	commonDoc        `yaml:",inline"`
	Labels           map[string]string `yaml:"labels" doc:"What the platform says about the tenant, for conditions, headers and issuer templates; names and values are texts."`
	IDs              map[string]string `yaml:"ids" doc:"By name of an issuer with a tenantClaim: the value of that claim that stands for this tenant. Not written: the tenant's name."`
	YieldsTo         []string          `yaml:"yieldsTo" doc:"Names of tenants and entries whose places may lie within a wildcard host of this one. A tenant with * names each entry with {tenant} in its hosts. A name that both have is the entry's."`
	Suspended        bool              `yaml:"suspended" doc:"Deny every request of the tenant at once, public routes included."`
	InsecureShadow   *insecureShadow   `yaml:"insecureShadow" doc:"Pass missing and bad tokens too, for a while: whoever knows the address can then reach the upstream."`
	SharedTokens     bool              `yaml:"sharedTokens" doc:"Say that tokens of this tenant may be good for other tenants that admit the same issuer and say so too."`
	ResourceMetadata *resourceDoc      `yaml:"resourceMetadata" doc:"The protected resource that challenges point to (RFC 9728)."`
}

type insecureShadow struct {
	Until instant `yaml:"until" required:"true" doc:"When it ends (RFC 3339); at most 90 days ahead."`
}

// policyDoc is the policy of one tenant or of all.
type policyDoc struct {
	Use             []string                `yaml:"use" doc:"Names of policies that hold too."`
	NamedConditions map[string]conditionDoc `yaml:"namedConditions" doc:"Conditions that rules use by name."`
	Rules           []ruleDoc               `yaml:"rules" empty:"true" doc:"Allow and deny rules. All are evaluated, a deny rule wins, and what no allow rule allows is denied."`
}

// namedPolicy is a policy that tenants use by name. Its rules use its own named
// conditions only, so that it means the same everywhere.
type namedPolicy struct {
	Name            string                  `yaml:"name" required:"true" doc:"Name of the policy: 1 to 64 of A-Z a-z 0-9 . _ -"`
	NamedConditions map[string]conditionDoc `yaml:"namedConditions" doc:"Conditions that rules use by name."`
	Rules           []ruleDoc               `yaml:"rules" required:"true" doc:"Allow and deny rules, as in a tenant's policy."`
}

// sourceDoc is where a value comes from.
type sourceDoc struct {
	Claim      claimPath `yaml:"claim" doc:"A claim of the token: one literal name, or a list of names as a path."`
	Value      *string   `yaml:"value" empty:"true" doc:"A constant."`
	Mapped     string    `yaml:"mapped" doc:"A claim by the name that claimMappings of the token's issuer gives it."`
	Issuer     string    `yaml:"issuer" enum:"name,url" doc:"The configured name of the token's issuer, or its URL."`
	Tenant     tenantRef `yaml:"tenant" doc:"The name of the tenant, or one of its labels as labels.x."`
	DecisionID onlyTrue  `yaml:"decisionId" doc:"The id of the decision."`
	Claims     onlyTrue  `yaml:"claims" doc:"All claims as one JSON object, in a header as base64url."`
}

type headerDoc struct {
	Name      string `yaml:"name" required:"true" doc:"Name of the header. In a tenant's own file it must be one of ownedHeaders or of those that the main file sets."`
	sourceDoc `yaml:",inline"`
	Join      string `yaml:"join" doc:"Separator between the elements of a list. Not written: a list is refused."`
	Encoding  string `yaml:"encoding" default:"percent" enum:"percent,base64url,json,refuse" doc:"How to write what a header may not hold; refuse denies the request instead."`
	Required  bool   `yaml:"required" doc:"Deny a request with a token that lacks the value."`
	Oversize  string `yaml:"oversize" default:"refuse" enum:"refuse,omit" doc:"What to do with a value over 1 KiB: deny the request, or leave the header out."`
}

type publicDoc struct {
	Name                 string   `yaml:"name" required:"true" doc:"Name of the route, for the log."`
	Methods              []string `yaml:"methods" doc:"Methods, case-sensitive. Not written: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS."`
	Paths                []string `yaml:"paths" required:"true" doc:"Path patterns, as in rules."`
	NotPaths             []string `yaml:"notPaths" doc:"Path patterns that are left out."`
	Token                string   `yaml:"token" default:"none" enum:"none,optional" doc:"none: credentials are not read. optional: a token that is sent must be good and meet require and the deny rules."`
	ForwardAuthorization bool     `yaml:"forwardAuthorization" doc:"Leave the Authorization header on the request, for signatures that the upstream checks."`
}

type ruleDoc struct {
	Name     string         `yaml:"name" required:"true" doc:"Name of the rule, for the log and explanations."`
	Action   string         `yaml:"action" required:"true" enum:"allow,deny" doc:"What happens when the conditions hold. A deny rule also denies when they cannot be decided."`
	Mode     string         `yaml:"mode" default:"enforce" enum:"enforce,shadow" doc:"shadow takes the rule out of the verdict: it is evaluated and reported."`
	Methods  []string       `yaml:"methods" doc:"Methods that the rule is about, case-sensitive. Not written: every method in a deny rule; GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS in an allow rule."`
	Paths    []string       `yaml:"paths" doc:"Path patterns that the rule is about: * is one segment or a part of it, {name} captures one segment, /** at the end covers everything below. Not written: every path."`
	NotPaths []string       `yaml:"notPaths" doc:"Path patterns that are left out."`
	Upgrades []string       `yaml:"upgrades" doc:"Protocols, such as websocket, that an allow rule lets a request upgrade to."`
	Issuers  []string       `yaml:"issuers" doc:"Names of issuers, of those of the tenant, that the rule is about. Not written: all of them."`
	AnyToken bool           `yaml:"anyToken" doc:"Say that an allow rule without conditions is meant: any good token of the tenant will do."`
	When     []conditionDoc `yaml:"when" doc:"Conditions, all of which must hold."`
}

// conditionDoc is one condition: a left side and an operator, or a combinator.
type conditionDoc struct {
	Claim       claimPath      `yaml:"claim" doc:"Left side: a claim, by its literal name or by a list of names as a path."`
	Mapped      string         `yaml:"mapped" doc:"Left side: a claim by the name that claimMappings of the token's issuer gives it."`
	Tenant      tenantRef      `yaml:"tenant" doc:"Left side: the name of the tenant, or one of its labels as labels.x."`
	Principal   string         `yaml:"principal" enum:"peer" doc:"Left side: the identity of the downstream connection's certificate."`
	CEL         string         `yaml:"cel" doc:"A whole condition in the Common Expression Language, at most 2 KiB. It takes no operator."`
	Use         string         `yaml:"use" doc:"A named condition. It takes no operator."`
	Header      string         `yaml:"header" doc:"Left side: a request header. One that occurs more than once is unknown."`
	Issuer      string         `yaml:"issuer" enum:"name,url" doc:"Left side: the issuer of the token."`
	RemoteIP    string         `yaml:"remoteIp" enum:"peer" doc:"Left side: the address of the downstream connection."`
	Time        string         `yaml:"time" enum:"now" doc:"Left side: the time of the request."`
	Equals      operand        `yaml:"equals" doc:"Equal to a value of the same type."`
	In          operand        `yaml:"in" doc:"Equal to one element of a list."`
	Contains    operand        `yaml:"contains" doc:"A list that has this element."`
	ContainsAny operand        `yaml:"containsAny" doc:"A list that has at least one of these elements."`
	ContainsAll operand        `yaml:"containsAll" doc:"A list that has all of these elements."`
	HasScope    operand        `yaml:"hasScope" doc:"A space-separated text or a list of texts that has this scope."`
	Prefix      operand        `yaml:"prefix" doc:"A text that begins so."`
	Suffix      operand        `yaml:"suffix" doc:"A text that ends so."`
	Matches     operand        `yaml:"matches" doc:"A text that this RE2 expression matches as a whole."`
	Lt          operand        `yaml:"lt" doc:"Less than a number; before a time."`
	Lte         operand        `yaml:"lte" doc:"Less than or equal to a number; not after a time."`
	Gt          operand        `yaml:"gt" doc:"Greater than a number; after a time."`
	Gte         operand        `yaml:"gte" doc:"Greater than or equal to a number; not before a time."`
	Within      operand        `yaml:"within" doc:"An address in one of these CIDR blocks."`
	Exists      onlyTrue       `yaml:"exists" doc:"There is a value, and it is not null."`
	Absent      onlyTrue       `yaml:"absent" doc:"There is no value, or it is null."`
	All         []conditionDoc `yaml:"all" doc:"Every one of these holds."`
	Any         []conditionDoc `yaml:"any" doc:"At least one of these holds."`
	Not         *conditionDoc  `yaml:"not" doc:"This does not hold; unknown stays unknown."`
	IfPresent   bool           `yaml:"ifPresent" doc:"Take a missing left side as false instead of unknown."`
}
