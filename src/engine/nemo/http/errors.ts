import { type Action, type ErrorCode, ShrinkError } from '../../../core/errors.ts';
import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import { NEMO_FORMATS } from '../../engine.ts';
import { isObject, type Parsed, parseJson, pick, pickString } from './json.ts';
import { sanitizeLine } from './sanitize.ts';

/**
 * Every way the service rejects something: one row each for what it means, what happens to the job (by the code's advice in
 * core/errors.ts) and what the person reads. Body codes take precedence over the HTTP status (docs/nemo-api.md, Refusals).
 */
export type Refusal =
  | '1001'
  | '1002'
  | '2001'
  | '4001'
  | '4002'
  | 'http-400'
  | 'http-401'
  | 'http-402'
  | 'http-403'
  | 'http-404'
  | 'http-408'
  | 'http-413'
  | 'http-415'
  | 'http-422'
  | 'http-429'
  | 'http-3xx'
  | 'http-4xx'
  | 'http-5xx'
  | 'other-code'
  | 'not-json'
  | 'wrong-type';

/** When the same request may be repeated automatically: with a new token or client id, after a pause, soon, or not at all. */
type Repeat = 'with-new-token' | 'with-client-id' | 'after-waiting' | 'later' | 'never';

/** Whether a message refused like this was certainly not accepted: `maybe` means that the session has to be read. */
type Taken = 'no' | 'maybe';

export interface RefusalFacts {
  /** What was being done, as in "while …". */
  doing: Sentence;
  status: number;
  /** The service's own words, sanitised; empty if it gave none. */
  detail: string;
  retryAfterMs?: number;
  maxUploadBytes: number;
  /** Whether the token is the person's own (NEMO_TOKEN) or the anonymous one asked for here. */
  account: 'own' | 'anonymous';
  /** Id to register an anonymous account under, if known. */
  userId?: string;
  webUrl: string;
  /** An address on the service's own site that came with the refusal. */
  url?: string;
}

export interface RefusalRow {
  code: ErrorCode;
  repeat: Repeat;
  taken: Taken;
  problem(facts: RefusalFacts): Sentence;
  hint(facts: RefusalFacts): Sentence;
  /** What the hint asks of a person. */
  action?(facts: RefusalFacts): Action;
}

const retriedByItself = () => say('nemo.retried-hint');

const UNSUPPORTED: RefusalRow = {
  code: 'unsupported-file',
  repeat: 'never',
  taken: 'no',
  problem: () => say('nemo.unsupported-file'),
  hint: () => say('nemo.formats-hint', { formats: NEMO_FORMATS.join(', ') }),
};

const TOO_LARGE: RefusalRow = {
  code: 'file-too-large',
  repeat: 'never',
  taken: 'no',
  problem: () => say('nemo.file-too-large'),
  hint: ({ maxUploadBytes }) => say('nemo.file-too-large-hint', { bytes: maxUploadBytes }),
};

const BAD_TOKEN: RefusalRow = {
  code: 'auth-expired',
  repeat: 'with-new-token',
  taken: 'no',
  problem: ({ account }) => (account === 'own' ? say('nemo.own-token-rejected') : say('nemo.free-token-rejected')),
  hint: ({ account }) =>
    account === 'own' ? say('nemo.own-token-rejected-hint') : say('nemo.free-token-rejected-hint'),
};

const SESSION_GONE: RefusalRow = {
  code: 'session-gone',
  repeat: 'never',
  taken: 'no',
  problem: () => say('nemo.session-gone'),
  hint: () => say('nemo.session-gone-hint'),
  action: () => ({ code: 'decide' }),
};

const OUR_MISTAKE: RefusalRow = {
  code: 'bad-request',
  repeat: 'never',
  taken: 'no',
  problem: ({ status, detail }) => say('nemo.request-rejected', { status, detail }),
  hint: () => say('nemo.report-bug-hint'),
};

const UNEXPECTED_REPLY: RefusalRow = {
  code: 'bad-answer',
  repeat: 'later',
  taken: 'maybe',
  problem: ({ status, detail }) => say('nemo.unexpected-reply', { status, detail }),
  hint: () => say('nemo.unexpected-reply-hint'),
};

