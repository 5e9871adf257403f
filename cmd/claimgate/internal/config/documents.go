package config

import (
	"slices"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// mainDoc is the main file as written. The default of a field stands in its
// tag and nowhere else; package yamldoc applies it.
type mainDoc struct {
	APIVersion     string        `yaml:"apiVersion" required:"true" enum:"claimgate.dev/v1alpha1" doc:"Version of the format of this file."`
	Listen         listenDoc     `yaml:"listen" doc:"Where Envoy reaches the authorization service."`
	Health         *healthDoc    `yaml:"health" doc:"HTTP listener for /livez and /readyz. Off where it is not written. It names nobody, so it may listen anywhere."`
	Metrics        *metricsDoc   `yaml:"metrics" doc:"HTTP listener for Prometheus metrics. Off where it is not written. Labels name tenants."`
	Admin          *adminDoc     `yaml:"admin" doc:"HTTP listener for the status page and debug views. Off where it is not written."`
	Log            logDoc        `yaml:"log" doc:"The log."`
	Tracing        *tracingDoc   `yaml:"tracing" doc:"Traces of checks and of key fetches, to a collector of OpenTelemetry. Off where it is not written."`
	Cache          cacheDoc      `yaml:"cache" doc:"The cache of verified tokens."`
	Realm          string        `yaml:"realm" default:"claimgate" doc:"Realm of every WWW-Authenticate challenge; one for all tenants, so that their names cannot be probed."`
	DecisionID     decisionIDDoc `yaml:"decisionId" doc:"What to do with the id of each decision."`
	Proxy          proxyDoc      `yaml:"proxy" doc:"What is known of the proxy in front."`
	StateDir       string        `yaml:"stateDir" doc:"Directory, relative to this file, that keeps what must outlive the process, such as which tenant had what and was accepted first, and the last good key set of each issuer, so that a start during an outage of the issuer serves. It must belong to the user of the process and be writable by nobody else; where only the directory around it exists it is made so. One process at a time writes there who had what: a second one, as in a rolling restart, serves by what is kept, says so, and takes the directory over when the first ends. Not written: nothing is kept."`
	StateKey       secretRef     `yaml:"stateKey" doc:"Key of the HMAC that seals the key sets in stateDir, at least 16 bytes, as file:/path or env:NAME. Sets that were written with another key or without one are then not used. Not written: a checksum."`
	MaxTenantLoss  lossDoc       `yaml:"maxTenantLoss" doc:"Greatest number of tenants that one reload, or a start by what stateDir knows, removes without being told to: the greater of both."`
	OwnedHeaders   []string      `yaml:"ownedHeaders" empty:"true" doc:"Request headers that claimgate owns, in addition to those that this file sets; at most 64 in all. On every allow each one is set or removed, for every tenant."`
	Issuers        []issuerDoc   `yaml:"issuers" empty:"true" doc:"Issuers of tokens that tenants may name."`
	Entries        []entryDoc    `yaml:"entries" empty:"true" doc:"Places at which requests come in, and how the tenant is told there."`
	Policies       []namedPolicy `yaml:"policies" empty:"true" doc:"Policies that tenants use by name."`
	TenantDefaults defaultsDoc   `yaml:"tenantDefaults" doc:"What every tenant has. Headers, metadata and policies of a tenant are added to these, and a name that occurs in both is an error; everything else that a tenant writes replaces the default."`
	Tenants        []namedTenant `yaml:"tenants" empty:"true" doc:"Tenants that are written in this file."`
	TenantDirs     []dirDoc      `yaml:"tenantDirs" empty:"true" doc:"Directories with one file a tenant."`
}

type tlsDoc struct {
	CertFile          string   `yaml:"certFile" required:"true" doc:"PEM file with the certificate and its chain, relative to this file. A changed file is taken for new connections without a restart; where it is bad the last good one stays."`
	KeyFile           string   `yaml:"keyFile" required:"true" doc:"PEM file with the private key, relative to this file, taken together with certFile."`
	ClientCAFile      string   `yaml:"clientCAFile" doc:"PEM bundle of the certificate authorities that vouch for clients, relative to this file and followed as certFile is. Clients must then prove a certificate of theirs. Not written: clients need none."`
	AllowedClientSANs []string `yaml:"allowedClientSANs" doc:"Subject alternative names of which a client's certificate must have one: URIs such as spiffe://example.org/ns/edge/sa/envoy, where /* at the end stands for one more segment, and exact DNS names. At most 256. Not written: any certificate of clientCAFile will do."`
}

type listenDoc struct {
	Address           string        `yaml:"address" default:"127.0.0.1:9191" doc:"host:port or unix:///path."`
	TLS               *tlsDoc       `yaml:"tls" doc:"Serve TLS, version 1.2 or later."`
	InsecurePlaintext bool          `yaml:"insecurePlaintext" doc:"Allow an address beyond loopback without TLS: whoever is on the network can then read tokens and forge answers."`
	DrainWait         zeroableDelay `yaml:"drainWait" default:"5s" doc:"How long the service reports that it is not serving before it closes connections; at most 10m."`
	MaxConnectionAge  delay         `yaml:"maxConnectionAge" doc:"Close connections gracefully at this age, so that load spreads over new replicas. Not written: never."`
	Codec             string        `yaml:"codec" default:"own" enum:"own,generated" doc:"What decodes requests and encodes answers: own, which reads them where they lie and costs less, or generated, protobuf's generated code. Both take and say the same; generated is for telling whether a fault is the codec's."`
}

type healthDoc struct {
	Address string `yaml:"address" required:"true" doc:"host:port or unix:///path."`
}

type metricsDoc struct {
	Address           string  `yaml:"address" required:"true" doc:"host:port or unix:///path. Beyond loopback only with tls, bearerTokenFile or insecurePlaintext."`
	TLS               *tlsDoc `yaml:"tls" doc:"Serve TLS, version 1.2 or later."`
	BearerTokenFile   string  `yaml:"bearerTokenFile" doc:"File with the bearer token that scrapers must send, relative to this file."`
	InsecurePlaintext bool    `yaml:"insecurePlaintext" doc:"Allow an address beyond loopback without TLS and without a bearer token: whoever is on the network can then read the names of tenants."`
}

type adminDoc struct {
	Address        string   `yaml:"address" required:"true" doc:"host:port of a loopback address, or unix:///path."`
	Hosts          []string `yaml:"hosts" default:"[localhost, 127.0.0.1, \"::1\"]" doc:"Host names, without port, that requests may be for; others are refused, which stops DNS rebinding."`
	InsecureRemote bool     `yaml:"insecureRemote" doc:"Allow an address beyond loopback: the pages ask nobody who they are."`
}

type logDoc struct {
	Level                    string    `yaml:"level" default:"info" enum:"debug,info,warn,error" doc:"Least severe level that is written."`
	HashKey                  secretRef `yaml:"hashKey" doc:"Key of the HMAC that stands for identifiers in the log, at least 16 bytes, as file:/path or env:NAME. Replicas with one key write equal hashes. Not written: a random key."`
	InsecurePlainIdentifiers bool      `yaml:"insecurePlainIdentifiers" doc:"Write subjects and other identifiers in the clear."`
	DenialsPerSecond         int       `yaml:"denialsPerSecond" default:"10" doc:"Greatest number of denials logged each second; 0 logs none. At most 100000."`
}

type cacheDoc struct {
	Tokens int `yaml:"tokens" default:"50000" doc:"Greatest number of verified tokens kept; 0 turns the cache off. At most 10000000."`
}

type decisionIDDoc struct {
	ResponseHeader string `yaml:"responseHeader" doc:"Response header that tells the client the id of the decision, by which the log line is found. Not written: none."`
}

type proxyDoc struct {
	FiltersHeaders        bool `yaml:"filtersHeaders" doc:"The proxy sends claimgate only some of the request headers, so that the absence of one proves nothing. Noticed without a word where pseudo headers are missing, as with allowed_headers of Envoy; to be said with disallowed_headers."`
	RejectsUnderscores    bool `yaml:"rejectsUnderscores" doc:"The proxy refuses or drops header names with an underscore before it asks claimgate."`
	StripEnvoyAuthHeaders bool `yaml:"stripEnvoyAuthHeaders" default:"true" doc:"Remove the x-envoy-auth-* headers that a client sends."`
}

type lossDoc struct {
	Tenants int `yaml:"tenants" default:"5" doc:"So many tenants; at most 1000000."`
	Percent int `yaml:"percent" default:"1" doc:"So many percent of the tenants in force; at most 100."`
}

type issuerDoc struct {
	Name          string               `yaml:"name" required:"true" doc:"Name by which tenants and rules refer to the issuer: 1 to 64 of A-Z a-z 0-9 . _ -"`
	Issuer        string               `yaml:"issuer" required:"true" doc:"Issuer identifier: the exact text of the iss claim, a https URL without query, fragment and user. A loopback address may use http. {tenant.name} and {tenant.labels.x} make one issuer a tenant of it; {claim} stands for the value of that claim, which the token must carry, and needs jwksUri, jwksFile or jwks; not in tenant files."`
	Audiences     []string             `yaml:"audiences" required:"true" doc:"Audiences of which a token must name at least one."`
	AudienceClaim claimPath            `yaml:"audienceClaim" doc:"Claim that holds the audience where that is not aud, such as client_id in access tokens of Amazon Cognito. With another claim aud is not looked at. Not written: aud."`
	Algorithms    []string             `yaml:"algorithms" required:"true" doc:"Signature algorithms that are accepted: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519."`
	Types         []string             `yaml:"types" default:"[at+jwt, JWT]" empty:"items" doc:"Values of the typ header that are accepted, in any case and without application/. An empty text admits tokens without typ."`
	ClockSkew     zeroableDelay        `yaml:"clockSkew" default:"30s" doc:"Tolerance for times in tokens; at most 5m."`
	MaxTokenAge   delay                `yaml:"maxTokenAge" doc:"Greatest age of a token by its iat claim, which is then required. Not written: no limit besides exp."`
	Required      bool                 `yaml:"required" doc:"The process becomes ready only once it has keys of this issuer, however long that takes. Others are waited for 10 s at most. Only in the main file, and not for an issuer that holds a property of the tenant."`
	TenantClaim   claimPath            `yaml:"tenantClaim" doc:"Claim that names the tenant in every token of the issuer, however the tenant was found. Tenants that share the issuer are told apart by it."`
	ClaimMappings map[string]claimPath `yaml:"claimMappings" doc:"Names under which conditions and headers read claims of this issuer, as mapped."`
	FromHeaders   []fromHeaderDoc      `yaml:"fromHeaders" doc:"Headers that may carry the token. Without fromHeaders, fromCookies and fromParams it is the Authorization header with Bearer."`
	FromCookies   []string             `yaml:"fromCookies" doc:"Names of cookies that may carry the token."`
	FromParams    []string             `yaml:"fromParams" doc:"Names of query parameters that may carry the token. URLs end in logs and histories: use this only where nothing else is possible."`
	JWKSURI       string               `yaml:"jwksUri" doc:"URL of the key set. Without jwksUri, jwksFile and jwks the keys are found by OpenID Connect discovery. {tenant.name} and {tenant.labels.x} may stand in it."`
	JWKSFile      string               `yaml:"jwksFile" doc:"File with the key set, relative to this file. It is read at load. Not in tenant files."`
	JWKS          jsonDoc              `yaml:"jwks" doc:"The key set itself, as a mapping."`
	Keys          keysDoc              `yaml:"keys" doc:"How keys are fetched and how long they are kept."`
}

type fromHeaderDoc struct {
	Name   string `yaml:"name" required:"true" doc:"Name of the header."`
	Prefix string `yaml:"prefix" doc:"Scheme before the token, such as Bearer, in any case. Not written: the token stands alone."`
}

type keysDoc struct {
	RefreshInterval       delay    `yaml:"refreshInterval" default:"5m" doc:"Time between two background fetches, with 10 % jitter."`
	UnknownKIDCooldown    delay    `yaml:"unknownKidCooldown" default:"10s" doc:"Least time between two fetches that unknown key ids cause."`
	UnknownKIDWait        delay    `yaml:"unknownKidWait" default:"100ms" doc:"Longest time that a request waits for such a fetch."`
	MaxStale              delay    `yaml:"maxStale" default:"24h" doc:"How long keys stay in force after the last good fetch. After that the issuer's tokens are answered with 503."`
	MaxBackoff            delay    `yaml:"maxBackoff" default:"60s" doc:"Longest time between two attempts while fetches fail."`
	Timeout               delay    `yaml:"timeout" default:"5s" doc:"Longest time of one fetch."`
	CAFile                string   `yaml:"caFile" doc:"PEM bundle of certificate authorities in place of the system's, relative to this file. Not in tenant files."`
	BearerTokenFile       string   `yaml:"bearerTokenFile" doc:"File with a bearer token for the key server, relative to this file. It is read for each request and sent to the host of jwksUri, or else of issuer, and to no other. Not in tenant files."`
	Uses                  []string `yaml:"uses" default:"[sig]" enum:"sig,jwt-svid" doc:"Values of use that keys may have: sig, and jwt-svid for bundles of SPIFFE. A key without use counts as sig."`
	Deny                  []string `yaml:"deny" doc:"Keys that are refused wherever they come from, by kid or by RFC 7638 thumbprint (SHA-256, base64url), tokens in the cache included."`
	AllowPrivateAddresses bool     `yaml:"allowPrivateAddresses" doc:"Allow key servers at private and loopback addresses. Without it only a loopback address, or localhost, that the main file itself writes is reached. Not in tenant files."`
	InsecureHTTP          bool     `yaml:"insecureHTTP" doc:"Allow http for the issuer and its key set: whoever is on the network can then forge keys. Not in tenant files."`
}

// entryDoc is one entry. What names the tenant is exactly one of {tenant} in
// the hosts, {tenant} in the prefix, contextExtension and tenantFromClaim.
type entryDoc struct {
	Name             string       `yaml:"name" required:"true" doc:"Name by which tenants list the entry: 1 to 64 of A-Z a-z 0-9 . _ -"`
	Hosts            []string     `yaml:"hosts" doc:"Hosts of the entry: exact, *.example.com for exactly one more label, {tenant}.example.com where that label is the tenant's name, or * for every host. What {tenant}.example.com covers is kept for the tenants that list the entry, also while nobody has the name: no tenant may name such a host, or *.example.com, of its own."`
	PathPrefix       string       `yaml:"pathPrefix" doc:"Path prefix of whole segments, one of which may be {tenant}, the tenant's name. Rules see the path below it."`
	ContextExtension string       `yaml:"contextExtension" doc:"Key of Envoy's context_extensions whose value is the tenant's name. A client cannot set it."`
	TenantFromClaim  []string     `yaml:"tenantFromClaim" doc:"Names of issuers of this file whose tenantClaim finds the tenant, after the token is verified."`
	Preflight        string       `yaml:"preflight" default:"deny" enum:"allow,deny" doc:"Whether CORS preflights pass before a tenant is known."`
	Public           []publicDoc  `yaml:"public" doc:"Routes that need no token and pass before a tenant is known; the first match in this order decides."`
	PathRelaxations  []string     `yaml:"pathRelaxations" enum:"double-slash,encoded-slash,semicolon" doc:"Oddities of paths that are admitted. Such a path is judged twice, as it was sent and as an upstream may read it."`
	YieldsTo         []string     `yaml:"yieldsTo" doc:"Names of tenants and entries whose places may lie within those of this entry. A tenant named here may name single hosts that {tenant}.example.com covers, and then keeps out a tenant of that name. A name that both have is the entry's."`
	ResourceMetadata *resourceDoc `yaml:"resourceMetadata" doc:"The protected resource that challenges point to (RFC 9728)."`
}

type resourceDoc struct {
	Resource             string   `yaml:"resource" required:"true" doc:"https URL of the resource, without fragment. Its document is served under /.well-known/oauth-protected-resource."`
	AuthorizationServers []string `yaml:"authorizationServers" doc:"Issuer identifiers of the authorization servers. Not written: the issuers of the tenant or entry."`
	ScopesSupported      []string `yaml:"scopesSupported" doc:"Scopes that clients may ask for."`
}

type dirDoc struct {
	Path      string        `yaml:"path" required:"true" doc:"Directory, relative to this file. Every *.yaml in it and below is one tenant, named by its file name. Names that begin with a dot are skipped."`
	Delegated *delegatedDoc `yaml:"delegated" doc:"The tenants' own administrators write these files: this is the most that a file may say. What tenantDefaults say holds for them too. Directories and links that lead out of the directory are not read, and a file has at most 64 KiB. claimgate help delegation tells more."`
}

// namedTenant is a tenant in the main file.
type namedTenant struct {
	Name      string `yaml:"name" required:"true" doc:"Name of the tenant: 1 to 64 of A-Z a-z 0-9 . _ -"`
	tenantDoc `yaml:",inline"`
}

// fileTenant is a tenant in a file of its own.
type fileTenant struct {
	tenantDoc `yaml:",inline"`
}

// mainFields are those of the main file that people look for in a tenant file.
var mainFields = []string{"apiVersion", "listen", "health", "metrics", "admin", "log", "tracing", "cache", "realm", "decisionId", "proxy",
	"stateDir", "stateKey", "maxTenantLoss", "ownedHeaders", "policies", "tenantDefaults", "tenants", "tenantDirs"}

// UnknownField implements yamldoc.Hinter.
func (t *fileTenant) UnknownField(name string) string {
	switch {
	case name == "name":
		return "remove it: the file name without .yaml is the tenant's name"
	case slices.Contains(mainFields, name):
		return "it belongs to the main file"
	}
	return t.tenantDoc.UnknownField(name)
}

// UnknownField implements yamldoc.Hinter.
func (*tenantDoc) UnknownField(name string) string {
	switch name {
	case "rules", "use", "namedConditions":
		return "write it below policy"
	case "shadow":
		return "write mode: shadow"
	case "domain", "domains":
		return "write hosts: [...]"
	case "audiences", "algorithms":
		return "write it at the issuer"
	}
	return ""
}

// UnknownField implements yamldoc.Hinter.
func (*defaultsDoc) UnknownField(name string) string {
	switch name {
	case "hosts", "labels", "ids", "yieldsTo", "suspended", "insecureShadow", "sharedTokens", "resourceMetadata":
		return "each tenant has its own: write it in the tenant"
	case "rules", "use", "namedConditions":
		return "write it below policy"
	}
	return ""
}

// UnknownField implements yamldoc.Hinter.
func (*entryDoc) UnknownField(name string) string {
	switch name {
	case "policy", "require", "headers", "dynamicMetadata", "issuers":
		return "write it in the tenant or in tenantDefaults"
	}
	return ""
}

// UnknownField implements yamldoc.Hinter.
func (*policyDoc) UnknownField(name string) string {
	if name == "require" || name == "public" {
		return "write it beside policy, not below"
	}
	return ""
}

var _ = []yamldoc.Hinter{(*fileTenant)(nil), (*namedTenant)(nil), (*policyDoc)(nil), (*defaultsDoc)(nil), (*entryDoc)(nil)}
