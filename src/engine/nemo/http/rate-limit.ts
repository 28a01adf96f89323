import { ShrinkError } from '../../../core/errors.ts';
import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import { orAborted } from '../../../platform/async.ts';
import { type Clock, sleep } from '../../../platform/clock.ts';

/**
 * One rate limiter for every request of the engine: when the service says wait, everybody waits. It also keeps to the number of
 * requests a minute that was configured, or that the service has been seen to allow.
 *
 * Learning: one refusal (429) says only "not now". Two refusals after about the same number of accepted requests within a minute,
 * with accepted ones in between, are a limit. A storm refuses everything for a while and teaches nothing.
 * Giving up: after a quiet minute one request more is tried, then at once two, four, eight more, as long as they are accepted. After
 * a quiet minute at twice the limit it is forgotten. A limit that proves true is tried less often.
 */

const MINUTE = 60_000;
/** A refusal after fewer accepted requests than this says nothing about requests a minute. */
const MIN_LEARNT = 10;
/** Counts within a fifth of each other, or within two, are about the same: answers on their way blur them. */
const SAME_FRACTION = 0.2;
const SAME_COUNT = 2;
/** The longest pause if the service names none. */
const MAX_PAUSE_MS = 15 * MINUTE;
/** The shortest pause, even for a service that says "at once". */
const MIN_PAUSE_MS = 1000;
/** After a refusal one request goes alone. If its answer takes longer than this (an upload), the next one goes too. */
const ALONE_MS = 10_000;
/** A longer pause is not waited for here: the job waits in the queue instead, where its due time survives a restart. */
export const PATIENCE_MS = 2 * MINUTE;
const FIRST_PROBE_MS = MINUTE;
const MAX_PROBE_PAUSE_MS = 10 * MINUTE;

export interface RateLimitRules {
  /** `limits.requests_per_minute`; if absent, as many as the service accepts. */
  perMinute?: number;
  /** `nemo.retry_after`: the pause for a 429 without Retry-After. */
  retryAfterMs: number;
}

/** Everything the limiter knows; times are epoch ms. */
export interface RateLimitState {
  resumeAt: number;
  /** The pause that the last refusal named, milliseconds. */
  askedMs?: number | undefined;
  /** Refusals since the last accepted request. */
  refusals: number;
  /** When each accepted request of the last minute was answered, oldest first. */
  accepted: readonly number[];
  /** Requests not yet answered. */
  inFlight: number;
  lastPassAt: number;
  lastRefusalAt: number;
  /** How many were accepted in the minute before the last refusal, if that may be a limit. */
  suspected: number | undefined;
  learnt: LearntLimit | undefined;
}

/** Requests a minute. From `probeAt` on more than `limit` are `tried`. */
interface LearntLimit {
  limit: number;
  tried: number;
  probeAt: number;
  probeEveryMs: number;
}

export const OPEN: RateLimitState = {
  resumeAt: 0,
  refusals: 0,
  accepted: [],
  inFlight: 0,
  lastPassAt: Number.NEGATIVE_INFINITY,
  lastRefusalAt: Number.NEGATIVE_INFINITY,
  suspected: undefined,
  learnt: undefined,
};

/** When the next request may go: `now` or later; `undefined` if that depends on an answer still to come. */
export function nextPass(state: RateLimitState, rules: RateLimitRules, now: number): number | undefined {
  let at = Math.max(now, state.resumeAt);
  const isProbing = state.refusals > 0 && state.lastPassAt > state.lastRefusalAt;
  if (isProbing) at = Math.max(at, state.lastPassAt + ALONE_MS);
  const limit = limitOf(state, rules);
  if (limit === undefined) return at;
  // Counted from the answer, which comes after the service counted the request: so its minute never holds more than the limit.
  const recent = state.accepted.filter(answeredAt => answeredAt > at - MINUTE);
  const excess = recent.length + state.inFlight + 1 - limit;
  if (excess <= 0) return at;
  const opens = recent[excess - 1];
  return opens === undefined ? undefined : opens + MINUTE;
}

