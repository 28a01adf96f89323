/**
 * Who may ask over HTTP. Every web page a person opens can send requests to a server on 127.0.0.1, so the Host header is checked
 * against DNS rebinding and the Origin header against requests from other sites. Pure.
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
  /** `loopback`: only this machine reaches the address. `token`: required where one is set. */
  | { via: 'tcp'; loopback: boolean; token?: string };

export interface Caller {
  method: string;
  path: string;
  host: string | undefined;
  origin: string | undefined;
  /** Sec-Fetch-Site, which browsers send and scripts in pages cannot forge. */
  fetchSite: string | undefined;
  authorization: string | undefined;
}

export interface Refusal {
  status: 401 | 403;
  code: 'forbidden' | 'unauthorized';
  message: Sentence;
  hint: Sentence;
}

/** Paths anybody may fetch: they say nothing about files or jobs. */
const PUBLIC: ReadonlySet<string> = new Set(['/', '/healthz']);

function isPublic(path: string): boolean {
  return PUBLIC.has(path) || path.startsWith('/assets/');
}

/** Why a request is refused, or `undefined` when it may proceed. */
export function authorize(policy: AccessPolicy, caller: Caller): Refusal | undefined {
  if (policy.via === 'socket') return undefined;
  const host = parseHost(caller.host);
  if (!host || (policy.loopback && !isLoopback(host.name))) {
    return forbidden(say('api.wrong-host'), say('api.wrong-host-hint'));
  }
  if (caller.origin !== undefined && originHost(caller.origin) !== host.text) return otherSite();
  if (caller.method !== 'GET' && caller.method !== 'HEAD' && !SAME_SITE.has(caller.fetchSite)) {
    return otherSite();
  }
  if (policy.token === undefined) return policy.loopback || isPublic(caller.path) ? undefined : unauthorized();
  if (isPublic(caller.path) || carries(caller.authorization, policy.token)) return undefined;
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

function parseHost(header: string | undefined): { name: string; text: string } | undefined {
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(header ?? '');
  if (!match?.[1]) return undefined;
  const name = match[1].toLowerCase();
  if (name.startsWith('[') && isIP(name.slice(1, -1)) !== 6) return undefined;
  // Browsers leave out the default port, in Host and Origin alike.
  return { name, text: match[2] && match[2] !== '80' ? `${name}:${match[2]}` : name };
}

/** `undefined` for `null` (a sandboxed frame, a file), another scheme, or nonsense: equal to no host. */
function originHost(origin: string): string | undefined {
  const match = /^https?:\/\/([^/?#@\s]+)$/i.exec(origin);
  return parseHost(match?.[1])?.text;
}

/** Both are hashed first, so that the comparison takes the same time whatever the two lengths. */
function carries(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '';
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(token)) && token !== '';
}
