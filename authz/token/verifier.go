package token

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unique"
	"unsafe"
)

// Verified is a verified token. It is shared with the cache and read-only.
type Verified struct {
	Issuer    *Issuer // of the Verifier asked, also where the cache answered
	IssuerURL string  // `iss`, which a template does not tell
	Claims    *Value  // an Object
	Subject   string  // `sub`, "" where absent
	Cached    bool    // answered by the cache
}

// Verifier verifies the tokens of one scope, that is of the issuers that one
// tenant admits. Its settings are immutable; it is safe for concurrent use. The
// zero value refuses every token.
type Verifier struct {
	issuers     map[string]*Issuer // by URL
	only        *Issuer            // of issuers, where there is one
	templates   []*Issuer          // those of issuers that are templates
	fingerprint fingerprint
	scope       unique.Handle[fingerprint] // the same
	cache       *Cache                     // nil without caching
	scheduler   *Scheduler
	payer       Payer
	tenant      func(*Issuer, *Value) string // nil: all count alike
}

// NewVerifier builds a verifier. No two issuers may match one `iss`. Without
// issuers every token is refused. A nil cache turns caching off; verifiers of
// many tenants may share one.
func NewVerifier(issuers []*Issuer, cache *Cache) (*Verifier, error) {
	v := &Verifier{issuers: make(map[string]*Issuer, len(issuers)), cache: cache, scheduler: NewScheduler(SchedulerOptions{})}
	for _, i := range issuers {
		if i == nil || i.keys == nil {
			return nil, errors.New("token: issuer that NewIssuer did not make")
		}
		if v.issuers[i.url] != nil {
			return nil, fmt.Errorf("token: issuers %q and %q have the same URL", v.issuers[i.url].name, i.name)
		}
		v.issuers[i.url] = i
		if i.template.open() {
			v.templates = append(v.templates, i)
		}
	}
	for _, t := range v.templates {
		for _, i := range issuers {
			if i != t && i.Overlaps(t) {
				return nil, fmt.Errorf("token: issuers %q and %q match the same identifier", t.name, i.name)
			}
		}
	}
	if len(issuers) == 1 {
		v.only = issuers[0]
	}
	v.fingerprint = fingerprintOf(issuers)
	v.scope = unique.Make(v.fingerprint)
	return v, nil
}

// CountFor returns a verifier that verifies alike, but counts what it caches for
// the tenant that tenant names, so that tenants with settings in common have
// shares of their own. Tokens of "", which no tenant knows, have one share
// together.
func (v *Verifier) CountFor(tenant func(*Issuer, *Value) string) *Verifier {
	counting := *v
	counting.tenant = tenant
	return &counting
}

// ChargeTo returns a verifier that verifies alike, but takes its turns on a
// scheduler that it shares with others, at the expense of one payer. Verifiers
// of the same payer, as those before and after a reload, are one to it. A nil
// scheduler changes nothing.
func (v *Verifier) ChargeTo(scheduler *Scheduler, payer Payer) *Verifier {
	if scheduler == nil {
		return v
	}
	charging := *v
	charging.scheduler, charging.payer = scheduler, payer
	return &charging
}

// holder returns whose share of the cache a token counts against.
func (v *Verifier) holder(e *entry) fingerprint {
	if v.tenant == nil {
		return fingerprint{}
	}
	name := v.tenant(v.issuers[e.origin.Value().issuer], e.claims)
	if name == "" {
		return fingerprint{}
	}
	w := settingsHash{sha256.New()}
	w.list(string(v.fingerprint[:]), name)
	return fingerprint(w.Sum(nil))
}

// Verify checks one compact JWS in the order: size, cache, alphabet, header,
// issuer, typ, algorithm, key, signature, claims, time. The error is one of the
// sentinels of this package. A cached token is judged as strictly as a fresh
// one: by the time, by the key that verified it, which must still be the one
// that the issuer has for the token, and by settings that are the same.
//
// A token is valid while now is before `exp` plus the clock skew and not before
// `nbf` or `iat` minus the skew, and, where ages are limited, before `iat` plus
// the greatest age plus the skew.
func (v *Verifier) Verify(ctx context.Context, raw string, now time.Time) (Verified, error) {
	return v.VerifyFrom(ctx, raw, now, netip.Addr{})
}

