import { describe, expect, it } from 'vitest';
import { authorize, type Caller, type AccessPolicy } from '../../src/api/authorize.ts';

const LOOPBACK: AccessPolicy = { via: 'tcp', loopback: true };
const OPEN: AccessPolicy = { via: 'tcp', loopback: false, token: 'correct horse'.replace(' ', '-') };
const bearer = `Bearer ${'correct horse'.replace(' ', '-')}`;

function caller(facts: Partial<Caller> = {}): Caller {
  return {
    method: 'GET',
    path: '/api/status',
    host: '127.0.0.1:8788',
    origin: undefined,
    fetchSite: undefined,
    authorization: undefined,
    ...facts,
  };
}

describe('on loopback', () => {
  it.each<[string, Partial<Caller>]>([
    ['a program', {}],
    ['localhost', { host: 'localhost:8788' }],
    ['IPv6 loopback', { host: '[::1]:8788' }],
    ['another loopback address', { host: '127.1.2.3' }],
    ['a tunnel on another port', { host: 'localhost:9000', origin: 'http://localhost:9000' }],
    ['upper case', { host: 'LOCALHOST:8788', origin: 'http://localhost:8788' }],
    ['its own page, posting', { method: 'POST', origin: 'http://127.0.0.1:8788', fetchSite: 'same-origin' }],
    ['a program, posting', { method: 'POST' }],
    ['the default port, left out by the browser', { host: 'localhost:80', origin: 'http://localhost' }],
  ])('lets %s in', (_, facts) => {
    expect(authorize(LOOPBACK, caller(facts))).toBeUndefined();
  });

  it.each<[string, Partial<Caller>]>([
    ['a rebound name', { host: 'evil.example:8788' }],
    ['a name that begins like an address', { host: '127.0.0.1.evil.example' }],
    ['a name that ends like one', { host: 'localhost.evil.example:8788' }],
    ['an address of the network', { host: '192.168.1.5:8788' }],
    ['no Host', { host: undefined }],
    ['an empty Host', { host: '' }],
    ['a Host with a path', { host: 'localhost/evil' }],
    ['a Host with a user', { host: 'localhost@evil.example' }],
    ['a broken IPv6 Host', { host: '[::1:8788' }],
    ['another site', { origin: 'https://evil.example' }],
    ['another program on this machine', { host: 'localhost:8788', origin: 'http://localhost:3000' }],
    ['a sandboxed frame or a file', { origin: 'null' }],
    ['an extension', { origin: 'chrome-extension://abcdef' }],
    ['a nonsensical Origin', { origin: 'http://localhost:8788/path' }],
    ['a post from another site without Origin', { method: 'POST', fetchSite: 'cross-site' }],
    ['a post from another port of this machine', { method: 'POST', fetchSite: 'same-site' }],
    ['another site asking for the page', { path: '/', origin: 'https://evil.example' }],
  ])('refuses %s', (_, facts) => {
    expect(authorize(LOOPBACK, caller(facts))).toMatchObject({ status: 403, code: 'forbidden' });
  });

  const { cross, same } = { cross: 'cross-site', same: 'same-site' };
  it.each<[string, Partial<Caller>]>([
    ['a picture on another site that asks for an explanation', { path: '/api/explain', fetchSite: cross }],
    ['a picture on another port of this machine', { path: '/api/explain', fetchSite: same }],
    ['a script on another site that asks for the status', { fetchSite: cross }],
    ['a HEAD from another site', { method: 'HEAD', fetchSite: cross }],
    ['the metrics, asked for from another site', { path: '/metrics', fetchSite: cross }],
    ['a post to the page from another site', { method: 'POST', path: '/', fetchSite: cross }],
    ['a value browsers do not send', { fetchSite: 'constructor' }],
  ])('refuses %s', (_, facts) => {
    expect(authorize(LOOPBACK, caller(facts))).toMatchObject({ status: 403, code: 'forbidden' });
  });

  it.each(['/', '/healthz', '/assets/app.js'])('lets a link on another site open %s', path => {
    expect(authorize(LOOPBACK, caller({ path, fetchSite: cross }))).toBeUndefined();
  });

  describe('with a public address', () => {
    const policy: AccessPolicy = { ...LOOPBACK, publicUrl: new URL('https://nas.home/shrinkbox/') };
    const origin = 'https://nas.home';

    it.each<[string, Partial<Caller>]>([
      ['the proxy that passes the Host on', { host: 'nas.home', origin }],
      ['the proxy that adds the port', { host: 'nas.home:443', origin }],
      ['the proxy that replaces the Host', { host: '127.0.0.1:8788', origin }],
      ['upper case', { host: 'NAS.home', origin: 'https://NAS.home' }],
      ['its own page without the proxy', { host: '127.0.0.1:8788', origin: 'http://127.0.0.1:8788' }],
    ])('lets %s in', (_, facts) => {
      expect(authorize(policy, caller({ method: 'POST', fetchSite: 'same-origin', ...facts }))).toBeUndefined();
    });

    it.each<[string, Partial<Caller>]>([
      ['another site', { host: 'nas.home', origin: 'https://evil.example' }],
      ['another site through a proxy that replaces the Host', { origin: 'https://evil.example' }],
      ['another port of the public name', { host: 'nas.home', origin: 'https://nas.home:9443' }],
      ['a name below the public one', { host: 'evil.nas.home', origin: 'https://evil.nas.home' }],
      ['the public site asking this machine directly', { origin, fetchSite: cross }],
      ['a rebound name', { host: 'evil.example' }],
    ])('refuses %s', (_, facts) => {
      expect(authorize(policy, caller({ method: 'POST', ...facts }))?.status).toBe(403);
    });
  });

  it('asks for a token where one is set', () => {
    const policy: AccessPolicy = { ...OPEN, loopback: true };
    expect(authorize(policy, caller())?.status).toBe(401);
    expect(authorize(policy, caller({ authorization: bearer }))).toBeUndefined();
  });
});

