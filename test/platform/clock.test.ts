import { expect, it } from 'vitest';
import { PausableTimer, sleep } from '../../src/platform/clock.ts';
import { FakeClock } from '../support/fake-clock.ts';

it('a pausable timer counts only the time it runs', async () => {
  const clock = new FakeClock();
  let ended = 0;
  const timer = new PausableTimer(clock, 1000, () => void (ended += 1));
  await clock.advance(600);
  timer.pause();
  await clock.advance(60_000);
  timer.resume();
  await clock.advance(399);
  expect(ended).toBe(0);
  await clock.advance(1);
  expect(ended).toBe(1);
  timer.pause();
  timer.resume();
  await clock.advance(5_000);
  expect(ended).toBe(1);
});

it('a pausable timer starts again from its full time, and stays paused if it was', async () => {
  const clock = new FakeClock();
  let ended = 0;
  const timer = new PausableTimer(clock, 1000, () => void (ended += 1));
  await clock.advance(900);
  timer.restart();
  await clock.advance(900);
  timer.pause();
  timer.restart();
  await clock.advance(5_000);
  timer.resume();
  await clock.advance(999);
  expect(ended).toBe(0);
  await clock.advance(1);
  expect(ended).toBe(1);
});

it('a pausable timer that is stopped, or has no time, never ends', async () => {
  const clock = new FakeClock();
  const onEnd = () => {
    throw new Error('it ended');
  };
  new PausableTimer(clock, 1000, onEnd).stop();
  const endless = new PausableTimer(clock, undefined, onEnd);
  endless.pause();
  endless.resume();
  await clock.advance(100_000);
  expect(clock.timers).toBe(0);
});

it('sleep ends with its time, or with the reason of its signal', async () => {
  const clock = new FakeClock();
  const asleep = sleep(clock, 1000);
  await clock.advance(1000);
  await asleep;
  const controller = new AbortController();
  const woken = expect(sleep(clock, 1000, controller.signal)).rejects.toThrow('up');
  controller.abort(new Error('up'));
  await woken;
  expect(clock.timers).toBe(0);
});
