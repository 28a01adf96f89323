import {
  accepted,
  nextPass,
  OPEN,
  passed,
  type RateLimitRules,
  type RateLimitState,
  refused,
} from '../../../../src/engine/nemo/http/rate-limit.ts';

export const MINUTE = 60_000;
/** When the virtual time begins: a whole minute. */
export const BEGIN = 60_000_000;
export const rules: RateLimitRules = { retryAfterMs: 30_000 };

/** A service's answer to a request that arrives at `now`: accepted, or refused with or without Retry-After. */
export type Service = (now: number) => 'accepted' | { askedMs: number | undefined };

/** A service in whose clock any minute (or each whole minute, by the clock) holds `allowed` requests. */
export function allowing(allowed: number, options: { says: boolean; byTheClock?: boolean }): Service {
  let counted: number[] = [];
  return now => {
    const from = options.byTheClock ? Math.floor(now / MINUTE) * MINUTE - 1 : now - MINUTE;
    counted = counted.filter(at => at > from);
    if (counted.length >= allowed) {
      const opensAt = options.byTheClock ? from + 1 + MINUTE : (counted[0] ?? now) + MINUTE;
      return { askedMs: options.says ? Math.max(1, opensAt - now) : undefined };
    }
    counted.push(now);
    return 'accepted';
  };
}

/** Refuses everything from `fromMs` to `untilMs` after the beginning, without a word on how long. */
export function stormy(storms: { fromMs: number; untilMs: number }[], fair: Service = () => 'accepted'): Service {
  return now => {
    const isStorm = storms.some(({ fromMs, untilMs }) => now >= BEGIN + fromMs && now < BEGIN + untilMs);
    return isStorm ? { askedMs: undefined } : fair(now);
  };
}

interface World {
  service: Service;
  workers: number;
  latencyMs: number;
  /** Between an answer and the worker's next request. */
  thinkMs?: number;
  forMs: number;
  perMinute?: number;
  /** `nemo.retry_after` if not the default. */
  retryAfterMs?: number;
}

export interface Log {
  /** Milliseconds since the beginning. */
  at: number;
  isRefused: boolean;
}

/** What reaches the service when `workers` send one request after another through one limiter; virtual time. */
export function run(world: World): { log: Log[]; state: RateLimitState } {
  const mine: RateLimitRules = {
    retryAfterMs: world.retryAfterMs ?? rules.retryAfterMs,
    ...(world.perMinute === undefined ? {} : { perMinute: world.perMinute }),
  };
  const log: Log[] = [];
  let state: RateLimitState = OPEN;
  const ready = Array.from({ length: world.workers }, () => BEGIN);
  const out: { sentAt: number; at: number; answer: ReturnType<Service> }[] = [];
  for (let now = BEGIN; now < BEGIN + world.forMs; ) {
    const first = ready.toSorted((a, b) => a - b)[0];
    const pass = first === undefined ? undefined : nextPass(state, mine, Math.max(now, first));
    const next = out[0];
    if (pass !== undefined && (!next || pass < next.at)) {
      now = pass;
      ready.splice(ready.indexOf(first ?? 0), 1);
      state = passed(state, now);
      const answer = world.service(now);
      log.push({ at: now - BEGIN, isRefused: answer !== 'accepted' });
      out.push({ sentAt: now, at: now + world.latencyMs, answer });
    } else if (next) {
      out.shift();
      now = next.at;
      const answered = { sentAt: next.sentAt, now };
      state =
        next.answer === 'accepted'
          ? accepted(state, answered)
          : refused(state, mine, { ...answered, askedMs: next.answer.askedMs, random: 0.5 });
      ready.push(now + (next.answer === 'accepted' ? (world.thinkMs ?? 0) : 0));
    } else break;
  }
  return { log, state };
}

export function refusals(log: Log[], fromMs = 0): number {
  return log.filter(({ at, isRefused }) => isRefused && at >= fromMs).length;
}

export function acceptedBetween(log: Log[], fromMs: number, untilMs: number): number {
  return log.filter(({ at, isRefused }) => !isRefused && at >= fromMs && at < untilMs).length;
}
