import { pino } from 'pino';
import { expect, it } from 'vitest';
import { Lifetime } from '../../src/app/lifetime.ts';
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
