import { describe, expect, it } from 'vitest';
import type { Progress } from '../../../../src/core/job.ts';
import { Meter } from '../../../../src/engine/local/run/progress.ts';
import { say } from '../../../../src/messages/say.ts';

describe('the meter', () => {
  function set() {
    let now = 0;
    const listeners: ((closed: boolean) => void)[] = [];
    const reports: Progress[] = [];
    const gate = {
      closed: false,
      onChange: (listener: (closed: boolean) => void) => (listeners.push(listener), () => {}),
    };
    const clock = { now: () => now, monotonic: () => now, after: () => () => {} };
    const meter = new Meter({ clock, gate, report: progress => reports.push(progress) });
    return {
      meter,
      last: () => reports.at(-1) ?? {},
      pass: (ms: number) => void (now += ms),
      turn: (closed: boolean) => {
        for (const listener of listeners) listener(closed);
      },
    };
  }

  it('adds the steps up to one fraction that never goes back', () => {
    const { meter, last } = set();
    const step = meter.begin(0.4, say('step.pass-1', {}));
    step.at(0.5, 2.04);
    expect(last()).toMatchObject({ fraction: 0.2, note: 'pass 1 of 2, 2.0x' });
    step.at(0.25);
    expect(last().fraction).toBe(0.2);
    step.at(1);
    step.end();
    const next = meter.begin(0.5);
    next.at(0.5);
    expect(last().fraction).toBeCloseTo(0.65);
  });

  it('adds up what is under way at once, and names it', () => {
    const { meter, last } = set();
    const [one, two] = [1, 2].map(part => meter.begin(0.2, say('step.pass-2', { part, parts: 12 })));
    one?.at(0.5, 2);
    two?.at(1, 1.5);
    expect(last().fraction).toBeCloseTo(0.3);
    expect(last().note).toBe('pass 2 of 2, part 1 of 12, and 1 more, 3.5x');
    one?.end();
    two?.at(1, 1.5);
    expect(last().note).toBe('pass 2 of 2, part 2 of 12, 1.5x');
    // What the first one did not use is there again.
    two?.end();
    const rest = meter.begin(2);
    rest.at(1);
    expect(last().fraction).toBeCloseTo(0.3 + (0.99 - 0.3) * 0.9);
  });

  it('keeps room for another try, however many there are', () => {
    const { meter, last } = set();
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const step = meter.begin(0.6);
      step.at(1);
    }
    expect(last().fraction).toBeGreaterThan(0.9);
    expect(last().fraction).toBeLessThan(1);
  });

  it('estimates from the time worked, not from the time rested', () => {
    const { meter, last, pass, turn } = set();
    const step = meter.begin(0.5);
    pass(10_000);
    turn(true);
    pass(3_600_000);
    turn(false);
    step.at(0.5);
    expect(last()).toMatchObject({ fraction: 0.25, etaMs: 30_000 });
  });

  it('does not take what an earlier run did for speed', () => {
    const { meter, last, pass } = set();
    meter.skip(0.5);
    const step = meter.begin(0.4);
    pass(10_000);
    step.at(0.25);
    expect(last().fraction).toBeCloseTo(0.6);
    expect(last().etaMs).toBeCloseTo(40_000, -2);
  });

  it('says nothing about the end before it knows something', () => {
    const { meter, last, pass } = set();
    const step = meter.begin(0.5);
    pass(1_000);
    step.at(0.001);
    expect(last().etaMs).toBeUndefined();
  });

  it('survives fractions that are no numbers', () => {
    const { meter, last } = set();
    const step = meter.begin(0.5);
    step.at(Number.NaN);
    step.at(Number.POSITIVE_INFINITY);
    step.at(-1);
    expect(last().fraction).toBe(0);
  });
});
