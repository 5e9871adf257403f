package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// Base is the compiled main file: what tenants share. Tenants are compiled
// with it one by one, at any time and by several goroutines at once, and no
// tenant's work touches another's.
type Base struct {
	main      *Main
	settings  Settings
	warnings  Problems
	registry  *jwks.Registry
	cache     *token.Cache
	scheduler *token.Scheduler
	policies  *policies
	plans     *authz.Plans
	now       func() time.Time

	issuers     map[string]*issuer // by name; broken ones too
	issuerNames []string           // sorted
	reserved    reserved
	entries     []string // names
	entrySpecs  []authz.EntrySpec
	names       map[string]place // of all owned headers, lower-case
	owned       *authz.OwnedHeaders
	named       map[string]*namedPart // compiled policies by name; broken ones too
	defaults    defaults
	broken      bool // something is wrong with the main file
}

// Compile checks and compiles what the main file says for all tenants. It asks
// no network; key sources of issuers are registered. The error is Problems, all
// of them but those of tenants.
func (m *Main) Compile(rt Runtime) (*Base, error) {
	base, found := m.compile(rt)
	mistakes, warnings := found.problems.split()
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	base.warnings = warnings
	return base, nil
}

// compile compiles what can be compiled, whatever else is wrong.
func (m *Main) compile(rt Runtime) (*Base, *report) {
	b := &builder{Base: &Base{main: m, registry: rt.Keys, cache: rt.Cache, scheduler: rt.Scheduler, policies: newPolicies(), plans: authz.NewPlans(), now: rt.Now,
		issuers: map[string]*issuer{}, named: map[string]*namedPart{}}}
	if b.now == nil {
		b.now = time.Now
	}
	if b.registry == nil {
		b.registry = jwks.NewRegistry(jwks.Options{})
	}
	if b.scheduler == nil {
		b.scheduler = token.NewScheduler(token.SchedulerOptions{})
	}
	if entries := m.doc.Cache.Tokens; b.cache == nil && entries > 0 && entries <= maxCacheTokens {
		b.cache = token.NewCache(entries)
	}
	b.Base.settings = b.settings()
	b.answers()
	b.compileIssuers()
	b.compileEntries()
	b.ownHeaders()
	b.compilePolicies()
	b.compileDefaults()
	b.checkInline()
	b.checkDelegations()
	if b.mistakes() == 0 {
		_, conflicts := b.Snapshot(0, nil, nil)
		for _, conflict := range conflicts {
			b.problems = append(b.problems, conflict.Problem)
		}
	}
	b.broken = b.mistakes() > 0
	return b.Base, &b.report
}

// Main returns the main file.
func (b *Base) Main() *Main { return b.main }

// Settings returns the settings of the process, with secrets resolved.
func (b *Base) Settings() Settings { return b.settings }

// Warnings returns what is odd about the main file and stops nothing.
func (b *Base) Warnings() Problems { return b.warnings }

// builder compiles the shared parts of one main file.
type builder struct {
	report
	*Base
}

// ownAnswers are response headers that claimgate or gRPC clients give a meaning
// to, so that the decision id cannot stand there.
var ownAnswers = []string{"www-authenticate", "retry-after", "content-type", "grpc-status", "grpc-message", "set-cookie", "location"}

const maxRealm = 64

// answers checks what goes into answers to clients.
func (b *builder) answers() {
	doc, at := &b.main.doc, place{b.main.source, ""}
	for _, c := range []byte(doc.Realm) {
		if c < ' ' || c >= 0x7f || c == '"' || c == '\\' || len(doc.Realm) > maxRealm {
			b.problem(at.at("realm"), fmt.Sprintf("a realm has at most %d characters of ASCII without quotes and backslashes", maxRealm), "")
			break
		}
	}
	header := strings.ToLower(doc.DecisionID.ResponseHeader)
	if header == "" {
		return
	}
	why := authz.CheckHeaderName(header)
	if why != "" {
		why = "this header cannot be set: " + why
	}
	if slices.Contains(ownAnswers, header) {
		why = "this response header has a meaning of its own"
	}
	if why != "" {
		b.problem(at.at("decisionId.responseHeader"), why, "use a name such as x-decision-id")
	}
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func (b *report) checkName(at place, name string) {
	if name != "" && !nameForm.MatchString(name) {
		b.problem(at, "a name has 1 to 64 of the characters A-Z a-z 0-9 . _ -", "")
	}
}

// once reports elements that a list holds twice.
func (b *report) once(at place, list []string) {
	for i, element := range list {
		if element != "" && slices.Contains(list[:i], element) {
			b.problem(at.item("", i), "this is listed twice", "remove one of them")
		}
	}
}

// known reports names that do not exist, with the one that was meant.
func (b *report) known(at place, what, name string, names []string) {
	if name != "" && !slices.Contains(names, name) {
		mend := yamldoc.Suggest(name, names)
		if mend == "" {
			mend = "define it, or correct the name"
		}
		b.problem(at, fmt.Sprintf("there is no %s %.64q", what, name), mend)
	}
}

// checkInline checks the names of the tenants of the main file.
func (b *builder) checkInline() {
	taken := map[string]place{}
	for _, t := range b.main.inline {
		at := t.at.at("name")
		b.checkName(at, t.name)
		if first, ok := taken[t.name]; ok && t.name != "" {
			b.problem(at, fmt.Sprintf("another tenant is called %s too (%s)", t.name, b.line(first)), "rename one of them")
			continue
		}
		taken[t.name] = at
	}
}
