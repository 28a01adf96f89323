/** Appends numbered records for ever, from several places at once, and says so only after each is on disk. */
import { writeSync } from 'node:fs';
import { openJournal } from '../../../src/journal/journal.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import type { Logger } from '../../../src/platform/log.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Logger;
const entry = (n: number) => ({ job: `job${n % 3}`, event: 'counted', data: { n } });

let next = 0;
const journal = await openJournal({
  dir: process.argv[2] ?? '',
  clock: systemClock,
  log: silent,
  onRecord: () => {
    next += 1;
  },
  onFatal: error => {
    writeSync(2, `${error.code}: ${error.message}\n`);
    process.exit(7);
  },
  segmentBytes: 4000,
});

async function appendForEver(): Promise<void> {
  for (;;) {
    const n = next;
    next += 1;
    const appended = journal.append([entry(n)]);
    if (n % 32 === 31) void journal.compact(Array.from({ length: next }, (_, k) => entry(k)));
    await appended;
    writeSync(1, `${n}\n`);
  }
}

await Promise.all([appendForEver(), appendForEver(), appendForEver()]);
