// An oidc-provider for the tests, on a free port of the loopback address. Its
// first line of output is its issuer identifier; it ends when its standard
// input does, so that it never outlives the test that started it.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

// One API for each algorithm: https://<name>.api.example.com.
const algorithms = {
  rs256: 'RS256', rs384: 'RS384', rs512: 'RS512',
  ps256: 'PS256', ps384: 'PS384', ps512: 'PS512',
  es256: 'ES256', es384: 'ES384', es512: 'ES512',
  eddsa: 'EdDSA', ed25519: 'Ed25519',
};
const host = '.api.example.com';
const secret = "a client's secret";

// signingKeys are one of each kind; RSA and Ed25519 keys serve every algorithm
// of their family, as they name none.
function signingKeys() {
  const kinds = [
    ['rsa', { modulusLength: 2048 }],
    ['ec', { namedCurve: 'P-256' }],
    ['ec', { namedCurve: 'P-384' }],
    ['ec', { namedCurve: 'P-521' }],
    ['ed25519', {}],
  ];
  return kinds.map(([kind, options], i) => ({
    ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }),
    kid: `key-${i}`,
    use: 'sig',
  }));
}

// resourceServer tells how access tokens for an API look (RFC 8707): JWTs but
// for the API that takes opaque ones.
function resourceServer(ctx, resource) {
  const name = new URL(resource).hostname.replace(host, '');
  const server = { scope: 'orders:read profile', audience: resource, accessTokenTTL: 3600 };
  if (name === 'opaque') return { ...server, accessTokenFormat: 'opaque' };
  const alg = algorithms[name === 'app' ? 'es256' : name];
  return { ...server, accessTokenFormat: 'jwt', jwt: { sign: { alg } } };
}

const configuration = {
  jwks: { keys: signingKeys() },
  cookies: { keys: ['of this run'] },
  enabledJWA: { idTokenSigningAlgValues: Object.values(algorithms) },
  scopes: ['openid', 'orders:read', 'profile'],
  clients: [
    {
      client_id: 'orders-service',
      client_secret: secret,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    },
    { // its name is an API's, so that its ID tokens are for that API's audience
      client_id: `https://app${host}`,
      client_secret: secret,
      token_endpoint_auth_method: 'client_secret_post',
      id_token_signed_response_alg: 'ES256',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      redirect_uris: ['https://client.example.com/callback'],
    },
  ],
  features: {
    clientCredentials: { enabled: true },
    dPoP: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: resourceServer,
      useGrantedResource: async () => true,
    },
  },
};

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', new Provider(issuer, configuration).callback());
  process.stdout.write(`${issuer}\n`);
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
