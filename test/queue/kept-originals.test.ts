import { describe, expect, it } from 'vitest';
import type { Job } from '../../src/core/job.ts';
import { whyOriginalStays } from '../../src/queue/kept-originals.ts';
import { aCandidate, aDecision, aJob } from '../support/builders.ts';

const sidecar = { path: '/in/clip.mp4.txt', text: 'at most 20 kB' };
const why = (more: Partial<Job>, policy: 'keep' | 'archive' | 'delete' = 'delete') =>
  whyOriginalStays({ ...aJob({ decision: aDecision() }), ...more }, policy)?.code;

describe('an original that the folder has deleted', () => {
  it.each<[string, Partial<Job>, string | undefined]>([
    ['goes where the rule made the result', {}, undefined],
    ['goes where its owner wrote the words', { sidecar }, undefined],
    ['goes where its owner asked on the page', { words: 'at most 20 kB' }, undefined],
    // Was: any local user could have the films of others deleted but for a second of 144p.
    ['stays where another user wrote the words', { sidecar: { ...sidecar, byStranger: true } }, 'by-stranger'],
    ['stays where anybody asked on the page', { words: 'at most 20 kB', wordsByAnybody: true }, 'by-anybody'],
    [
      'goes where its owner asked over a stranger',
      { words: '20 kB', sidecar: { ...sidecar, byStranger: true } },
      undefined,
    ],
    ['stays where only a part was asked for', { sidecar, decision: aDecision({ leavesOut: 'part' }) }, 'part'],
    ['stays where its sound was to go', { words: 'mute', decision: aDecision({ leavesOut: 'sound' }) }, 'sound'],
    ['stays where an edit was asked for', { words: 'brighter', decision: aDecision({ leavesOut: 'edit' }) }, 'edit'],
  ])('%s', (_what, job, ending) => {
    expect(
      why(job)
        ?.split(/[-.](?=by-|part|sound|edit)/)
        .at(-1),
    ).toBe(ending);
  });
});

it('an original is archived whatever the words, and whoever wrote them: it can be brought back', () => {
  expect(
    why({ sidecar: { ...sidecar, byStranger: true }, decision: aDecision({ leavesOut: 'part' }) }, 'archive'),
  ).toBe(undefined);
});

it('an original with damaged parts stays, and one that was begun to be put away is put away', () => {
  const state = { name: 'delivering', candidate: { ...aCandidate(), damagedSource: true } } as Job['state'];
  expect(why({ state }, 'archive')).toBe('queue.original-damaged');
  expect(why({ state: { ...state, disposing: '/archive/clip.mp4' } as Job['state'] }, 'archive')).toBe(undefined);
});
