import { describe, expect, it } from 'vitest';
import { type InboxFacts, ScanSchedule } from '../../src/inbox/scan-schedule.ts';

const facts = (differences: Partial<InboxFacts> = {}): InboxFacts => ({
  available: true,
  polled: false,
  anyPolled: false,
  hasPending: false,
  ...differences,
});
const POLLED = facts({ polled: true, anyPolled: true });
const HOUR = 3_600_000;

describe('the next scan', () => {
  it('is due at once at the start, and whenever it is requested', () => {
    const schedule = new ScanSchedule('auto', 1_000);
    expect(schedule.scanDueAt).toBe(0);
    schedule.begin(1_000, facts());
    schedule.planScan(1_000, facts());
    expect(schedule.scanDueAt).toBeGreaterThan(1_000);
    schedule.request();
    expect(schedule.scanDueAt).toBe(0);
  });

  it.each<[string, number | 'auto', InboxFacts, number]>([
    ['a minute later on a local disk', 'auto', facts(), 60_000],
    ['half a minute later where it is polled', 'auto', POLLED, 30_000],
    ['10 s later where it is polled and files are pending', 'auto', { ...POLLED, hasPending: true }, 10_000],
    ['10 s later where the inbox is unavailable', 'auto', facts({ available: false }), 10_000],
    ['as configured', 200, POLLED, 200],
  ])('is %s', (_, scan, found, ms) => {
    const schedule = new ScanSchedule(scan, 0);
    schedule.begin(HOUR, found);
    schedule.planScan(HOUR, found);
    expect(schedule.scanDueAt - HOUR).toBe(ms);
  });

  it('of a polled inbox comes sooner for five minutes after something happened', () => {
    const schedule = new ScanSchedule('auto', 0);
    schedule.begin(HOUR, POLLED);
    schedule.markActive(HOUR);
    schedule.planScan(HOUR + 299_000, POLLED);
    expect(schedule.scanDueAt).toBe(HOUR + 309_000);
    schedule.planScan(HOUR + 300_000, POLLED);
    expect(schedule.scanDueAt).toBe(HOUR + 330_000);
  });

  it.each([
    ['auto', 10_000],
    [200, 200],
    [60_000, 10_000],
  ] as const)('of an inbox that went away is a try soon (scan: %s)', (scan, ms) => {
    const schedule = new ScanSchedule(scan, 0);
    schedule.begin(HOUR, facts());
    schedule.planRetry(HOUR);
    expect(schedule.scanDueAt - HOUR).toBe(ms);
    expect(schedule.pollDueAt).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('polled directories', () => {
  it('among others get scans of their own', () => {
    const schedule = new ScanSchedule('auto', 0);
    schedule.planScan(HOUR, facts({ anyPolled: true }));
    expect(schedule.pollDueAt).toBe(HOUR + 30_000);
  });

  it.each<[string, number | 'auto', InboxFacts]>([
    ['where the whole inbox is polled', 'auto', POLLED],
    ['where there are none', 'auto', facts()],
    ['where the time between scans is configured', 1_000, facts({ anyPolled: true })],
  ])('get none %s', (_, scan, found) => {
    const schedule = new ScanSchedule(scan, 0);
    schedule.planScan(HOUR, found);
    expect(schedule.pollDueAt).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a deep scan', () => {
  it.each<[string, InboxFacts, number]>([
    ['0.5 % of the time on a local disk', facts(), 200],
    ['5 % of the time where it is polled', POLLED, 20],
  ])('takes at most %s, unless it is requested', (_, found, share) => {
    const schedule = new ScanSchedule('auto', 0);
    expect(schedule.begin(HOUR, found)).toBe(true);
    schedule.deepScanDone(HOUR, HOUR + 1_000);
    const again = HOUR + 1_000 + share * 1_000;
    expect(schedule.begin(again - 1, found)).toBe(false);
    expect(schedule.begin(again, found)).toBe(true);
    schedule.request();
    expect(schedule.begin(HOUR + 2_000, found)).toBe(true);
    expect(schedule.begin(HOUR + 2_000, found)).toBe(false);
  });
});