export const REFUSALS: Readonly<Record<Refusal, RefusalRow>> = {
  '1001': BAD_TOKEN,
  '1002': SESSION_GONE,
  '2001': {
    code: 'out-of-credits',
    repeat: 'never',
    taken: 'no',
    problem: () => say('nemo.no-credits'),
    hint: facts => say(facts.account === 'own' ? 'nemo.top-up-hint' : 'nemo.register-hint', { url: accountUrl(facts) }),
    action: facts => ({ code: facts.account === 'own' ? 'top-up' : 'register', link: accountUrl(facts) }),
  },
  '4001': UNSUPPORTED,
  '4002': TOO_LARGE,
  // While requesting a token: X-Client-Id is missing or not accepted.
  'http-400': { ...OUR_MISTAKE, repeat: 'with-client-id' },
  'http-401': BAD_TOKEN,
  // Caused by the subscription, not by a lack of credits.
  'http-402': {
    code: 'plan-blocked',
    repeat: 'never',
    taken: 'no',
    problem: ({ detail }) => say('nemo.plan-blocked', { detail }),
    hint: facts => say('nemo.plan-blocked-hint', { url: accountUrl(facts) }),
    action: facts => ({ code: 'upgrade-plan', link: accountUrl(facts) }),
  },
  // Undocumented: final for this job, but no reason to stop the others.
  'http-403': {
    code: 'bad-answer',
    repeat: 'never',
    taken: 'no',
    problem: ({ detail }) => say('nemo.not-allowed', { detail }),
    hint: ({ webUrl }) => say('nemo.not-allowed-hint', { url: webUrl }),
  },
  // How ADK itself answers for an unknown session.
  'http-404': SESSION_GONE,
  'http-408': {
    code: 'unreachable',
    repeat: 'later',
    taken: 'maybe',
    problem: () => say('nemo.request-timeout'),
    hint: retriedByItself,
  },
  'http-413': TOO_LARGE,
  'http-415': UNSUPPORTED,
  'http-422': OUR_MISTAKE,
  'http-429': {
    code: 'rate-limited',
    repeat: 'after-waiting',
    taken: 'no',
    problem: ({ retryAfterMs: ms }) => {
      if (ms === undefined) return say('nemo.rate-limited');
      return ms === 0 ? say('nemo.rate-limited-at-once') : say('nemo.rate-limited-for', { ms });
    },
    hint: retriedByItself,
  },
  'http-3xx': {
    ...UNEXPECTED_REPLY,
    repeat: 'never',
    problem: ({ status }) => say('nemo.redirected', { status }),
    hint: () => say('nemo.check-api-url-hint'),
  },
  'http-4xx': { ...OUR_MISTAKE, code: 'bad-answer' },
  'http-5xx': {
    code: 'unreachable',
    repeat: 'later',
    taken: 'maybe',
    problem: ({ status }) => say('nemo.service-trouble', { status }),
    hint: retriedByItself,
  },
  // A failure that the service explains in its own words.
  'other-code': {
    code: 'bad-answer',
    repeat: 'never',
    taken: 'maybe',
    problem: ({ detail }) => say('nemo.rejected', { detail }),
    hint: () => say('nemo.retry-or-report-hint'),
  },
  'not-json': UNEXPECTED_REPLY,
  'wrong-type': UNEXPECTED_REPLY,
};

/** Replies that say nothing about the request itself: no answer at all (`undefined`), a timeout, trouble, something garbled on the way. */
const PASSING: ReadonlySet<Refusal | undefined> = new Set<Refusal | undefined>([
  undefined,
  'http-408',
  'http-5xx',
  'not-json',
  'wrong-type',
]);

/** Whether an error may pass by itself and leaves the outcome of the request open. */
export function isPassing(error: ShrinkError): boolean {
  return (error.code === 'unreachable' || error.code === 'bad-answer') && PASSING.has(refusalBehind(error));
}

/** What a reply amounts to. `payload` is the unwrapped content; `text` the whole body as received. */
export type Answer =
  | { ok: true; status: number; text: string; payload: Parsed; body: Parsed }
  | { ok: false; refusal: Refusal; status: number; detail: string; code: string | undefined; url: string | undefined };

const SERVICE_CODES: ReadonlySet<string> = new Set(['1001', '1002', '2001', '4001', '4002']);
/** The sibling gateway's codes for the same thing. */
const CODE_ALIASES: Readonly<Record<string, Refusal>> = { '1010': '1001', '1011': '1001' };

/** Phrases that mark a 403 of the sibling gateway as a token problem. */
const TOKEN_PHRASES =
  /invalid authentication token|invalid token|invalid or expired|missing authentication token|token not found|token has been revoked|token has expired/i;

/** Parses a whole JSON reply in any of the known envelopes (docs/nemo-api.md, Every request). */
export function readAnswer(status: number, contentType: string | undefined, text: string): Answer {
  const body = text.trim() === '' ? null : parseJson(text);
  const refuse = (refusal: Refusal): Answer => ({
    ok: false,
    refusal,
    status,
    detail: isObject(body) ? detailOf(body) : sanitizeLine(text),
    code: isObject(body) ? codeOf(body) : undefined,
    url: findServiceUrl(text),
  });
  if (isObject(body)) {
    const refusal = refusalOf(body, status);
    if (refusal) return refuse(refusal);
  }
  if (status >= 300) return refuse(refusalOfStatus(status));
  if (body === undefined) return refuse(/html|xml|text\/plain/i.test(contentType ?? '') ? 'wrong-type' : 'not-json');
  const data = pick(body, 'data');
  const payload = isObject(data) || Array.isArray(data) ? data : body;
  return { ok: true, status, text, payload, body };
}

