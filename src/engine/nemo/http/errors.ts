import { type ErrorCode, ShrinkError } from '../../../core/errors.ts';
import { NEMO_FORMATS } from '../../engine.ts';
import { formatBytes, formatDuration } from '../../../core/units.ts';
import { isObject, type Parsed, parseJson, pick, pickString } from './json.ts';
import { sanitizeLine } from './sanitize.ts';

/**
 * Every way the service says no: one row each for what it means, what happens to the job (by the code's advice in
 * core/errors.ts) and what the person reads. Body codes are decided on first, the HTTP status second (nemo-api section 8).
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

/** What the service may be asked again by itself: after a new token, after waiting, after a moment, or not at all. */
type Repeat = 'with-new-token' | 'with-client-id' | 'after-waiting' | 'later' | 'never';

/** Whether a message refused like this was certainly not taken: `maybe` means it has to be asked about. */
type Taken = 'no' | 'maybe';

export interface RefusalFacts {
  /** What was being asked for, as in "while …". */
  doing: string;
  status: number;
  /** The service's own words, without secrets; empty where it gave none. */
  said: string;
  retryAfterMs?: number;
  maxUploadBytes: number;
  /** Whether the token is the person's own (NEMO_TOKEN) or the anonymous one asked for here. */
  account: 'own' | 'anonymous';
  /** Id to register an anonymous account under, where it is known. */
  userId?: string;
  webUrl: string;
  /** An address on the service's own site that came with the refusal. */
  url?: string;
}

export interface RefusalRow {
  means: string;
  code: ErrorCode;
  repeat: Repeat;
  taken: Taken;
  say(facts: RefusalFacts): string;
  hint(facts: RefusalFacts): string;
}

const TRY_LATER = 'shrinkbox asks again by itself.';
const REPORT_BUG = 'If it happens again, please report it with the log; nothing was lost.';

const UNSUPPORTED: RefusalRow = {
  means: 'unsupported file',
  code: 'unsupported-file',
  repeat: 'never',
  taken: 'no',
  say: () => 'the service does not take this kind of file',
  hint: () => `Supported formats: ${NEMO_FORMATS.join(', ')}.`,
};

const TOO_LARGE: RefusalRow = {
  means: 'file too large',
  code: 'file-too-large',
  repeat: 'never',
  taken: 'no',
  say: () => 'the file is too large for the service',
  hint: facts =>
    `Compress, trim or split it to less than ${formatBytes(facts.maxUploadBytes)}, or set nemo.oversize to local or split.`,
};

const BAD_TOKEN: RefusalRow = {
  means: 'bad or expired token',
  code: 'auth-expired',
  repeat: 'with-new-token',
  taken: 'no',
  say: facts =>
    facts.account === 'own' ? 'the service refused the token in NEMO_TOKEN' : 'the service refused the free token',
  hint: facts =>
    facts.account === 'own'
      ? 'Put a valid token into NEMO_TOKEN, or unset it to use a free one, then restart and retry.'
      : 'Wait until the service hands out a new one, or set NEMO_TOKEN, then retry.',
};

const SESSION_GONE: RefusalRow = {
  means: 'session not found',
  code: 'session-gone',
  repeat: 'never',
  taken: 'no',
  say: () => 'the service no longer knows the session, and with it the timeline made so far',
  hint: () => 'Retry to start over in a new session; the instruction is then sent again.',
};

const OUR_MISTAKE: RefusalRow = {
  means: 'the service does not accept the request as it was made',
  code: 'bad-request',
  repeat: 'never',
  taken: 'no',
  say: facts => `the service does not accept the request (HTTP ${facts.status})${quoted(facts.said)}`,
  hint: () => REPORT_BUG,
};

const WRONG_ANSWER: RefusalRow = {
  means: 'an answer that is not one of the service',
  code: 'bad-answer',
  repeat: 'later',
  taken: 'maybe',
  say: facts => `the answer was not one of the service (HTTP ${facts.status})${quoted(facts.said)}`,
  hint: () => 'Check NEMO_API_URL, and that no proxy or login page stands in between; then retry.',
};

