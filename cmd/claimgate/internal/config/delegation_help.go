package config

// Delegation returns a text about directories that tenants' own administrators
// write.
func Delegation() string { return delegationHelp }

const delegationHelp = `Directories that the tenants' own administrators write.

A directory of tenantDirs may be delegated. Its grant says what the files may
hold; what is beyond it is a mistake of that file alone, with its place:

  tenantDirs:
    - path: tenants                     # written by the platform
    - path: customers                   # written by customers
      delegated:
        fields: [issuers, policy, headers]     # no other field exists there
        issuers: [platform]                    # of those of the main file
        audiences: ["https://{tenant.name}.example.com"]
        headerNames: [x-team]
        labels: {realm: "{tenant.name}", plan: silver}

The grant
  fields       of entries, headers, issuers, policy, require and suspended. All
               other fields of a tenant are never given: hosts, labels, ids,
               yieldsTo, public, preflight, mode, insecureShadow, pathRelaxations,
               forwardOriginalToken, sharedTokens, dynamicMetadata and
               resourceMetadata.
  entries      the entries that a file may list
  issuers      the issuers of the main file that a file may list. One whose
               tokens name no tenant is listed with a part of its audiences.
  audiences    the audiences that a file may write: all of those of an issuer of
               its own, which needs one, and the part that narrows a given issuer
  headerNames  the headers that a file may set, in any case
  labels       the labels of the tenants. {tenant.name} stands here and in
               audiences for the name of the file without .yaml.

What holds besides
  tenantDefaults hold for these tenants as the operator wrote them, also where
  they say more than the grant: it bounds what a file may say. A file's rules and
  its require are added to those of tenantDefaults, so that it lifts nothing;
  entries and issuers of a file replace those of tenantDefaults.

  An issuer of a file's own has exact https URLs, none of which the main file
  defines or a template of it may make, and of the other settings only
  algorithms, types, clockSkew, maxTokenAge, claimMappings, jwksUri, jwks, until,
  keys.deny and keys.uses. Its tokens come in the Authorization header. Private
  and loopback addresses are refused when they are written and when they are
  dialled, and redirects are never followed.

  Rules in shadow are refused. The limits of a file, such as 64 KiB, 200 rules and
  5 issuers, are in 'claimgate help limits'. They are held before anything of the
  file is compiled or fetched.

  The directory is flat: directories in it are not read. Links are followed within
  it, as a mounted ConfigMap needs them, and never out of it.

Names and contests
  Whoever may create a file in the directory chooses the names of its tenants, and
  by them their places in entries, their ids and their labels. A name of a tenant
  of the main file or of a directory that is not delegated is never a delegated
  one, in any case and whoever came first. So a file of the platform's with the
  same name takes the tenant over; with 'suspended: true' it suspends it.

  A file that says 'suspended: true' stops its own tenant, as everywhere, also
  where the field is not given.

  What two tenants contest stays with the one in force, which keeps its places,
  ids and issuers while its file is bad, whatever is wrong with it. Of two that
  are new, a delegated one gives way to the platform's, and a delegated file that
  never was good holds no more than the grant gives: no issuer of its own, and
  none at all where issuers is not well-formed. Who of the delegated tenants had
  what, and who came first, outlives a restart in stateDir alone: keep one.

  The directories themselves belong to the platform: one that cannot be read at
  all keeps everything as it is, until it is mended or taken out of tenantDirs.

Changes of a grant
  A new grant judges every file anew. A tenant in force that it no longer admits
  makes the main file bad, by the names of these tenants: mend or remove their
  files first. A start under that main file quarantines them.
`
