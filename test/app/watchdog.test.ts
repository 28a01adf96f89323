import { expect, it } from 'vitest';
import { type Movement, stuckBecause } from '../../src/app/watchdog.ts';

const FINE: Movement = { overdue: [], syncingMs: 0, sinceHousekeepingMs: 30_000, housekeepingMs: 30_000 };
const folder = (overdueMs: number) => ({ inbox: '/srv/in', overdueMs });

it.each<[string, Partial<Movement>, string | undefined]>([
  ['all is well', {}, undefined],
  ['a slow disk still writes', { syncingMs: 20_000 }, undefined],
  ['a share is slow', { overdue: [folder(0), folder(120_000)] }, undefined],
  ['housekeeping is a little late', { sinceHousekeepingMs: 60_000 }, undefined],
  ['the disk of the journal hangs', { syncingMs: 61_000 }, 'writing the journal has taken 1m 01s so far'],
  ['the timers stand still', { sinceHousekeepingMs: 121_000 }, 'housekeeping has not run for 2m 01s'],
  ['one folder hangs', { overdue: [folder(0), folder(301_000)] }, 'the scan of /srv/in has been overdue for 5m 01s'],
])('%s', (_, movement, why) => expect(stuckBecause({ ...FINE, ...movement })).toBe(why));
