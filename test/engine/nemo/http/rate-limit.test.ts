import { describe, expect, it } from 'vitest';
import {
  accepted,
  type RateLimitRules,
  type RateLimitState,
  nextPass,
  OPEN,
  passed,
  refused,
  RateLimiter,
  unanswered,
} from '../../../../src/engine/nemo/http/rate-limit.ts';
import { scaledClock } from '../../../support/nemo-server/clock.ts';
import { MinuteLimit } from '../../../support/nemo-server/limits.ts';

const rules: RateLimitRules = { retryAfterMs: 30_000 };
const never = new AbortController().signal;

describe('the gate', () => {
  it('is open at first', () => {
    expect(nextPass(OPEN, rules, 1000)).toBe(1000);
  });

  it.each([
    ['the pause asked for, never less', 12_000, 0, 12_000],
    ['a tenth more at most', 12_000, 1, 13_200],
    ['30 s when none is asked for', undefined, 0, 30_000],
  ])('closes for everybody after a 429: %s', (_, asked, random, wait) => {
    const state = refused(passed(OPEN, 0), rules, { now: 1000, askedMs: asked, random: random });
    expect(nextPass(state, rules, 1000)).toBe(1000 + wait);
  });

  it('doubles the pause while nothing but refusals comes back, up to 15 minutes', () => {
    let state: RateLimitState = OPEN;
    let now = 0;
    const waits: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      state = refused(passed(state, now), rules, { now: now, askedMs: undefined, random: 0 });
      const next = nextPass(state, rules, now) ?? 0;
      waits.push((next - now) / 1000);
      now = next;
    }
    expect(waits).toEqual([30, 60, 120, 240, 480, 900, 900, 900]);
    state = accepted(passed(state, now), rules, now);
    state = refused(passed(state, now), rules, { now: now, askedMs: undefined, random: 0 });
    expect(nextPass(state, rules, now)).toBe(now + 30_000);
  });

  it('counts requests refused together as one refusal', () => {
    let state = passed(passed(OPEN, 0), 0);
    state = refused(state, rules, { now: 10, askedMs: undefined, random: 0 });
    state = refused(state, rules, { now: 20, askedMs: undefined, random: 0 });
    expect(state.refusals).toBe(1);
    expect(state.resumeAt).toBe(30_020);
  });

  it('lets the first request after a pause go alone, the next a second later', () => {
    let state = refused(passed(OPEN, 0), rules, { now: 0, askedMs: 1000, random: 0 });
    expect(nextPass(state, rules, 1000)).toBe(1000);
    state = passed(state, 1000);
    expect(nextPass(state, rules, 1000)).toBe(2000);
    state = accepted(state, rules, 1100);
    expect(nextPass(state, rules, 1100)).toBe(1100);
  });

  it('keeps to the configured number a minute, counted from the answers', () => {
    const limited = { ...rules, perMinute: 2 };
    let state = passed(passed(OPEN, 0), 0);
    expect(nextPass(state, limited, 10)).toBeUndefined();
    state = accepted(accepted(state, limited, 500), limited, 700);
    expect(nextPass(state, limited, 1000)).toBe(60_500);
    state = unanswered(passed(state, 60_500), 60_600);
    expect(nextPass(state, limited, 60_601)).toBe(60_700);
  });

  it('learns nothing about requests a minute from a refusal after a handful', () => {
    let state: RateLimitState = OPEN;
    for (let n = 0; n < 5; n += 1) state = accepted(passed(state, n), rules, n);
    expect(refused(passed(state, 10), rules, { now: 10, askedMs: undefined, random: 0 }).learnt).toBeUndefined();
  });
});

interface Outcome {
  requests: number;
  refusedAfterFirstMinute: number;
  minutes: number;
}

/** Virtual time: `workers` send `requests` one after another to a service that allows `allowed` a minute. */
function simulate(options: {
  allowed: number;
  workers: number;
  requests: number;
  perMinute?: number;
  latencyMs: number;
}): Outcome {
  const mine = { ...rules, ...(options.perMinute ? { perMinute: options.perMinute } : {}) };
  let now = 1_000_000;
  const begin = now;
  const limit = new MinuteLimit(options.allowed, () => now);
  let state: RateLimitState = OPEN;
  let left = options.requests;
  let sent = 0;
  let late = 0;
  const out: { at: number; refusedMs: number }[] = [];
  while (left > 0 || out.length > 0) {
    const pass = left > 0 && out.length < options.workers ? nextPass(state, mine, now) : undefined;
    const answer = out[0];
    if (pass !== undefined && (!answer || pass <= answer.at)) {
      now = Math.max(now, pass);
      state = passed(state, now);
      sent += 1;
      const refusedMs = limit.refuse();
      if (refusedMs === 0) left -= 1;
      else if (now - begin > 60_000) late += 1;
      out.push({ at: now + options.latencyMs, refusedMs });
    } else if (answer) {
      out.shift();
      now = Math.max(now, answer.at);
      state =
        answer.refusedMs > 0
          ? refused(state, mine, { now: now, askedMs: answer.refusedMs, random: 0.5 })
          : accepted(state, mine, now);
    }
  }
  return { requests: sent, refusedAfterFirstMinute: late, minutes: (now - begin) / 60_000 };
}