describe('beyond loopback', () => {
  it.each<[string, Partial<Caller>]>([
    ['the right token', { authorization: bearer }],
    ['the right token at any name', { host: 'nas.local:8788', authorization: bearer }],
    ['a scheme in another case', { authorization: bearer.replace('Bearer', 'bearer') }],
    ['its page, which holds no data', { path: '/' }],
    ['a health check', { path: '/healthz' }],
    ['its own page with the token', { host: 'nas:8788', origin: 'http://nas:8788', authorization: bearer }],
  ])('lets in %s', (_, facts) => {
    expect(authorize(OPEN, caller(facts))).toBeUndefined();
  });

  it.each<[string, Partial<Caller>, number]>([
    ['no token', {}, 401],
    ['no token, whatever the Host says', { host: 'localhost' }, 401],
    ['a wrong token', { authorization: 'Bearer wrong' }, 401],
    ['a beginning of the token', { authorization: bearer.slice(0, -1) }, 401],
    ['an empty token', { authorization: 'Bearer ' }, 401],
    ['another scheme', { authorization: bearer.replace('Bearer', 'Basic') }, 401],
    ['another site with the token', { origin: 'https://evil.example', authorization: bearer }, 403],
  ])('refuses %s', (_, facts, status) => {
    expect(authorize(OPEN, caller(facts))?.status).toBe(status);
  });

  it('refuses everybody where no token is known', () => {
    const policy: AccessPolicy = { via: 'tcp', loopback: false };
    expect(authorize(policy, caller({ authorization: 'Bearer undefined' }))?.status).toBe(401);
    expect(authorize({ ...policy, token: '' }, caller({ authorization: 'Bearer ' }))?.status).toBe(401);
  });
});

it('asks nothing on the control socket, whose mode is the check', () => {
  expect(authorize({ via: 'socket' }, caller({ host: 'anything', method: 'POST' }))).toBeUndefined();
});
