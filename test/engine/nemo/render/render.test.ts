import { describe, expect, it } from 'vitest';
import type { Client } from '../../../../src/engine/nemo/account/client.ts';
import { verbatim } from '../../../../src/core/message.ts';
import { say } from '../../../../src/messages/say.ts';
import { createRenderIds, pollRender, renderBody, renderStatus } from '../../../../src/engine/nemo/render/render.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { scaledClock } from '../../../support/nemo-server/clock.ts';

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

describe('requests for renders', () => {
  it('hold the draft exactly as it came', () => {
    const draft = '{ "id":9007199254740993, "10":1,"2":2 }';
    expect(renderBody({ id: 'render_1', sessionId: '5529798706024415232', draft, output: { format: 'mp4' } })).toBe(
      `{"id":"render_1","sessionId":"5529798706024415232","draft":${draft},"output":{"format":"mp4","quality":"high"}}`,
    );
    expect(
      renderBody({ id: 'r', sessionId: 's', draft: '{}', output: { format: 'mp4', resolution: '1080p' } }),
    ).toContain('"output":{"format":"mp4","quality":"high","resolution":"1080p"}');
  });

  it('never have the same id twice', () => {
    const next = createRenderIds({ ...scaledClock(1), now: () => 1000 }, () => 0.5);
    expect([next(), next(), next()]).toEqual(['render_1000500', 'render_1000501', 'render_1000502']);
  });
});

describe("a render's status", () => {
  const completed = (url: string | undefined, changes: object = {}) => ({
    kind: 'completed',
    url,
    durationS: undefined,
    bytes: undefined,
    ...changes,
  });
  it.each<[string, object, object]>([
    [
      'shape A',
      { success: true, data: { id: 'r', status: 'completed', progress: 100, outputUrl: 'https://c/r.mp4' } },
      completed('https://c/r.mp4'),
    ],
    [
      'shape B',
      {
        taskId: 'r',
        status: 'completed',
        progress: 100,
        output: { url: 'https://c/r.mp4', duration: 30.5, size: 15728640 },
      },
      completed('https://c/r.mp4', { durationS: 30.5, bytes: 15728640 }),
    ],
    [
      'the main envelope',
      { code: 0, data: { status: 'completed', output: { url: 'https://c' } } },
      completed('https://c'),
    ],
    ['another word for completed', { data: { status: 'SUCCEEDED', video_url: 'https://c' } }, completed('https://c')],
    ['completed without an address', { data: { status: 'done' } }, completed(undefined)],
    ['pending', { data: { status: 'pending', progress: 5 } }, { kind: 'pending', fraction: 0.05 }],
    ['processing, in fractions', { status: 'processing', progress: 0.42 }, { kind: 'pending', fraction: 0.42 }],
    ['queued without progress', { status: 'queued' }, { kind: 'pending', fraction: undefined }],
    ['a word nobody knows', { status: 'warming-up' }, { kind: 'pending', fraction: undefined }],
    [
      'failed',
      { data: { status: 'failed', error: 'out of memory' } },
      { kind: 'failed', why: verbatim('out of memory') },
    ],
    ['failed, in another field', { status: 'error', errorMessage: 'no' }, { kind: 'failed', why: verbatim('no') }],
    ['cancelled', { data: { status: 'cancelled' } }, { kind: 'failed', why: say('nemo.no-reason-given') }],
  ])('is read from %s', (_, body, status) => {
    expect(renderStatus(body as never)).toEqual(status);
  });
});