/** The row for a body that is a refusal in itself, whatever the HTTP status. */
export function refusalOf(body: Parsed, status: number): Refusal | undefined {
  const code = codeOf(body);
  if (code !== undefined) {
    if (SERVICE_CODES.has(code)) return code as Refusal;
    const alias = CODE_ALIASES[code];
    if (alias) return alias;
    if (/^[45]\d\d$/.test(code)) return refusalOfStatus(Number(code));
  }
  if (status === 403 && TOKEN_PHRASES.test(detailOf(body))) return '1001';
  if (status >= 300) return undefined;
  const failed = isObject(body) && body.success === false;
  return failed || (code !== undefined && !['0', '200'].includes(code)) ? 'other-code' : undefined;
}

function refusalOfStatus(status: number): Refusal {
  const exact = `http-${status}`;
  if (Object.hasOwn(REFUSALS, exact)) return exact as Refusal;
  if (status >= 500) return 'http-5xx';
  return status >= 400 ? 'http-4xx' : 'http-3xx';
}

/** Turns a refusal into an error, for all callers. */
export function errorFor(refusal: Refusal, facts: RefusalFacts): ShrinkError {
  const row = REFUSALS[refusal];
  const { doing, retryAfterMs } = facts;
  const message = say('nemo.while', { doing, problem: row.problem(facts) });
  const error = new ShrinkError(row.code, message, {
    doing: doing.text,
    hint: row.hint(facts),
    action: row.action?.(facts),
    retryAfterMs,
  });
  origins.set(error, refusal);
  return error;
}

const origins = new WeakMap<ShrinkError, Refusal>();

/** The refusal behind an error; `undefined` if the service did not answer. */
export function refusalBehind(error: unknown): Refusal | undefined {
  return error instanceof ShrinkError ? origins.get(error) : undefined;
}

/** Where the account can be changed: as the service says, else its site, with the id to register an anonymous account under. */
function accountUrl({ account, url, webUrl, userId }: RefusalFacts): string {
  return url ?? (account === 'own' ? webUrl : registrationUrl(webUrl, userId));
}

function registrationUrl(webUrl: string, userId: string | undefined): string {
  const page = `${webUrl.replace(/\/$/, '')}/register`;
  return userId ? `${page}?bind=${encodeURIComponent(userId)}` : page;
}

/**
 * Milliseconds requested by a Retry-After header: seconds, or a date by the clock that dated the reply (`now`, epoch ms, if it has
 * no date); `undefined` if absent, unreadable or absurd (over a week, the service's longest window).
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const text = headers['retry-after']?.trim();
  if (text === undefined) return undefined;
  const serviceNow = Date.parse(headers['date'] ?? '');
  const ms = /^\d+(\.\d+)?$/.test(text)
    ? Number(text) * 1000
    : dateIn(text) - (Number.isFinite(serviceNow) ? serviceNow : now);
  if (!Number.isFinite(ms) || ms > 7 * 86_400_000) return undefined;
  return Math.max(0, Math.round(ms));
}

/** `Date.parse` finds a date in nearly anything: -5 is one in 2001. Whatever is one here has a time in it. */
function dateIn(text: string): number {
  return text.includes(':') ? Date.parse(text) : Number.NaN;
}

function codeOf(body: Parsed): string | undefined {
  const code = pick(body, 'code', 'error_code', 'errorCode', 'data.code', 'detail.code');
  if (typeof code === 'number') return String(code);
  return typeof code === 'string' && /^-?\d+$/.test(code.trim()) ? code.trim() : undefined;
}

const DETAIL_KEYS = ['message', 'msg', 'error.message', 'error', 'detail', 'reason', 'errorMessage', 'detail.message'];

function detailOf(body: Parsed): string {
  const words = pickString(body, ...DETAIL_KEYS);
  if (words !== undefined) return sanitizeLine(words);
  // FastAPI's 422: a list of what was wrong where.
  const detail = pick(body, 'detail');
  if (!Array.isArray(detail)) return '';
  return sanitizeLine(detail.map(one => pickString(one, 'msg') ?? '').join('; '));
}

/** The service may name its own page for registering or topping up; any other address in a body is not trusted. */
function findServiceUrl(text: string): string | undefined {
  const url = /https:\/\/(?:[\w-]+\.)*nemovideo\.(?:com|ai)(?!\.?[\w:@-])(?:\/[\w\-./?=&%]*)?/i
    .exec(text.slice(0, 16_384))?.[0]
    .replace(
      // The end of a sentence.
      /\.+$/,
      '',
    );
  return url && !SECRETS_IN_URL.test(url) ? url : undefined;
}

const SECRETS_IN_URL = /nmv_|token=/i;