// VerifyFrom is Verify on behalf of a client: signatures to check take turns by
// address within the payer's, so that one client's flood leaves room for others.
// The zero address is nobody's in particular.
func (v *Verifier) VerifyFrom(ctx context.Context, raw string, now time.Time, client netip.Addr) (Verified, error) {
	if len(raw) > MaxTokenBytes {
		return Verified{}, ErrTooLarge
	}
	if v.cache == nil {
		return v.uncached(ctx, sent{raw: raw, client: client, now: now})
	}
	key := cacheKey{token: sum(raw), scope: v.scope}
	shard := v.cache.shard(&key)
	if found := shard.get(&key); found != nil {
		i, err := v.recheck(ctx, found, now)
		if err != nil {
			return Verified{}, err
		}
		if i != nil {
			shard.hits.Add(1)
			claims := found.claims
			return Verified{Issuer: i, IssuerURL: i.issOf(claims), Claims: claims, Subject: claims.Get("sub").Str(), Cached: true}, nil
		}
		shard.remove(&key)
	}
	return v.missed(ctx, sent{raw: raw, client: client, now: now, shard: shard, key: key})
}

// sent is a token that is to be verified.
type sent struct {
	raw    string
	client netip.Addr
	now    time.Time
	shard  *shard // nil without a cache
	key    cacheKey
	shared bool // another request verified it
}

// uncached verifies a token where nothing is cached.
func (v *Verifier) uncached(ctx context.Context, s sent) (Verified, error) {
	e, err := v.fresh(ctx, &s, &workspace{})
	return v.outcome(&e, err)
}

// missed verifies a token that the cache did not have, and keeps it.
func (v *Verifier) missed(ctx context.Context, s sent) (Verified, error) {
	work := v.cache.workspace()
	e, err := v.fresh(ctx, &s, work)
	v.cache.workspaces.Put(work)
	if err == nil && !s.shared {
		e.holder = v.holder(&e)
		s.shard.put(s.key, &e, s.now)
	}
	return v.outcome(&e, err)
}

// outcome turns an entry into what the caller sees.
func (v *Verifier) outcome(e *entry, err error) (Verified, error) {
	if err != nil {
		return Verified{}, err
	}
	i := v.issuers[e.origin.Value().issuer]
	return Verified{Issuer: i, IssuerURL: i.issOf(e.claims), Claims: e.claims, Subject: e.claims.Get("sub").Str()}, nil
}

// issOf returns the `iss` of a token that was verified.
func (i *Issuer) issOf(claims *Value) string {
	if i.template.open() {
		return claims.Get("iss").Str()
	}
	return i.url
}

// issuer returns the issuer of that URL. Most scopes have one, which is found
// without a look at a map of their own.
func (v *Verifier) issuer(url string) *Issuer {
	if v.only != nil && v.only.url == url {
		return v.only
	}
	return v.issuers[url]
}

// recheck returns the issuer of a cached token that would be accepted afresh, nil
// of another. An error says that this cannot be known, since the issuer's keys are
// unavailable.
func (v *Verifier) recheck(ctx context.Context, e *cached, now time.Time) (*Issuer, error) {
	from := e.origin.Value()
	i := v.issuer(from.issuer)
	if i == nil || !e.valid(now) {
		return nil, nil
	}
	set, err := i.keySet(ctx, "")
	if err != nil {
		return nil, err
	}
	key := set.find(wantedKey{kid: from.kid, iss: i.issOf(e.claims), alg: from.alg, allowed: i.algs})
	if key == nil || key.thumbprint != from.thumbprint {
		return nil, nil
	}
	return i, nil
}

