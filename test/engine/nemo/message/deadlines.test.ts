import { describe, expect, it } from 'vitest';
import { nextDeadline, type WatchState } from '../../../../src/engine/nemo/message/deadlines.ts';

describe('how long a stream is listened to', () => {
  const limits = { messageTimeout: 900_000, heartbeatTimeout: 600_000 };
  const state = (changes: Partial<WatchState>): WatchState => ({
    sentAt: 0,
    substanceAt: 0,
    noticedAt: 0,
    mayBeOver: false,
    ...changes,
  });
  it.each<[string, Partial<WatchState>, string, number]>([
    ['a word to the person every two minutes', {}, 'notice', 120_000],
    ['ten minutes without substance', { noticedAt: 540_000 }, 'heartbeats-only', 600_000],
    ['fifteen minutes in all', { noticedAt: 840_000, substanceAt: 840_000 }, 'hard', 900_000],
    [
      'a minute and a half after a whole reply',
      { noticedAt: 100_000, substanceAt: 100_000, mayBeOver: true },
      'quiet-after-reply',
      190_000,
    ],
    ['not after a reply with a tool at work', { noticedAt: 100_000, substanceAt: 100_000 }, 'notice', 220_000],
  ])('%s', (_, changes, what, at) => {
    expect(nextDeadline(state(changes), limits)).toEqual({ at, what });
  });
});
