import { describe, expect, it } from 'vitest';
import {
  accepted,
  type RateLimitState,
  nextPass,
  OPEN,
  passed,
  refused,
  RateLimiter,
  unanswered,
} from '../../../../src/engine/nemo/http/rate-limit.ts';
import { scaledClock } from '../../../support/nemo-server/clock.ts';
import { acceptedBetween, allowing, BEGIN, MINUTE, refusals, rules, run } from './limiter-world.ts';

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
    const state = refused(passed(OPEN, 0), rules, { sentAt: 0, now: 1000, askedMs: asked, random });
    expect(nextPass(state, rules, 1000)).toBe(1000 + wait);
  });

  it('doubles the pause while nothing but refusals comes back, up to 15 minutes', () => {
    let state: RateLimitState = OPEN;
    let now = 0;
    const waits: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      state = refused(passed(state, now), rules, { sentAt: now, now, askedMs: undefined, random: 0 });
      const next = nextPass(state, rules, now) ?? 0;
      waits.push((next - now) / 1000);
      now = next;
    }
    expect(waits).toEqual([30, 60, 120, 240, 480, 900, 900, 900]);
    state = accepted(passed(state, now), { sentAt: now, now });
    state = refused(passed(state, now), rules, { sentAt: now, now, askedMs: undefined, random: 0 });
    expect(nextPass(state, rules, now)).toBe(now + 30_000);
  });

  it('counts requests refused together as one refusal', () => {
    let state = passed(passed(OPEN, 0), 0);
    state = refused(state, rules, { sentAt: 0, now: 10, askedMs: undefined, random: 0 });
    state = refused(state, rules, { sentAt: 0, now: 20, askedMs: undefined, random: 0 });
    expect(state.refusals).toBe(1);
    expect(state.resumeAt).toBe(30_020);
  });

  it('lets the first request after a pause go alone until it is answered', () => {
    let state = refused(passed(OPEN, 0), rules, { sentAt: 0, now: 10, askedMs: 1000, random: 0 });
    expect(nextPass(state, rules, 1010)).toBe(1010);
    state = passed(state, 1010);
    // Ten seconds at most: an upload may take hours.
    expect(nextPass(state, rules, 1020)).toBe(11_010);
    state = accepted(state, { sentAt: 1010, now: 1100 });
    expect(nextPass(state, rules, 1100)).toBe(1100);
  });

  it('takes no hope from a request that was sent before the refusal', () => {
    let state = passed(passed(OPEN, 0), 0);
    state = refused(state, rules, { sentAt: 0, now: 10, askedMs: undefined, random: 0 });
    state = accepted(state, { sentAt: 0, now: 20 });
    state = refused(passed(state, 30_010), rules, { sentAt: 30_010, now: 30_020, askedMs: undefined, random: 0 });
    expect(nextPass(state, rules, 30_020)).toBe(90_020);
  });

  it('keeps to the configured number a minute, counted from the answers', () => {
    const limited = { ...rules, perMinute: 2 };
    let state = passed(passed(OPEN, 0), 0);
    expect(nextPass(state, limited, 10)).toBeUndefined();
    state = accepted(accepted(state, { sentAt: 0, now: 500 }), { sentAt: 0, now: 700 });
    expect(nextPass(state, limited, 1000)).toBe(60_500);
    state = unanswered(passed(state, 60_500), 60_600);
    expect(nextPass(state, limited, 60_601)).toBe(60_700);
  });

  it('learns nothing about requests a minute from refusals after a handful', () => {
    let state: RateLimitState = OPEN;
    for (let now = 0; now < 3 * MINUTE; now += MINUTE) {
      for (let n = 0; n < 5; n += 1) state = accepted(passed(state, now), { sentAt: now, now });
      state = refused(passed(state, now), rules, { sentAt: now, now, askedMs: MINUTE, random: 0 });
    }
    expect(state.learnt).toBeUndefined();
  });
});

const LIMITS = [
  { allowed: 60, workers: 4, latencyMs: 200 },
  { allowed: 30, workers: 8, latencyMs: 2000 },
  { allowed: 120, workers: 4, latencyMs: 50 },
  { allowed: 300, workers: 16, latencyMs: 1000 },
  { allowed: 12, workers: 2, latencyMs: 100 },
];
const MANNERS = [
  { says: true, byTheClock: false },
  { says: false, byTheClock: false },
  { says: true, byTheClock: true },
  { says: false, byTheClock: true },
];

describe('against a service that allows so many requests a minute', () => {
  it.each(LIMITS.flatMap(limit => MANNERS.map(manner => ({ ...limit, ...manner }))))(
    '$allowed of them ($workers workers, Retry-After: $says, by whole minutes: $byTheClock): learns it',
    ({ allowed, workers, latencyMs, says, byTheClock }) => {
      const minutes = 40;
      const service = allowing(allowed, { says, byTheClock });
      const { log } = run({ service, workers, latencyMs, forMs: minutes * MINUTE });
      // While it learns, those on their way are refused together, two or three times.
      expect(refusals(log) - refusals(log, 5 * MINUTE)).toBeLessThanOrEqual(2 * workers + 4);
      expect(refusals(log, 5 * MINUTE) / log.length).toBeLessThan(0.02);
      // And what is allowed is used. Where nothing is said, the pause after a try for more may be too long.
      const used = acceptedBetween(log, 5 * MINUTE, minutes * MINUTE) / (allowed * (minutes - 5));
      expect(used).toBeGreaterThan(says ? 0.9 : 0.85);
    },
  );

  it('none is refused where the limit is configured', () => {
    const service = allowing(60, { says: true });
    const { log } = run({ service, workers: 8, latencyMs: 300, perMinute: 60, forMs: 20 * MINUTE });
    expect(refusals(log)).toBe(0);
    expect(log.length).toBeGreaterThan(60 * 18);
  });

  it('follows when it allows less from now on, and then more', () => {
    const [most, few] = [allowing(60, { says: false }), allowing(20, { says: false })];
    const isLean = (now: number) => now >= BEGIN + 10 * MINUTE && now < BEGIN + 20 * MINUTE;
    const { log } = run({
      service: now => (isLean(now) ? few(now) : most(now)),
      ...{ workers: 4, latencyMs: 100, forMs: 40 * MINUTE },
    });
    expect(acceptedBetween(log, 12 * MINUTE, 20 * MINUTE)).toBeGreaterThan(8 * 20 * 0.8);
    expect(refusals(log, 12 * MINUTE) - refusals(log, 20 * MINUTE)).toBeLessThanOrEqual(10);
    expect(acceptedBetween(log, 30 * MINUTE, 40 * MINUTE)).toBeGreaterThan(10 * 60 * 0.9);
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