export const REFUSALS: Readonly<Record<Refusal, RefusalRow>> = {
  '1001': BAD_TOKEN,
  '1002': SESSION_GONE,
  '2001': {
    means: 'no credits left',
    code: 'out-of-credits',
    repeat: 'never',
    taken: 'no',
    say: () => 'no credits are left',
    hint: facts =>
      facts.account === 'own'
        ? `Top up credits in your account (${facts.url ?? facts.webUrl}), then: shrinkbox resume.`
        : `Register to get more: ${facts.url ?? registrationUrl(facts.webUrl, facts.userId)}, then: shrinkbox resume.`,
  },
  '4001': UNSUPPORTED,
  '4002': TOO_LARGE,
  'http-400': { ...OUR_MISTAKE, means: 'missing X-Client-Id when a token is asked for', repeat: 'with-client-id' },
  'http-401': BAD_TOKEN,
  'http-402': {
    means: 'the plan does not include export (a matter of the subscription, not of credits)',
    code: 'plan-blocked',
    repeat: 'never',
    taken: 'no',
    say: () => 'the plan of this account does not include export',
    hint: facts =>
      `Register or upgrade your plan to unlock export (${facts.url ?? facts.webUrl}), then: shrinkbox resume.`,
  },
  'http-403': {
    means: 'not allowed (undocumented: terminal for this job, no reason to stop the others)',
    code: 'bad-answer',
    repeat: 'never',
    taken: 'no',
    say: facts => `the service does not allow this to the account${quoted(facts.said)}`,
    hint: facts => `Check the account and its plan at ${facts.webUrl}, then retry.`,
  },
  // What ADK itself answers for an unknown session.
  'http-404': SESSION_GONE,
  'http-408': {
    means: 'the service gave up waiting',
    code: 'unreachable',
    repeat: 'later',
    taken: 'maybe',
    say: () => 'the service gave up waiting for the request',
    hint: () => TRY_LATER,
  },
  'http-413': TOO_LARGE,
  'http-415': UNSUPPORTED,
  'http-422': OUR_MISTAKE,
  'http-429': {
    means: 'rate limited',
    code: 'rate-limited',
    repeat: 'after-waiting',
    taken: 'no',
    say: facts =>
      facts.retryAfterMs === undefined
        ? 'the service asks for a pause'
        : `the service asks for a pause of ${formatDuration(facts.retryAfterMs)}`,
    hint: () => TRY_LATER,
  },
  'http-3xx': {
    ...WRONG_ANSWER,
    means: 'redirected elsewhere, where no token is sent',
    repeat: 'never',
    say: facts => `the service redirects elsewhere (HTTP ${facts.status}), where the token is not sent`,
    hint: () => 'Check NEMO_API_URL.',
  },
  'http-4xx': { ...OUR_MISTAKE, means: 'any other refusal', code: 'bad-answer', taken: 'no' },
  'http-5xx': {
    means: 'trouble at the service',
    code: 'unreachable',
    repeat: 'later',
    taken: 'maybe',
    say: facts => `the service has trouble (HTTP ${facts.status})`,
    hint: () => TRY_LATER,
  },
  'other-code': {
    means: 'a failure the service explains in its own words',
    code: 'bad-answer',
    repeat: 'never',
    taken: 'maybe',
    say: facts => `the service says no${quoted(facts.said)}`,
    hint: () => 'Retry later; if it happens again, please report it with the log.',
  },
  'not-json': WRONG_ANSWER,
  'wrong-type': WRONG_ANSWER,
};

/** What an answer amounts to. `payload` is the unwrapped content; `text` the whole body as it came. */
export type Answer =
  | { ok: true; status: number; text: string; payload: Parsed; body: Parsed }
  | { ok: false; refusal: Refusal; status: number; said: string; code: string | undefined; url: string | undefined };

const SERVICE_CODES: ReadonlySet<string> = new Set(['1001', '1002', '2001', '4001', '4002']);
/** Codes of the sibling gateway for the same thing. */
const CODE_ALIASES: Readonly<Record<string, Refusal>> = { '1010': '1001', '1011': '1001' };

/** Phrases by which a 403 of the sibling gateway means the token. */
const TOKEN_PHRASES =
  /invalid authentication token|invalid token|invalid or expired|missing authentication token|token not found|token has been revoked|token has expired/i;

