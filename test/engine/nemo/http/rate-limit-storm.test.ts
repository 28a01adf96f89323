/** Spells in which a service refuses everything: they are no limit of requests a minute. Virtual time. */
import { describe, expect, it } from 'vitest';
import { accepted, nextPass, OPEN, passed, refused } from '../../../../src/engine/nemo/http/rate-limit.ts';
import { acceptedBetween, allowing, BEGIN, type Log, MINUTE, refusals, rules, run, stormy } from './limiter-world.ts';

const SECOND = 1000;
/** Four workers that would send 158 requests a minute. */
const BUSY = { workers: 4, latencyMs: 20, thinkMs: 1500 };
const FREELY = 158;

function resumedAt(log: Log[], afterMs: number): number {
  return log.find(({ at, isRefused }) => at >= afterMs && !isRefused)?.at ?? Number.NaN;
}

describe('a storm of 429 without Retry-After', () => {
  it.each([
    { fromS: 15, forS: 60 },
    { fromS: 60, forS: 60 },
    { fromS: 200, forS: 30 },
    { fromS: 15, forS: 300 },
    { fromS: 200, forS: 300 },
  ])(
    'of $forS s, $fromS s after the beginning, leaves no limit behind: full speed as soon as one is accepted',
    storm => {
      const fromMs = storm.fromS * SECOND;
      const untilMs = fromMs + storm.forS * SECOND;
      const { log, state } = run({ service: stormy([{ fromMs, untilMs }]), ...BUSY, forMs: 20 * MINUTE });
      // The four under way, then one at a time after 30 s, 60 s, 120 s, ...
      expect(refusals(log)).toBeLessThanOrEqual(4 + Math.ceil(Math.log2(storm.forS / 30 + 1)));
      const resumed = resumedAt(log, untilMs);
      expect(resumed - untilMs).toBeLessThan(storm.forS * SECOND);
      expect(acceptedBetween(log, resumed, resumed + MINUTE)).toBeGreaterThan(0.95 * FREELY);
      expect(state.learnt).toBeUndefined();
    },
  );

  it('that comes back at the same count looks like a limit, and that is given up within two quiet minutes', () => {
    // Both begin after 15 s of full speed.
    const again = 200 * SECOND;
    const first = run({
      service: stormy([{ fromMs: 15 * SECOND, untilMs: 30 * SECOND }]),
      ...BUSY,
      forMs: MINUTE,
    });
    const second = resumedAt(first.log, 30 * SECOND) + 15 * SECOND;
    const { log } = run({
      service: stormy([
        { fromMs: 15 * SECOND, untilMs: 30 * SECOND },
        { fromMs: second, untilMs: second + 15 * SECOND },
      ]),
      ...BUSY,
      forMs: 20 * MINUTE,
    });
    const resumed = resumedAt(log, second + 15 * SECOND);
    expect(resumed).toBeLessThan(again);
    expect(acceptedBetween(log, resumed + 3 * MINUTE, resumed + 4 * MINUTE)).toBeGreaterThan(0.95 * FREELY);
  });

  it('before a service that does have a limit hides it for no longer than two refusals', () => {
    const service = stormy([{ fromMs: 15 * SECOND, untilMs: 75 * SECOND }], allowing(30, { says: false }));
    const { log, state } = run({ service, ...BUSY, forMs: 20 * MINUTE });
    expect(refusals(log)).toBeLessThan(25);
    expect(acceptedBetween(log, 5 * MINUTE, 20 * MINUTE)).toBeGreaterThan(15 * 30 * 0.9);
    expect(state.learnt?.limit).toBe(30);
  });
});

it('a limit that no longer holds is doubled within seconds of a quiet minute, and forgotten a minute later', () => {
  let state = OPEN;
  let now = BEGIN;
  for (let round = 0; round < 2; round += 1) {
    for (let n = 0; n < 20; n += 1) state = accepted(passed(state, now), { sentAt: now, now });
    state = refused(passed(state, now), rules, { sentAt: now, now, askedMs: MINUTE, random: 0 });
    now += MINUTE;
  }
  expect(state.learnt?.limit).toBe(20);
  const sentIn = (ms: number) => {
    const until = now + ms;
    for (let sent = 0; ; sent += 1) {
      const at = nextPass(state, rules, now) ?? Number.NaN;
      if (at >= until) {
        now = until;
        return sent;
      }
      now = at + 100;
      state = accepted(passed(state, at), { sentAt: at, now });
    }
  };
  expect(sentIn(MINUTE)).toBeGreaterThanOrEqual(20);
  expect(sentIn(MINUTE)).toBeGreaterThanOrEqual(40);
  sentIn(MINUTE);
  expect(state.learnt).toBeUndefined();
  expect(sentIn(MINUTE)).toBeGreaterThan(500);
});
