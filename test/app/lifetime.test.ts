import { pino } from 'pino';
import { expect, it } from 'vitest';
import { Lifetime } from '../../src/app/lifetime.ts';
import { ShrinkError } from '../../src/core/errors.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { FakeClock } from '../support/fake-clock.ts';

it('a start that hangs says what for (was: an empty log)', async () => {
  const said: string[] = [];
  const clock = new FakeClock();
  const log = pino({ base: null, timestamp: false }, { write: line => said.push(line) });
  const life = new Lifetime({ clock, log });
  const held: { end?: (value: number) => void } = {};
  const lock = life.starting('the lock', new Promise<number>(resolve => (held.end = resolve)));
  await expect(life.starting('ffmpeg', Promise.reject(new Error('none')))).rejects.toThrow('none');
  await clock.advance(31_000);
  held.end?.(7);
  expect(await lock).toBe(7);
  await clock.advance(60_000);
  expect(said.map(line => JSON.parse(line))).toEqual([
    { level: 40, forS: 15, msg: 'the start is still waiting for the lock' },
    { level: 40, forS: 30, msg: 'the start is still waiting for the lock' },
  ]);
  expect(clock.timers).toBe(0);
});

it('closes in reverse order of opening, and continues if something cannot be closed', async () => {
  const closed: string[] = [];
  const life = new Lifetime({ clock: new FakeClock(), log: silentLogger });
  life.defer(async () => closed.push('lock'));
  life.defer(() => Promise.reject(new Error('the socket is stuck')));
  life.defer(() => closed.push('server'));
  await Promise.all([life.stop(), life.stop()]);
  expect(closed).toEqual(['server', 'lock']);
  expect(await life.ended).toBe(0);
});

it.each([
  ['an error the daemon cannot go on with: its own code', new ShrinkError('damaged', 'line 7'), 14],
  ['an error meant for one job: a bug', new ShrinkError('denied', 'no'), 1],
  ['any other: a bug', new TypeError('x is undefined'), 1],
])('ends with the exit code of %s', async (_, error, exitCode) => {
  const life = new Lifetime({ clock: new FakeClock(), log: silentLogger });
  expect(life.isEnding).toBe(false);
  life.fail(error);
  expect(life.isEnding).toBe(true);
  await life.stop();
  expect(await life.ended).toBe(exitCode);
});