/** Reads a whole JSON answer: tolerant of every envelope seen in the sources (nemo-api 1.2). */
export function readAnswer(status: number, contentType: string | undefined, text: string): Answer {
  const body = text.trim() === '' ? null : parseJson(text);
  const no = (refusal: Refusal): Answer => ({
    ok: false,
    refusal,
    status,
    said: isObject(body) ? wordsOf(body) : sanitizeLine(text),
    code: isObject(body) ? codeOf(body) : undefined,
    url: findServiceUrl(text),
  });
  if (isObject(body)) {
    const refusal = refusalOf(body, status);
    if (refusal) return no(refusal);
  }
  if (status >= 300) return no(refusalOfStatus(status));
  if (body === undefined) return no(/html|xml|text\/plain/i.test(contentType ?? '') ? 'wrong-type' : 'not-json');
  const data = pick(body, 'data');
  const payload = isObject(data) || Array.isArray(data) ? data : body;
  return { ok: true, status, text, payload, body };
}

/** The row for a body that says no by itself, whatever the HTTP status. */
export function refusalOf(body: Parsed, status: number): Refusal | undefined {
  const code = codeOf(body);
  if (code !== undefined) {
    if (SERVICE_CODES.has(code)) return code as Refusal;
    const alias = CODE_ALIASES[code];
    if (alias) return alias;
    if (/^[45]\d\d$/.test(code)) return refusalOfStatus(Number(code));
  }
  if (status === 403 && TOKEN_PHRASES.test(wordsOf(body))) return '1001';
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

/** The error a refusal becomes, once for all callers. */
export function errorFor(refusal: Refusal, facts: RefusalFacts): ShrinkError {
  const row = REFUSALS[refusal];
  const error = new ShrinkError(row.code, `${facts.doing}: ${row.say(facts)}`, {
    doing: facts.doing,
    hint: row.hint(facts),
    ...(facts.retryAfterMs === undefined ? {} : { retryAfterMs: facts.retryAfterMs }),
  });
  origins.set(error, refusal);
  return error;
}

const origins = new WeakMap<ShrinkError, Refusal>();

/** The refusal an error came from; `undefined` when the service never said anything. */
export function refusalBehind(error: unknown): Refusal | undefined {
  return error instanceof ShrinkError ? origins.get(error) : undefined;
}

function registrationUrl(webUrl: string, userId: string | undefined): string {
  const page = `${webUrl.replace(/\/$/, '')}/register`;
  return userId ? `${page}?bind=${encodeURIComponent(userId)}` : page;
}

/**
 * Milliseconds a Retry-After header asks for: seconds, or a date by the clock the answer itself was dated with (`now`, epoch ms, where
 * it was not); `undefined` when it is absent, unreadable or absurd (over a week, the longest window the service has).
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const text = headers['retry-after']?.trim();
  if (text === undefined) return undefined;
  const there = Date.parse(headers['date'] ?? '');
  const ms = /^\d+(\.\d+)?$/.test(text)
    ? Number(text) * 1000
    : Date.parse(text) - (Number.isFinite(there) ? there : now);
  if (!Number.isFinite(ms) || ms > 7 * 86_400_000) return undefined;
  return Math.max(0, Math.round(ms));
}

function codeOf(body: Parsed): string | undefined {
  const code = pick(body, 'code', 'error_code', 'errorCode', 'data.code', 'detail.code');
  if (typeof code === 'number') return String(code);
  return typeof code === 'string' && /^-?\d+$/.test(code.trim()) ? code.trim() : undefined;
}

function wordsOf(body: Parsed): string {
  const words = pickString(
    body,
    'message',
    'msg',
    'error.message',
    'error',
    'detail',
    'reason',
    'errorMessage',
    'detail.message',
  );
  if (words !== undefined) return sanitizeLine(words);
  // FastAPI's 422: a list of what was wrong where.
  const detail = pick(body, 'detail');
  if (!Array.isArray(detail)) return '';
  return sanitizeLine(detail.map(one => pickString(one, 'msg') ?? '').join('; '));
}

/** The service may name its own page for registering or topping up; anything else in a body is not to be trusted. */
function findServiceUrl(text: string): string | undefined {
  const url = /https:\/\/(?:[\w-]+\.)*nemovideo\.(?:com|ai)(?:\/[\w\-./?=&%]*)?/i.exec(text.slice(0, 16_384))?.[0];
  return url && !SECRETS_IN_URL.test(url) ? url : undefined;
}

const SECRETS_IN_URL = /nmv_|token=/i;

function quoted(said: string): string {
  return said === '' ? '' : `: "${said}"`;
}
