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
    meter.begin(0.4, say('step.pass-1', {}));
    meter.at(0.5, 2.04);
    expect(last()).toMatchObject({ fraction: 0.2, note: 'pass 1 of 2, 2.0x' });
    meter.at(0.25);
    expect(last().fraction).toBe(0.2);
    meter.at(1);
    meter.begin(0.5);
    meter.at(0.5);
    expect(last().fraction).toBeCloseTo(0.65);
  });

  it('keeps room for another try, however many there are', () => {
    const { meter, last } = set();
    for (let attempt = 0; attempt < 6; attempt += 1) {
      meter.begin(0.6);
      meter.at(1);
    }
    expect(last().fraction).toBeGreaterThan(0.9);
    expect(last().fraction).toBeLessThan(1);
  });

  it('estimates from the time worked, not from the time rested', () => {
    const { meter, last, pass, turn } = set();
    meter.begin(0.5);
    pass(10_000);
    turn(true);
    pass(3_600_000);
    turn(false);
    meter.at(0.5);
    expect(last()).toMatchObject({ fraction: 0.25, etaMs: 30_000 });
  });

  it('does not take what an earlier run did for speed', () => {
    const { meter, last, pass } = set();
    meter.skip(0.5);
    meter.begin(0.4);
    pass(10_000);
    meter.at(0.25);
    expect(last().fraction).toBeCloseTo(0.6);
    expect(last().etaMs).toBeCloseTo(40_000, -2);
  });

  it('says nothing about the end before it knows something', () => {
    const { meter, last, pass } = set();
    meter.begin(0.5);
    pass(1_000);
    meter.at(0.001);
    expect(last().etaMs).toBeUndefined();
  });

  it('survives fractions that are no numbers', () => {
    const { meter, last } = set();
    meter.begin(0.5);
    meter.at(Number.NaN);
    meter.at(Number.POSITIVE_INFINITY);
    meter.at(-1);
    expect(last().fraction).toBe(0);
  });
});
