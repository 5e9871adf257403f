package config

// Levers returns a text about what an operator changes in an emergency. Its
// examples are whole parts of documents.
func Levers() string { return levers }

const levers = `Emergency levers. Each is a change of one file, replaced by rename; the next
reload puts it in force for every request that begins after it, tokens in the
cache included. Files are watched; SIGHUP or the admin page reload at once.
Look at the admin page or the log for the result: a file with a mistake changes
nothing, and the version before stays in force.

A tenant
    Deny every request of a tenant, public routes and preflights included.

    # tenants/acme.yaml
    suspended: true

    Where the tenant's own administrator writes its file, in a delegated directory,
    write this one beside those of the platform: it comes before the other.

An issuer, for one tenant
    Refuse its tokens from a time on, which may be past. The issuer stays known,
    so that the log says issuer_retired. Removing it from the list works too.

    # tenants/acme.yaml
    issuers: [{name: idp, until: 2026-01-01T00:00:00Z}]

An issuer, for every tenant that has it by default
    Tenants that list issuers themselves need the change in their own files.
    An issuer that a tenant still names cannot be removed from the main file.

    # claimgate.yaml
    tenantDefaults:
      issuers: [{name: idp, until: 2026-01-01T00:00:00Z}]

A subject, or single tokens, for every tenant
    A deny rule wins over every rule that allows. Keep ifPresent: a deny rule
    denies what it cannot decide, so without it every token that has no jti
    would be denied. Two issuers may give one sub to different people: name the
    issuers that are meant.

    # claimgate.yaml
    tenantDefaults:
      policy:
        rules:
          - {name: blocked-subjects, action: deny, issuers: [idp], when: [{claim: sub, in: [u-17, u-93], ifPresent: true}]}
          - {name: blocked-tokens, action: deny, when: [{claim: jti, in: [4f1c9a7e], ifPresent: true}]}

A subject, for one tenant
    The rule is added to those of tenantDefaults.

    # tenants/acme.yaml
    policy:
      rules:
        - {name: blocked, action: deny, when: [{claim: sub, equals: u-17, ifPresent: true}]}

A signing key
    Withdraw it at the issuer: while the issuer answers, the key and every token
    that it signed stop working with the next refresh, by default 5 min 35 s later
    at the latest. A set in jwks or jwksFile changes with the next reload. Where
    that is too slow, or the issuer does not answer, refuse the key by its kid or
    thumbprint, as 'claimgate keys' shows them: from the next reload on it is
    refused fresh, cached and from stateDir. A thumbprint names the key itself,
    whatever kid it is published under.

    # claimgate.yaml
    issuers:
      - name: idp
        issuer: https://id.example.com/
        audiences: [https://api.example.com]
        algorithms: [RS256]
        keys: {deny: [2026-05-signing, hC-LKXXpKXzHUKP6mu8gqxPGgVzM_ekdIOVYLI5Ocog]}

Public routes that read no token are reached by suspended, and by deny rules
that read no claim; no other lever concerns them.
`