describe('against a service that allows so many requests a minute', () => {
  it.each([
    { allowed: 60, workers: 4, latencyMs: 200 },
    { allowed: 30, workers: 8, latencyMs: 2000 },
    { allowed: 120, workers: 4, latencyMs: 50 },
    { allowed: 300, workers: 16, latencyMs: 1000 },
    { allowed: 12, workers: 2, latencyMs: 100 },
  ])('$allowed of them, nothing configured: at most 2% are refused after the first minute', options => {
    const requests = options.allowed * 100;
    const outcome = simulate({ ...options, requests });
    expect(outcome.refusedAfterFirstMinute / outcome.requests).toBeLessThanOrEqual(0.02);
    // And what is allowed is used: no slower than a fifth over the ideal.
    expect(outcome.minutes).toBeLessThan((requests / options.allowed) * 1.2);
  });

  it('none is refused where the limit is configured', () => {
    const outcome = simulate({ allowed: 60, workers: 8, requests: 3000, perMinute: 60, latencyMs: 300 });
    expect(outcome.requests).toBe(3000);
  });

  it('finds out that a service allows more than it did once', () => {
    // Learnt 20 a minute during a bad spell; from then on the service takes anything.
    let state: RateLimitState = OPEN;
    let now = 0;
    for (let n = 0; n < 20; n += 1) state = accepted(passed(state, now), rules, now);
    state = refused(passed(state, now), rules, { now: now, askedMs: 60_000, random: 0 });
    const from = state.learnt?.perMinute ?? 0;
    for (let n = 0; n < 2000; n += 1) {
      now = nextPass(state, rules, now) ?? now;
      state = accepted(passed(state, now), rules, now);
    }
    expect(from).toBe(20);
    expect(state.learnt?.perMinute).toBeGreaterThan(22);
  });
});

describe('the line at the gate', () => {
  it('goes in order, and one who leaves does not hold up the others', async () => {
    const clock = scaledClock(1000);
    const limiter = new RateLimiter({ ...rules, perMinute: 1 }, clock, () => 0);
    (await limiter.pass(never)).accepted();
    const leaver = new AbortController();
    const order: string[] = [];
    const second = limiter.pass(leaver.signal).then(
      () => order.push('second'),
      () => order.push('left'),
    );
    const third = limiter.pass(never).then(pass => {
      order.push('third');
      pass.accepted();
    });
    leaver.abort(new Error('gone'));
    await Promise.all([second, third]);
    expect(order).toEqual(['left', 'third']);
  });

  it('is left at once by who no longer wants to wait, wherever they stand', async () => {
    const limiter = new RateLimiter({ ...rules, perMinute: 1 }, scaledClock(1), () => 0);
    await limiter.pass(never);
    const waiting = limiter.pass(AbortSignal.timeout(60_000)).catch(() => {});
    const leaver = new AbortController();
    const left = expect(limiter.pass(leaver.signal)).rejects.toThrow('gone');
    leaver.abort(new Error('gone'));
    await left;
    void waiting;
  });

  it('moves on when an answer comes that makes room', async () => {
    const limiter = new RateLimiter({ ...rules, perMinute: 1 }, scaledClock(1000), () => 0);
    const first = await limiter.pass(never);
    let through = false;
    const next = limiter.pass(never).then(() => {
      through = true;
    });
    await Promise.resolve();
    expect(through).toBe(false);
    first.accepted();
    await next;
    expect(through).toBe(true);
  });

  it('does not sit out a long pause: the job waits in the queue instead', async () => {
    const clock = scaledClock(1000);
    const limiter = new RateLimiter(rules, clock, () => 0);
    (await limiter.pass(never)).refused(3_600_000);
    await expect(limiter.pass(never)).rejects.toMatchObject({
      code: 'rate-limited',
      retryAfterMs: expect.closeTo(3_600_000, -5),
    });
  });
});
