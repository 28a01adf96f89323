/**
 * Every error by origin, and what shrinkbox does about it. Decisions go by an error's `code`, never by its text. An error says what
 * was being done, to what, and what a person can do; it never holds a secret.
 */

import { type Message, messageOf, reasonMessages, type Sentence, textOf, verbatim } from './message.ts';

/** Closed set of codes; each has exactly one row in POLICY below. */
export type ErrorCode =
  // platform/files: the file system
  | 'gone'
  | 'changed-underneath'
  | 'no-space'
  | 'denied'
  | 'unavailable'
  | 'io'
  | 'bad-name'
  // platform/subprocess: children
  | 'tool-missing'
  | 'child-failed'
  | 'child-killed'
  | 'child-stalled'
  | 'timed-out'
  | 'out-of-memory'
  | 'cancelled'
  // the source itself
  | 'not-media'
  | 'no-video'
  | 'unsafe-media'
  | 'incomplete-media'
  // the request
  | 'cannot-do'
  | 'cannot-fit'
  // the result
  | 'verify-failed'
  // engine/nemo: the cloud
  | 'unreachable'
  | 'rate-limited'
  | 'auth-expired'
  | 'auth-missing'
  | 'session-gone'
  | 'out-of-credits'
  | 'plan-blocked'
  | 'unsupported-file'
  | 'file-too-large'
  | 'outcome-unknown'
  | 'unconfirmed'
  | 'still-rendering'
  | 'render-failed'
  | 'bad-answer'
  | 'bad-request'
  // journal and state directory
  | 'locked'
  | 'damaged'
  | 'newer-version'
  | 'journal-write'
  // the user
  | 'usage'
  | 'config-invalid';

/**
 * What is expected of a person:
 * - `register`, `top-up`, `upgrade-plan`: an account has to change; `link` leads there.
 * - `decide`: whether a step that costs something is done again; a retry says yes.
 * - `offer`: whether the step that the agent left open is done; asking for it says yes, and costs something.
 * - `wait`: nothing; somebody else is at work and takes as long as it takes.
 */
export type ActionCode = 'register' | 'top-up' | 'upgrade-plan' | 'decide' | 'offer' | 'wait';

export interface Action {
  code: ActionCode;
  /** An https address to open. */
  link?: string;
}

export interface ErrorFacts {
  /** What was being done, as in "while …": `encoding pass 1`. */
  doing?: Sentence | string;
  /** The path, job or URL it happened to; no secrets. */
  subject?: string;
  /** What a person can do about it, a whole sentence. */
  hint?: Sentence | string;
  /** What the hint asks for, where a program or a link can help with it. */
  action?: Action;
  cause?: unknown;
  /** How long the other side asked us to wait (Retry-After), in milliseconds. */
  retryAfterMs?: number;
}

