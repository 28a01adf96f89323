/**
 * Who may send requests over HTTP. Every web page a person opens can send requests to a server on 127.0.0.1, so the Host header is
 * checked against DNS rebinding and the Origin header against requests from other sites. Pure.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { isLoopback } from '../config/loopback.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';

/** What a listener requires of its callers. */
export type AccessPolicy =
  /** The control socket: its file mode is the check. */
  | { via: 'socket' }
  /**
   * `loopback`: only this machine reaches the address. `token`: required if set. `publicUrl`: where a reverse proxy
   * serves the page; it counts as our own address.
   */
  | { via: 'tcp'; loopback: boolean; token?: string; publicUrl?: URL };

export interface Caller {
  method: string;
  path: string;
  host: string | undefined;
  origin: string | undefined;
  /** Sec-Fetch-Site, which browsers send and scripts in pages cannot forge. */
  fetchSite: string | undefined;
  authorization: string | undefined;
  /** It opened with a link that this daemon issued (links.ts). */
  hasLink?: boolean;
}

export interface Refusal {
  status: 401 | 403;
  code: 'forbidden' | 'unauthorized';
  message: Sentence;
  hint: Sentence;
}

/** Paths anybody may fetch: they reveal nothing about files or jobs. */
const PUBLIC: ReadonlySet<string> = new Set([...['/', '/healthz', '/manifest.webmanifest', '/sw.js', '/app-icon.svg']]);

/** Where a pairing code is exchanged for the token: without one, but for no other site. */
export const PAIR_PATH = '/api/pair';

export function isPublic(path: string): boolean {
  return PUBLIC.has(path) || path.startsWith('/assets/');
}

/** Why a request is refused, or `undefined` when it may proceed. */
export function authorize(policy: AccessPolicy, caller: Caller): Refusal | undefined {
  if (policy.via === 'socket') return undefined;
  const host = parseHost(caller.host);
  if (!host || (policy.loopback && !isLoopback(host.name) && host.name !== policy.publicUrl?.hostname)) {
    return forbidden(say('api.wrong-host'), say('api.wrong-host-hint'));
  }
  if (caller.origin !== undefined && !isOurs(caller.origin, host, policy.publicUrl)) return otherSite();
  // A picture on any web page is a GET to us, and some of ours cost work: other sites may fetch only what is public.
  const isReading = caller.method === 'GET' || caller.method === 'HEAD';
  if (!SAME_SITE.has(caller.fetchSite) && !(isReading && isPublic(caller.path))) return otherSite();
  const isOpen = isPublic(caller.path) || caller.path === PAIR_PATH;
  if (policy.token === undefined) return policy.loopback || isOpen ? undefined : unauthorized();
  if (isOpen || carries(caller.authorization, policy.token) || caller.hasLink) return undefined;
  return unauthorized();
}

/** `none`: typed into the address bar. Absent: not a browser, or an old one (which sends Origin all the same). */
const SAME_SITE: ReadonlySet<string | undefined> = new Set([undefined, 'same-origin', 'none']);

function forbidden(message: Sentence, hint: Sentence): Refusal {
  return { status: 403, code: 'forbidden', message, hint };
}

function otherSite(): Refusal {
  return forbidden(say('api.other-site'), say('api.other-site-hint'));
}

function unauthorized(): Refusal {
  return {
    status: 401,
    code: 'unauthorized',
    message: say('api.token-needed'),
    hint: say('api.token-needed-hint'),
  };
}

interface Host {
  name: string;
  port?: string;
}

function parseHost(header: string | undefined): Host | undefined {
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(header ?? '');
  if (!match?.[1]) return undefined;
  const name = match[1].toLowerCase();
  if (name.startsWith('[') && isIP(name.slice(1, -1)) !== 6) return undefined;
  return { name, port: match[2] };
}

/** False for `null` (a sandboxed frame, a file), another scheme, or nonsense. */
function isOurs(origin: string, host: Host, publicUrl: URL | undefined): boolean {
  const match = /^(https?):\/\/([^/?#@\s]+)$/i.exec(origin);
  const from = parseHost(match?.[2]);
  if (!from) return false;
  if (publicUrl && URL.canParse(origin) && new URL(origin).origin === publicUrl.origin) return true;
  // Browsers leave out the default port of the scheme; proxies may write it.
  const defaultPort = match?.[1]?.toLowerCase() === 'https' ? '443' : '80';
  return from.name === host.name && (from.port ?? defaultPort) === (host.port ?? defaultPort);
}

/** Both are hashed first, so that the comparison takes the same time whatever the two lengths. */
function carries(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '';
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(token)) && token !== '';
}