export function passed(state: RateLimitState, now: number): RateLimitState {
  return { ...state, inFlight: state.inFlight + 1, lastPassAt: now };
}

/** When a request was sent, and when its answer came. */
export interface Answered {
  sentAt: number;
  now: number;
}

/** An answer other than a 429, whatever else it said. */
export function accepted(state: RateLimitState, { sentAt, now }: Answered): RateLimitState {
  const recent = [...state.accepted.filter(at => at > now - MINUTE), now];
  const { suspected } = state;
  return {
    ...state,
    // A request sent before the last refusal says nothing about the time since.
    refusals: sentAt >= state.lastRefusalAt ? 0 : state.refusals,
    inFlight: Math.max(0, state.inFlight - 1),
    accepted: recent,
    suspected: suspected !== undefined && recent.length > most(suspected) ? undefined : suspected,
    learnt: tryMore(state.learnt, recent.length, now),
  };
}

/** One more, then two, four, eight more: a true limit costs one refusal, and a false one is doubled within seconds. */
function tryMore(learnt: LearntLimit | undefined, took: number, now: number): LearntLimit | undefined {
  if (!learnt || now < learnt.probeAt || took < learnt.tried) return learnt;
  const { limit, tried, probeAt } = learnt;
  if (tried >= 2 * limit) return undefined;
  const more = limit + Math.max(1, 2 * (tried - limit));
  if (more < 2 * limit) return { ...learnt, tried: more };
  return { ...learnt, tried: 2 * limit, probeAt: Math.max(probeAt, now + MINUTE) };
}

/** No answer at all: it says nothing about limits, but the request may have counted. */
export function unanswered(state: RateLimitState, now: number): RateLimitState {
  return {
    ...state,
    inFlight: Math.max(0, state.inFlight - 1),
    accepted: [...state.accepted.filter(at => at > now - MINUTE), now],
  };
}

export interface RateLimitRefusal extends Answered {
  /** Retry-After, milliseconds. */
  askedMs: number | undefined;
  /** In [0, 1): spreads out clients that were refused at the same moment. */
  random: number;
}

/** A 429. Waits are never shorter than requested, and double while every request is refused. */
export function refused(
  state: RateLimitState,
  rules: RateLimitRules,
  { sentAt, now, askedMs, random }: RateLimitRefusal,
): RateLimitState {
  // Requests sent together are refused together; only the first refusal is news.
  const already = state.resumeAt > now || sentAt < state.lastRefusalAt;
  const refusals = already ? state.refusals : state.refusals + 1;
  const doubled = (ms: number) => Math.min(ms * 2 ** Math.min(Math.max(0, refusals - 1), 10), MAX_PAUSE_MS);
  // A service that says "at once" and still refuses is not asked ever faster.
  const base = askedMs === undefined ? doubled(rules.retryAfterMs) : Math.max(askedMs, doubled(MIN_PAUSE_MS));
  const recent = state.accepted.filter(at => at > now - MINUTE);
  return {
    ...state,
    refusals: Math.max(1, refusals),
    inFlight: Math.max(0, state.inFlight - 1),
    accepted: recent,
    resumeAt: Math.max(state.resumeAt, now + Math.round(base * (1 + 0.1 * random))),
    askedMs: askedMs ?? (already ? state.askedMs : undefined),
    lastRefusalAt: now,
    ...(already ? {} : learn(state, recent.length, now)),
  };
}

type Knowledge = Pick<RateLimitState, 'suspected' | 'learnt'>;