/** shrinkbox's only error class; anything else that is thrown is a bug (exit 1). */
export class ShrinkError extends Error {
  override readonly name = 'ShrinkError';
  readonly code: ErrorCode;
  readonly doing: string | undefined;
  readonly subject: string | undefined;
  readonly hint: string | undefined;
  /** Codes of the message and the hint, where they have one, so that the page can show them in its language. */
  readonly messages: { text?: Message; hint?: Message };
  readonly action: Action | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: Sentence | string, facts: ErrorFacts = {}) {
    super(textOf(message), facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.doing = textOf(facts.doing);
    this.subject = facts.subject;
    this.hint = textOf(facts.hint);
    this.messages = { text: messageOf(message), hint: messageOf(facts.hint) };
    this.action = facts.action;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** The parts of a job's `Reason` that come from an error. */
export interface ErrorReason {
  code: ErrorCode;
  text: string;
  hint?: string;
  action?: Action;
  messages?: { text?: Message; hint?: Message };
}

/** The error as the reason for a job's state. `text` replaces the error's own text. */
export function reasonOfError(error: ShrinkError, text?: Sentence): ErrorReason {
  const messages = reasonMessages(text ? messageOf(text) : error.messages.text, error.messages.hint);
  const { code, hint, action } = error;
  return { code, text: text?.text ?? error.message, hint, ...(action ? { action } : {}), messages };
}

/** The error's message, to nest in another sentence; without a code it stays English in every language. */
export function sentenceOf(error: ShrinkError): Sentence {
  return { ...verbatim(error.message), ...error.messages.text };
}

export function isShrinkError(error: unknown, ...codes: ErrorCode[]): error is ShrinkError {
  return error instanceof ShrinkError && (codes.length === 0 || codes.includes(error.code));
}

/**
 * What the queue does about an error.
 * - `wait`: something outside is at fault; try again for as long as it takes, without using up an attempt.
 * - `retry`: it may pass; up to `times` further attempts, then `failed`.
 * - `hold`: a person must act. `fail`: the source or the request is at fault; a report says why.
 * - `superseded`: the source changed or is gone; a new version is queued if there is one.
 * - `pause-engine`: every job of that engine would fail the same way; pause the engine once, keep the job.
 * - `ask`: a paid step may have happened; the job is `in-doubt`, and the step is never repeated unless a person asks.
 * - `cancel`: a person asked for it. `stop`: the daemon cannot continue safely.
 */
export type Advice =
  | { kind: 'wait'; firstMs: number; maxMs: number }
  | { kind: 'retry'; times: number; firstMs: number }
  | { kind: 'hold' }
  | { kind: 'fail' }
  | { kind: 'superseded' }
  | { kind: 'pause-engine'; forMs: number }
  | { kind: 'ask' }
  | { kind: 'cancel' }
  | { kind: 'stop' };

/** Everything an error's code decides. Each code has one row in POLICY, which is read through `policyFor`. */
export interface Policy {
  advice: Advice;
  /** Where the advice is `retry`, a paid engine does not try again by itself: the job is held. */
  heldInCloud: boolean;
  /** The other side of the engine is at fault: once a job of it is done, what waits for this need not wait on. */
  endsWithSuccessOfOthers: boolean;
  /** With `fallback: local`, this machine takes over a cloud job that ended with this error. */
  localCanHelp: boolean;
  /** A local job held for this continues from its checkpoints when a person retries it. */
  keepsProgress: boolean;
  /** After delivery: archiving or deleting the original is tried again before the original is left where it is. */
  retriesDisposal: boolean;
  /** `compress` repeats the attempt at once instead of leaving the retry to a person. */
  retriedInOneShot: boolean;
  /** However often a person tries again: the file, or what is asked for, has to change. */
  endsTheSame: boolean;
  /** HTTP status of a response that reports it. */
  httpStatus: 400 | 404 | 408 | 409 | 500 | 503;
  /** Exit code of a command that ends with it (see `EXIT_CODES`). */
  exitCode: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

const HOLD: Advice = { kind: 'hold' };
const FAIL: Advice = { kind: 'fail' };
const SUPERSEDED: Advice = { kind: 'superseded' };

const DEFAULTS: Omit<Policy, 'advice'> = {
  heldInCloud: false,
  endsWithSuccessOfOthers: false,
  localCanHelp: false,
  keepsProgress: false,
  retriesDisposal: false,
  retriedInOneShot: false,
  endsTheSame: false,
  httpStatus: 500,
  exitCode: 1,
};

function row(advice: Advice, differences: Partial<Omit<Policy, 'advice'>> = {}): Policy {
  return { ...DEFAULTS, advice, ...differences };
}

const POLICY: Readonly<Record<ErrorCode, Policy>> = {
  gone: row(SUPERSEDED, { httpStatus: 404 }),
  'changed-underneath': row(SUPERSEDED),
  'no-space': row(
    { kind: 'wait', firstMs: 30 * SECOND, maxMs: 5 * MINUTE },
    { keepsProgress: true, retriesDisposal: true },
  ),
  denied: row(HOLD, { keepsProgress: true }),
  unavailable: row(
    { kind: 'wait', firstMs: 10 * SECOND, maxMs: 5 * MINUTE },
    { keepsProgress: true, retriesDisposal: true, httpStatus: 503 },
  ),
  io: row({ kind: 'wait', firstMs: MINUTE, maxMs: 30 * MINUTE }, { retriesDisposal: true }),
  'bad-name': row(FAIL, { endsTheSame: true, httpStatus: 400 }),
  // An upgrade removes ffmpeg for a moment; a person should not have to retry a whole folder because of it.
  'tool-missing': row({ kind: 'wait', firstMs: 30 * SECOND, maxMs: 15 * MINUTE }, { exitCode: 13 }),
  'child-failed': row(FAIL),
  'child-killed': row({ kind: 'retry', times: 2, firstMs: 5 * SECOND }, { retriedInOneShot: true }),
  'child-stalled': row({ kind: 'retry', times: 1, firstMs: 5 * SECOND }, { retriedInOneShot: true }),
  'timed-out': row(
    { kind: 'retry', times: 1, firstMs: 30 * SECOND },
    { retriedInOneShot: true, localCanHelp: true, httpStatus: 408 },
  ),
  // A source that fails like this three times is set aside: it may be what uses up the memory.
  'out-of-memory': row({ kind: 'retry', times: 2, firstMs: 30 * SECOND }),
  cancelled: row({ kind: 'cancel' }, { httpStatus: 409, exitCode: 130 }),
  'not-media': row(FAIL, { endsTheSame: true }),
  'no-video': row(FAIL, { endsTheSame: true }),
  'unsafe-media': row(FAIL, { endsTheSame: true }),
  'incomplete-media': row(FAIL, { endsTheSame: true }),
  'cannot-do': row(HOLD, { endsTheSame: true }),
  'cannot-fit': row(HOLD, { localCanHelp: true, endsTheSame: true }),
  // In the cloud, another attempt is another paid render, so a person decides.
  'verify-failed': row(
    { kind: 'retry', times: 1, firstMs: 5 * SECOND },
    { heldInCloud: true, localCanHelp: true, retriedInOneShot: true },
  ),
  unreachable: row({ kind: 'wait', firstMs: 30 * SECOND, maxMs: 15 * MINUTE }, { endsWithSuccessOfOthers: true }),
  'rate-limited': row({ kind: 'wait', firstMs: 30 * SECOND, maxMs: 15 * MINUTE }, { endsWithSuccessOfOthers: true }),
  'auth-expired': row(HOLD, { localCanHelp: true, exitCode: 12 }),
  'auth-missing': row(HOLD, { localCanHelp: true, exitCode: 12 }),
  'session-gone': row(HOLD, { localCanHelp: true }),
  'out-of-credits': row({ kind: 'pause-engine', forMs: 60 * MINUTE }, { localCanHelp: true }),
  'plan-blocked': row({ kind: 'pause-engine', forMs: 60 * MINUTE }, { localCanHelp: true }),
  'unsupported-file': row(FAIL, { localCanHelp: true, endsTheSame: true }),
  'file-too-large': row(HOLD, { localCanHelp: true, endsTheSame: true }),
  'outcome-unknown': row({ kind: 'ask' }),
  // The engine has checked and still does not know: only a person may have a paid step repeated.
  unconfirmed: row(HOLD),
  'still-rendering': row(HOLD),
  'render-failed': row(HOLD, { localCanHelp: true }),
  'bad-answer': row(HOLD, { localCanHelp: true }),
  'bad-request': row(FAIL, { localCanHelp: true, httpStatus: 400 }),
  locked: row({ kind: 'stop' }, { exitCode: 11 }),
  damaged: row({ kind: 'stop' }, { exitCode: 14 }),
  'newer-version': row({ kind: 'stop' }, { exitCode: 14 }),
  'journal-write': row({ kind: 'stop' }),
  usage: row({ kind: 'stop' }, { httpStatus: 400, exitCode: 2 }),
  'config-invalid': row({ kind: 'stop' }, { exitCode: 10 }),
};

export function policyFor(code: ErrorCode): Policy {
  return POLICY[code];
}

/** The policy for the code of a recorded reason; `undefined` for reasons that are not errors (`replaced`, `crashed`). */
export function policyOfReason(code: string): Policy | undefined {
  return Object.hasOwn(POLICY, code) ? POLICY[code as ErrorCode] : undefined;
}

export function adviceFor(code: ErrorCode): Advice {
  return POLICY[code].advice;
}

/** Delay before try `n` (0-based) of a `wait` advice: doubles from `firstMs` to `maxMs`, milliseconds. */
export function backoffMs(advice: { firstMs: number; maxMs?: number }, n: number): number {
  return Math.min(advice.firstMs * 2 ** Math.min(n, 20), advice.maxMs ?? Number.MAX_SAFE_INTEGER);
}
