import { ShrinkError } from '../../../core/errors.ts';
import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import { orAborted } from '../../../platform/async.ts';
import { type Clock, sleep } from '../../../platform/clock.ts';

/**
 * One rate limiter for every request of the engine: when the service says wait, everybody waits. It also keeps to the number of
 * requests a minute that was configured, or that the service has been seen to allow.
 *
 * Learning: a refusal (429) after `n` accepted requests within the last minute means that the limit is about `n`. From then on the
 * limiter stays at `n` and rarely probes for more: half as often each time the limit turns out to be the same.
 */

const MINUTE = 60_000;
/** A refusal after fewer accepted requests than this says nothing about requests a minute. */
const MIN_LEARNT = 10;
/** The longest pause if the service names none. */
const MAX_PAUSE_MS = 15 * MINUTE;
/** After a refusal the first request goes alone and the next ones follow a second apart, so that they learn from its answer. */
const SPACING_MS = 1000;
/** A longer pause is not waited for here: the job waits in the queue instead, where its due time survives a restart. */
export const PATIENCE_MS = 2 * MINUTE;
const FIRST_PROBE_MS = 5 * MINUTE;
const MAX_PROBE_PAUSE_MS = 60 * MINUTE;

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
  /** Learnt requests a minute; from `probeAt` on, more are tried. */
  learnt: { perMinute: number; probeAt: number; probeEveryMs: number } | undefined;
}

export const OPEN: RateLimitState = {
  resumeAt: 0,
  refusals: 0,
  accepted: [],
  inFlight: 0,
  lastPassAt: Number.NEGATIVE_INFINITY,
  learnt: undefined,
};

/** When the next request may go: `now` or later; `undefined` if that depends on an answer still to come. */
export function nextPass(state: RateLimitState, rules: RateLimitRules, now: number): number | undefined {
  let at = Math.max(now, state.resumeAt);
  if (state.refusals > 0) at = Math.max(at, state.lastPassAt + SPACING_MS);
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

/** An answer other than a 429, whatever else it said. */
export function accepted(state: RateLimitState, rules: RateLimitRules, now: number): RateLimitState {
  const recent = [...state.accepted.filter(at => at > now - MINUTE), now];
  const next = { ...state, refusals: 0, inFlight: Math.max(0, state.inFlight - 1), accepted: recent };
  const { learnt } = state;
  if (!learnt || now < learnt.probeAt || recent.length < learnt.perMinute) return next;
  // The limit has held for long enough: probe for more.
  const perMinute = Math.ceil(learnt.perMinute * 1.1);
  const probeEveryMs = Math.min(learnt.probeEveryMs * 2, MAX_PROBE_PAUSE_MS);
  if (rules.perMinute !== undefined && perMinute >= rules.perMinute) return { ...next, learnt: undefined };
  return { ...next, learnt: { perMinute, probeAt: now + probeEveryMs, probeEveryMs } };
}

/** No answer at all: it says nothing about limits, but the request may have counted. */
export function unanswered(state: RateLimitState, now: number): RateLimitState {
  return {
    ...state,
    inFlight: Math.max(0, state.inFlight - 1),
    accepted: [...state.accepted.filter(at => at > now - MINUTE), now],
  };
}

export interface RateLimitRefusal {
  now: number;
  /** Retry-After, milliseconds. */
  askedMs: number | undefined;
  /** In [0, 1): spreads out clients that were refused at the same moment. */
  random: number;
}

/** A 429. Waits are never shorter than requested, and double while every request is refused. */
export function refused(
  state: RateLimitState,
  rules: RateLimitRules,
  { now, askedMs, random }: RateLimitRefusal,
): RateLimitState {
  // Requests sent together are refused together; only the first refusal is news.
  const already = state.resumeAt > now;
  const refusals = already ? state.refusals : state.refusals + 1;
  const doubled = (ms: number) => Math.min(ms * 2 ** Math.min(Math.max(0, refusals - 1), 10), MAX_PAUSE_MS);
  // A service that says "at once" and still refuses is not asked ever faster.
  const base = askedMs === undefined ? doubled(rules.retryAfterMs) : Math.max(askedMs, doubled(SPACING_MS));
  const recent = state.accepted.filter(at => at > now - MINUTE);
  return {
    ...state,
    refusals: Math.max(1, refusals),
    inFlight: Math.max(0, state.inFlight - 1),
    accepted: recent,
    resumeAt: Math.max(state.resumeAt, now + Math.round(base * (1 + 0.1 * random))),
    askedMs: askedMs ?? (already ? state.askedMs : undefined),
    learnt: already ? state.learnt : learn(state, recent.length, now),
  };
}

function learn(state: RateLimitState, took: number, now: number): RateLimitState['learnt'] {
  const { learnt } = state;
  if (took < MIN_LEARNT) return learnt;
  const probeEveryMs = learnt ? Math.min(learnt.probeEveryMs * 2, MAX_PROBE_PAUSE_MS) : FIRST_PROBE_MS;
  return { perMinute: took, probeAt: now + probeEveryMs, probeEveryMs };
}

function limitOf(state: RateLimitState, rules: RateLimitRules): number | undefined {
  const limits = [rules.perMinute, state.learnt?.perMinute].filter(n => n !== undefined);
  return limits.length > 0 ? Math.max(1, Math.min(...limits)) : undefined;
}

/** What the service said, and what was chosen here, told apart. A tenth over what it asked for only spreads clients out. */
function pauseSentence(pauseMs: number, askedMs: number | undefined): Sentence {
  if (askedMs === undefined) return say('nemo.rate-limited-chosen', { ms: pauseMs });
  if (pauseMs <= askedMs * 1.1) return say('nemo.rate-limited-for', { ms: askedMs });
  return say('nemo.rate-limited-longer', { ms: pauseMs, askedMs });
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
  pass(signal: AbortSignal): Promise<Pass> {
    const turn = this.#queue.then(() => this.#wait(signal));
    this.#queue = turn.catch(() => {});
    // A caller that aborts need not wait for its turn.
    return orAborted(turn, signal);
  }

  /** Makes everybody wait as after a 429. */
  pause(askedMs: number | undefined): void {
    const state = { ...this.#state, inFlight: this.#state.inFlight + 1 };
    this.#state = refused(state, this.#rules, { now: this.#clock.now(), askedMs, random: this.#random() });
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
    this.#state = passed(this.#state, this.#clock.now());
    return this.#newPass();
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

  #newPass(): Pass {
    let settled = false;
    const settle = (change: (now: number) => RateLimitState) => () => {
      if (settled) return;
      settled = true;
      this.#state = change(this.#clock.now());
      this.#wake?.();
    };
    return {
      accepted: settle(now => accepted(this.#state, this.#rules, now)),
      unanswered: settle(now => unanswered(this.#state, now)),
      refused: askedMs => settle(now => refused(this.#state, this.#rules, { now, askedMs, random: this.#random() }))(),
    };
  }
}
