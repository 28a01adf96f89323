import { expect, it } from 'vitest';
import type { Client } from '../../../../src/engine/nemo/account/client.ts';
import { pollRender } from '../../../../src/engine/nemo/render/render.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** A render that is done at the nth question, asked about every minute with a limit of ten. */
function polling(doneAt: number) {
  const clock = new FakeClock();
  let asked = 0;
  const client = {
    call: async () => {
      asked += 1;
      return { body: { data: { status: asked < doneAt ? 'pending' : 'completed' } } };
    },
  } as unknown as Client;
  const ended = pollRender({
    client,
    id: 'render_1',
    giveUpAt: clock.now() + 10 * MINUTE,
    limitMs: 10 * MINUTE,
    everyMs: MINUTE,
    clock,
    signal: new AbortController().signal,
    random: () => 0.5,
    onProgress: () => {},
    atOnce: false,
  });
  // Whoever awaits it later hears of it.
  ended.catch(() => {});
  return { clock, ended, asked: () => asked };
}

it('a clock set two days on does not end the wait for a render', async () => {
  const { clock, ended } = polling(5);
  await clock.advance(2 * MINUTE);
  clock.jump(2 * DAY);
  await clock.advance(4 * MINUTE);
  await expect(ended).resolves.toMatchObject({ kind: 'completed' });
});

it('a clock set two days back does not have a render waited for that long', async () => {
  const { clock, ended, asked } = polling(1000);
  await clock.advance(2 * MINUTE);
  clock.jump(-2 * DAY);
  await clock.advance(10 * MINUTE);
  await expect(ended).rejects.toMatchObject({ code: 'still-rendering' });
  expect(asked()).toBeLessThan(12);
});
