import { describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src/core/events.ts';
import { HISTORY_LIMIT, withHistory } from '../../src/core/history.ts';
import { namedStep } from '../../src/core/steps.ts';
import { word } from '../../src/messages/catalogue.ts';
import { EN } from '../../src/messages/en/index.ts';
import { inChinese } from '../../src/messages/zh/index.ts';
import { REASON } from '../support/builders.ts';

const added = (event: JobEvent) => withHistory([], 5, event);

describe('the history of a job', () => {
  it.each<[JobEvent, string, string]>([
    [
      { event: 'step', data: { engine: 'local', ...namedStep('pass-2', { attempt: 3 }) } },
      'local: pass 2 of 2, attempt 3',
      '在本机：第 2 遍（共 2 遍），第 3 次尝试',
    ],
    [
      { event: 'disposed', data: { kind: 'archived', to: '/a/clip.mp4' } },
      'original archived as /a/clip.mp4',
      '原文件已归档为 /a/clip.mp4',
    ],
    [{ event: 'disposed', data: { kind: 'deleted', to: '/in/clip.mp4' } }, 'original deleted', '原文件已删除'],
    [
      { event: 'pruned', data: { path: '/a/clip.mp4' } },
      'archived original deleted after its time: /a/clip.mp4',
      '已归档的原文件到期删除：/a/clip.mp4',
    ],
  ])('words what no event says itself, by code: $event', (event, english, chinese) => {
    const [{ note, message } = {}] = added(event);
    expect(note).toBe(english);
    expect(message && word(EN, { separator: '; ' }, message.code, message.params)).toBe(english);
    expect(message && inChinese(message)).toBe(chinese);
  });

  it('takes the code beside a text from the event', () => {
    const message = { code: 'queue.wait-over' };
    expect(added({ event: 'queued', data: { because: 'the wait is over', message } })).toEqual([
      { at: 5, event: 'queued', note: 'the wait is over', message },
    ]);
    expect(added({ event: 'held', data: { reason: { ...REASON, messages: { text: message } } } })).toMatchObject([
      { note: REASON.text, message },
    ]);
  });

  it('has no code for a step that only an old journal names', () => {
    const [entry] = added({ event: 'step', data: { engine: 'local', step: 'looking into the source' } });
    expect(entry).toEqual({ at: 5, event: 'step', note: 'local: looking into the source' });
  });

  it('leaves bookkeeping out and keeps the newest entries', () => {
    expect(added({ event: 'checkpoint', data: { key: 'k', value: 1 } })).toEqual([]);
    const full = Array.from({ length: HISTORY_LIMIT }, (_, n) => ({ at: n, event: 'queued' }));
    const after = withHistory(full, 99, { event: 'done', data: {} });
    expect([after.length, after[0]?.at, after.at(-1)?.event]).toEqual([HISTORY_LIMIT, 1, 'done']);
  });
});
