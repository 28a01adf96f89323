import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClockHistory, dated, earliestNow, observed, type Reading, SetClock } from '../../src/app/set-clock.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const TODAY = 20_000 * DAY;

/** What is known after looks at the clock: minutes since the machine started, days that the clock is off, and which start. */
function after(...looks: [upMinutes: number, offDays: number, boot?: string, startedMs?: number][]): ClockHistory {
  return looks
    .map(([up, off, boot = 'a', startedMs = TODAY]): Reading => {
      const upMs = up * MINUTE;
      return { upMs, boot, wallMs: startedMs + upMs + off * DAY };
    })
    .reduce<ClockHistory | undefined>(observed, undefined) as ClockHistory;
}

/** How old something seems whose date was written at `up` minutes by a clock that was so many days off. */
function age(history: ClockHistory, { up, off, startedMs = TODAY }: { up: number; off: number; startedMs?: number }) {
  return earliestNow(history) - dated(startedMs + up * MINUTE + off * DAY, history);
}

describe('an archived original is never older than it is (one of 36 s was deleted after 90 days)', () => {
  it('whose machine began in the past, until its clock was set', () => {
    const set = after([1, -200], [3, -200], [4, 0], [30, 0]);
    expect(age(set, { up: 2, off: -200 })).toBeLessThanOrEqual(28 * MINUTE);
    expect(age(set, { up: 5, off: 0 })).toBeLessThanOrEqual(25 * MINUTE);
    const later = observed(set, { boot: 'b', upMs: MINUTE, wallMs: TODAY + 10 * DAY });
    const believed = observed(later, { boot: 'b', upMs: DAY, wallMs: TODAY + 11 * DAY });
    expect(age(believed, { up: 2, off: -200 })).toBeLessThanOrEqual(11 * DAY);
    expect(age(believed, { up: 5, off: 0 })).toBeGreaterThan(10 * DAY);
  });

  it('whose machine began in 1970, though others are old already and go', () => {
    const before = after([600, 0]);
    const began1970 = observed(before, { boot: 'b', upMs: MINUTE, wallMs: MINUTE });
    const set = observed(began1970, { boot: 'b', upMs: 10 * MINUTE, wallMs: TODAY + 100 * DAY });
    expect(earliestNow(set) - dated(2 * MINUTE, set)).toBe(8 * MINUTE);
    expect(age(set, { up: 0, off: 0 })).toBe(100 * DAY);
  });

  it('while the clock is ahead for a moment', () => {
    const ahead = after([600, 0], [601, 200]);
    expect(age(ahead, { up: 5, off: 0 })).toBeLessThanOrEqual(596 * MINUTE);
    expect(age(ahead, { up: 0, off: 0, startedMs: TODAY - 50 * DAY })).toBeLessThan(51 * DAY);
    const back = observed(ahead, { boot: 'a', upMs: 602 * MINUTE, wallMs: TODAY + 602 * MINUTE });
    expect(age(back, { up: 5, off: 0 })).toBeLessThanOrEqual(597 * MINUTE);
  });
});

describe('a machine that starts 200 days ahead deleted every archived original within seconds', () => {
  const archived = { up: 5, off: 0 };
  const ahead = after([600, 0], [1, 200, 'b'], [3, 200, 'b']);

  it('waits until the clock is set', () => {
    expect(age(ahead, archived)).toBeLessThan(DAY);
    const set = observed(ahead, { boot: 'b', upMs: 4 * MINUTE, wallMs: TODAY + DAY });
    expect(set.isDoubtful).toBe(false);
    expect(age(set, archived)).toBe(DAY - 5 * MINUTE);
  });

  it('does not believe it at the next start either', () => {
    const again = observed(ahead, { boot: 'c', upMs: MINUTE, wallMs: TODAY + 201 * DAY });
    expect(age(again, archived)).toBeLessThan(DAY);
  });

  it('believes a date that nobody corrected for a day: the machine was off', () => {
    const stood = observed(ahead, { boot: 'b', upMs: DAY, wallMs: TODAY + 201 * DAY });
    expect(age(stood, archived)).toBeGreaterThan(200 * DAY);
  });
});

it('grows old by a clock that is only corrected, through restarts of machine and daemon', () => {
  const year = after([1, 0], [2, 0.01], [60, 0], [60 * 24 * 90, 0.02], [1, 91, 'b'], [2, 91, 'b']);
  expect(year.settings).toEqual([]);
  expect(age(year, { up: 1, off: 0 })).toBeGreaterThan(90.9 * DAY);
});

it('a start that has no name is known by the time since it', () => {
  const again = after([600, 0, ''], [1, 91, ''], [60 * 24, 91, '']);
  expect(again.settings).toEqual([]);
  expect(age(again, { up: 1, off: 0 })).toBe(92 * DAY - MINUTE);
});

describe('kept for the next start of shrinkbox', () => {
  let stateDir: string;
  let at = { wallMs: 0, upMs: 0 };
  const open = () =>
    new SetClock({
      ...{ stateDir, files: nodeFiles, log: silentLogger },
      clock: { now: () => at.wallMs },
      machine: () => ({ upMs: at.upMs, boot: 'a' }),
    });

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'shrinkbox-clock-'));
    at = { wallMs: TODAY - 200 * DAY, upMs: MINUTE };
  });
  afterEach(() => rmSync(stateDir, { recursive: true }));

  it('a clock that was set meanwhile is seen', async () => {
    const archivedAt = at.wallMs;
    await open().save();
    at = { wallMs: TODAY, upMs: 3 * MINUTE };
    const clock = open();
    expect(clock.now - clock.dated(archivedAt)).toBeLessThanOrEqual(2 * MINUTE);
    expect(clock.look()).toBe(false);
    at = { wallMs: TODAY + 200 * DAY, upMs: 4 * MINUTE };
    expect(clock.look()).toBe(true);
  });

  it('a damaged file is like none', async () => {
    writeFileSync(join(stateDir, 'clock.json'), '{"wallMs": 5}');
    const clock = open();
    expect(clock.now).toBe(at.wallMs);
    await Promise.all([clock.save(), clock.save()]);
    expect(open().now).toBe(at.wallMs);
  });
});