// fresh verifies a token without the cache. What it returns holds nothing of the
// workspace.
func (v *Verifier) fresh(ctx context.Context, s *sent, w *workspace) (entry, error) {
	parts, err := splitCompact(s.raw)
	if err != nil {
		return entry{}, err
	}
	if s.shard != nil {
		s.shard.misses.Add(1)
	}
	h, err := w.parseHeader(parts.header)
	if err != nil {
		return entry{}, err
	}
	payload, err := w.payload(parts.payload)
	if err != nil {
		return entry{}, err
	}
	i, iss, err := v.issuerOf(payload)
	if err != nil {
		return entry{}, err
	}
	key, alg, err := i.findKey(ctx, h, iss)
	if err != nil {
		return entry{}, err
	}
	what := job{payer: v.payer, client: s.client, key: key, alg: alg}
	id, err := s.once(ctx, what, func() (identity, error) {
		if err := v.checkSignature(ctx, what, parts); err != nil {
			return identity{}, h.explain(err)
		}
		return i.identify(h, payload, w)
	})
	if err != nil {
		return entry{}, err
	}
	from := origin{issuer: i.url, kid: h.kid, alg: alg, thumbprint: key.thumbprint}
	return entry{identity: id, origin: unique.Make(from)}, id.lifetime.check(s.now)
}

// once does the work, or waits for another request that does the same.
// Nobody waits in the queue of another payer.
func (s *sent) once(ctx context.Context, what job, work func() (identity, error)) (identity, error) {
	if s.shard == nil {
		return work()
	}
	key := flightKey{cacheKey: s.key, key: what.key.thumbprint, alg: what.alg, payer: what.payer, client: what.client}
	id, led, err := s.shard.flights.join(ctx, key, work)
	s.shared = !led
	return id, err
}

// issuerOf returns the issuer that an unverified payload names, and the name.
// An `iss` that is absent or no string names none of ours.
func (v *Verifier) issuerOf(payload string) (*Issuer, string, error) {
	iss, err := peekString(payload, "iss")
	if err != nil {
		return nil, "", err
	}
	if i := v.issuers[iss]; i != nil && !i.template.open() {
		return i, iss, nil
	}
	for _, i := range v.templates {
		if i.template.matches(iss) {
			return i, iss, nil
		}
	}
	return nil, "", ErrIssuerUnknown
}

// checkSignature spends the cost of a verification, unless nobody waits for it
// any more or too many wait already.
func (v *Verifier) checkSignature(ctx context.Context, what job, parts compact) error {
	var room [1 << 10]byte
	sig, _, err := decodePart(room[:0], parts.signature)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ErrDeadline
	}
	turn, err := v.scheduler.enter(ctx, what)
	if err != nil {
		return err
	}
	defer v.scheduler.leave(&turn)
	if !what.key.verifies(what.alg, parts.input, []byte(sig)) {
		return ErrSignature
	}
	return nil
}

// findKey returns the one key that may have signed a token with this header and
// `iss`.
// A kid that the issuer's keys have, but for another algorithm, is
// ErrAlgorithm: no newer set is waited for. A token without kid never causes a
// fetch.
func (i *Issuer) findKey(ctx context.Context, h header, iss string) (*Key, Algorithm, error) {
	if !i.acceptsType(h) {
		return nil, 0, ErrType
	}
	alg, ok := ParseAlgorithm(h.alg)
	if !ok || !i.algs.Has(alg) {
		return nil, 0, ErrAlgorithm
	}
	set, err := i.keySet(ctx, h.kid)
	if err != nil {
		return nil, 0, err
	}
	if key := set.find(wantedKey{kid: h.kid, iss: iss, alg: alg, allowed: i.algs}); key != nil {
		return key, alg, nil
	}
	if set.HasKID(h.kid) && !set.bound(h.kid, alg) {
		return nil, 0, ErrAlgorithm
	}
	return nil, 0, ErrKeyUnknown
}

// keySet asks the key source and narrows its errors to the sentinels. A source
// that answers with neither a set nor an error has no keys for us.
func (i *Issuer) keySet(ctx context.Context, kid string) (*KeySet, error) {
	set, err := i.keys.KeySet(ctx, kid)
	switch {
	case err == nil && set != nil:
		return set, nil
	case errors.Is(err, ErrKeysPending):
		return nil, ErrKeysPending
	case errors.Is(err, ErrDeadline), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return nil, ErrDeadline
	}
	return nil, ErrKeysUnavailable
}

// sum returns the SHA-256 of a token. It hashes the string in place: a copy
// would be the only allocation of a cache hit, and Sum256 only reads.
func sum(raw string) [sha256.Size]byte {
	return sha256.Sum256(unsafe.Slice(unsafe.StringData(raw), len(raw))) //nolint:gosec // read only
}