/** What a refusal teaches that came after `took` accepted requests within a minute. */
function learn(state: RateLimitState, took: number, now: number): Knowledge {
  const { suspected, learnt } = state;
  const isSuspected = suspected !== undefined && isAbout(took, suspected);
  // Nothing was accepted since the last refusal: a minute that is not over yet, or a storm.
  if (state.refusals > 0) return { learnt, suspected: isSuspected ? suspected : undefined };
  if (took < MIN_LEARNT) return { learnt, suspected: undefined };
  if (learnt && isAbout(took, learnt.limit)) return { learnt: confirmed(learnt, took, now), suspected: undefined };
  if (!isSuspected) return { learnt: learnt && backToLimit(learnt, now), suspected: took };
  return { learnt: fresh(Math.min(took, suspected), FIRST_PROBE_MS, now), suspected: undefined };
}

function fresh(limit: number, probeEveryMs: number, now: number): LearntLimit {
  return { limit, tried: limit, probeAt: now + probeEveryMs, probeEveryMs };
}

function confirmed(learnt: LearntLimit, took: number, now: number): LearntLimit {
  const { limit, tried, probeEveryMs } = learnt;
  // Refused although no more than the limit was tried: it is a little lower.
  if (tried === limit) return fresh(Math.max(1, Math.min(took, limit) - 1), probeEveryMs, now);
  return backToLimit({ ...learnt, limit: took }, now);
}

/** Trying more has failed: it is tried again after twice the time. */
function backToLimit({ limit, tried, probeAt, probeEveryMs }: LearntLimit, now: number): LearntLimit {
  if (tried === limit) return { limit, tried, probeAt, probeEveryMs };
  return fresh(limit, Math.min(probeEveryMs * 2, MAX_PROBE_PAUSE_MS), now);
}

/** The highest count that is still about the same. */
function most(count: number): number {
  return count + Math.max(SAME_COUNT, count * SAME_FRACTION);
}

function isAbout(a: number, b: number): boolean {
  return Math.max(a, b) <= most(Math.min(a, b));
}

function limitOf(state: RateLimitState, rules: RateLimitRules): number | undefined {
  const limits = [rules.perMinute, state.learnt?.tried].filter(n => n !== undefined);
  return limits.length > 0 ? Math.max(1, Math.min(...limits)) : undefined;
}

/** What the service said, and what was chosen here, told apart. A tenth over what it asked for only spreads clients out. */
function pauseSentence(pauseMs: number, askedMs: number | undefined): Sentence {
  if (askedMs === undefined) return say('nemo.rate-limited-chosen', { ms: pauseMs });
  if (pauseMs <= askedMs * 1.1) return say('nemo.rate-limited-for', { ms: askedMs });
  return say('nemo.rate-limited-longer', { ms: pauseMs, askedMs });
}

/** A pause of all requests after a 429. */
export interface Pause {
  /** Epoch ms. */
  until: number;
  /** What the service asked for, milliseconds; absent if it did not say. */
  askedMs: number | undefined;
}

/** Told of the pause a request waits for, and `undefined` once it no longer does. */
export type PauseListener = (pause: Pause | undefined) => void;

/** Why requests rest, and when the next one goes. */
export function untilSentence({ until, askedMs }: Pause): Sentence {
  const why = askedMs === undefined ? say('nemo.rate-limited') : say('nemo.rate-limited-for', { ms: askedMs });
  return say('nemo.rate-limited-until', { why, at: until });
}

/** The outcome of one request that was let through. Exactly one of these is called. */
export interface Pass {
  accepted(): void;
  refused(askedMs: number | undefined): void;
  unanswered(): void;
}

/** Lets requests through in order of arrival, as `nextPass` says. */
export class RateLimiter {
  readonly #rules: RateLimitRules;
  readonly #clock: Clock;
  readonly #random: () => number;
  #state: RateLimitState = OPEN;
  #queue: Promise<unknown> = Promise.resolve();
  #wake: (() => void) | undefined;
  /** Of the requests that wait. */
  readonly #listeners = new Set<PauseListener>();
  #told: Pause | undefined;
  /** Called when a pause begins. */
  onPause: ((pause: Pause) => void) | undefined;

