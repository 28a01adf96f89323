/** Watches the inbox named by its argument until its input ends; says what it finds and logs, one JSON line each. */
import { systemClock } from '../../../src/platform/clock.ts';
import type { Logger } from '../../../src/platform/log.ts';
import { Watcher } from '../../../src/inbox/watcher.ts';

const say = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`);
const logger = {
  debug() {},
  info: (fields: object, msg: string) => say({ level: 30, msg, ...fields }),
  warn: (fields: object, msg: string) => say({ level: 40, msg, ...fields }),
};

const watcher = new Watcher({
  folders: [{ inbox: process.argv[2] ?? '', settleMs: 100, scan: 300 }],
  clock: systemClock,
  log: logger as unknown as Logger,
  hasJobFor: () => false,
  onSighting: ({ relative }) => say({ sighted: relative }),
});
await watcher.start();
say({ started: true });
process.stdin.resume();
process.stdin.once('end', () => void watcher.stop());