  constructor(rules: RateLimitRules, clock: Clock, random: () => number = Math.random) {
    this.#rules = rules;
    this.#clock = clock;
    this.#random = random;
  }

  get state(): RateLimitState {
    return this.#state;
  }

  /**
   * Resolves when the caller may send one request. Rejects with the signal's reason.
   * @throws ShrinkError `rate-limited` if the service asked for a pause longer than PATIENCE_MS.
   */
  pass(signal: AbortSignal, listener?: PauseListener): Promise<Pass> {
    const turn = this.#queue.then(() => this.#wait(signal));
    this.#queue = turn.catch(() => {});
    // A caller that aborts need not wait for its turn.
    const passing = orAborted(turn, signal);
    return listener ? this.#telling(passing, listener) : passing;
  }

  /** The pause that lasts now. */
  get pausedNow(): Pause | undefined {
    const { resumeAt, askedMs } = this.#state;
    return resumeAt > this.#clock.now() ? { until: resumeAt, askedMs } : undefined;
  }

  async #telling(passing: Promise<Pass>, listener: PauseListener): Promise<Pass> {
    this.#listeners.add(listener);
    if (this.pausedNow) listener(this.pausedNow);
    try {
      return await passing;
    } finally {
      this.#listeners.delete(listener);
      listener(undefined);
    }
  }

  /** A refusal may begin or lengthen the pause; any other answer after it shows that it is over. */
  #become(state: RateLimitState): void {
    this.#state = state;
    const before = this.#told;
    this.#told = this.pausedNow;
    if (this.#told?.until === before?.until) return;
    for (const listener of this.#listeners) listener(this.#told);
    const isNew = before === undefined || before.until <= this.#clock.now();
    if (this.#told && isNew) this.onPause?.(this.#told);
  }

  /** Makes everybody wait as after a 429. */
  pause(askedMs: number | undefined): void {
    const state = { ...this.#state, inFlight: this.#state.inFlight + 1 };
    const now = this.#clock.now();
    this.#become(refused(state, this.#rules, { sentAt: now, now, askedMs, random: this.#random() }));
    this.#wake?.();
  }

  async #wait(signal: AbortSignal): Promise<Pass> {
    for (;;) {
      signal.throwIfAborted();
      const now = this.#clock.now();
      const at = nextPass(this.#state, this.#rules, now);
      if (at !== undefined && at <= now) break;
      const pauseMs = this.#state.resumeAt - now;
      if (pauseMs > PATIENCE_MS) {
        throw new ShrinkError('rate-limited', pauseSentence(pauseMs, this.#state.askedMs), {
          hint: say('nemo.retried-hint'),
          retryAfterMs: pauseMs,
        });
      }
      await this.#sleepUntilChange(at === undefined ? MINUTE : at - now, signal);
    }
    const sentAt = this.#clock.now();
    this.#state = passed(this.#state, sentAt);
    return this.#newPass(sentAt);
  }

  /** A refusal or an answer may shift the time, in both directions. */
  async #sleepUntilChange(ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    try {
      await sleep(this.#clock, ms, AbortSignal.any([signal, woken.signal]));
    } catch (error) {
      if (!woken.signal.aborted) throw error;
    } finally {
      this.#wake = undefined;
    }
  }

  #newPass(sentAt: number): Pass {
    let settled = false;
    const settle = (change: (now: number) => RateLimitState) => {
      if (settled) return;
      settled = true;
      this.#become(change(this.#clock.now()));
      this.#wake?.();
    };
    return {
      accepted: () => settle(now => accepted(this.#state, { sentAt, now })),
      unanswered: () => settle(now => unanswered(this.#state, now)),
      refused: askedMs =>
        settle(now => refused(this.#state, this.#rules, { sentAt, now, askedMs, random: this.#random() })),
    };
  }
}
