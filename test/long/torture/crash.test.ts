import { describe, expect, it } from 'vitest';
import { unsafeBefore } from './crash/durable.ts';
import { distinct } from './crash/enumerate.ts';
import { run, type Scenario } from './crash/scenario.ts';

/** A slice of the crash suite. All of them: `npm run torture -- --suite crash`. */

const LOCAL: Scenario = { name: 'local', engine: 'local', folder: { originals: 'archive', archive: 'archive' } };
const NEMO: Scenario = { name: 'nemo', engine: 'nemo' };

describe.each([
  [
    LOCAL,
    [
      'after spawn ffmpeg #8',
      'within write state/journal/000001.jsonl [candidate] #1',
      'after link inbox/trip/clip.mp4 -> archive/trip/clip.mp4 #1',
    ],
  ],
  [
    NEMO,
    [
      // Was: the half-written identity stayed in the state directory.
      'after write state/identity.json.tmp-X #1',
      'after sending POST /api/render/proxy/lambda #1',
      'before rename state/work/JOB/result-1.mp4.part -> state/work/JOB/result-1.mp4 #1',
    ],
  ],
])('kill -9, engine $name', (scenario, points) => {
  it('leaves the same result, once, whatever the moment', async () => {
    const results = new Set<string>();
    for (const point of points) {
      const { outputs, sha256, messages, renders, killed, held } = await run(scenario, [point]);
      expect({ point, killed, held }).toEqual({ point, killed: 1, held: false });
      results.add(JSON.stringify({ outputs, sha256, messages, renders }));
    }
    expect([...results]).toHaveLength(1);
    if (scenario.engine === 'nemo') expect([...results][0]).toContain('"messages":1,"renders":1');
  }, 600_000);
});

/** kill -9 leaves everything that was written; only the order of the syncs says what a power cut would leave. */
describe('nothing is done on the word of what a power cut could take back', () => {
  it('on this machine: the result before it is said, the original last', async () => {
    const { points } = await run(LOCAL);
    const unsafe = (before: string) => unsafeBefore(points, before);
    // Was: the journal's own folder was new, and nobody had said that it is to stay.
    const first = unsafe('before write state/journal/000001.jsonl [admitted] #1');
    expect(ofPlaces(first, 'state/journal')).toEqual([]);
    const journal = points.indexOf('after mkdir state/journal #1');
    expect(points.slice(journal)).toContain('after sync state #1');
    const link = 'before link outbox/trip/.shrinkbox-JOB.part -> outbox/trip/clip.mp4 #1';
    expect(ofPlaces(unsafe(link), 'outbox', 'state/journal')).toEqual(['outbox/trip/']);
    const said = 'before write state/journal/000001.jsonl [published] #1';
    expect(ofPlaces(unsafe(said), 'outbox', 'state/journal')).toEqual([]);
    const moved = 'before link inbox/trip/clip.mp4 -> archive/trip/clip.mp4 #1';
    expect(ofPlaces(unsafe(moved), 'outbox', 'state/journal')).toEqual([]);
    const gone = 'before unlink inbox/trip/clip.mp4 #1';
    expect(ofPlaces(unsafe(gone), 'outbox', 'archive', 'state/journal')).toEqual([]);
    const done = 'before write state/journal/000001.jsonl [disposed done] #1';
    expect(ofPlaces(unsafe(done), 'outbox', 'inbox', 'archive', 'state/journal')).toEqual([]);
    for (const write of points.filter(point => point.startsWith('before write state/journal')))
      expect([write, ofPlaces(unsafe(write), 'state/journal')]).toEqual([write, []]);
  }, 600_000);

  it('in the cloud: every request that may not be made twice is in the journal first', async () => {
    const { points } = await run(NEMO);
    const requests = points.filter(point => /^before POST (?!\/api\/auth)/.test(point));
    expect(requests).toHaveLength(4);
    for (const request of requests)
      expect([request, ofPlaces(unsafeBefore(points, request), 'state/journal')]).toEqual([request, []]);
    // Was: identity.json was synced, its name was not, and a free token is given once in seven days.
    const kept = unsafeBefore(points, requests[0] ?? '');
    expect(kept.filter(path => path === 'state/' || path.startsWith('state/identity'))).toEqual([]);
    const render = 'before POST /api/render/proxy/lambda #1';
    expect(ofPlaces(unsafeBefore(points, render), 'state/work/JOB')).toEqual([]);
    const renamed = points.findIndex(point => point.startsWith('after rename') && point.includes('result-1.mp4 #'));
    const said = points.slice(renamed).find(point => point.startsWith('before write state/journal')) ?? '';
    expect(ofPlaces(unsafeBefore(points, said), 'state/work/JOB')).toEqual([]);
  }, 600_000);
});

it('a journal that could not be synced ends the daemon, which syncs it no more and goes on at the next start', async () => {
  const { killed, outputs } = await run(LOCAL, ['before datasync state/journal/000001.jsonl [started] #1'], 'EIO');
  expect({ killed, outputs }).toEqual({ killed: 1, outputs: ['trip/clip.mp4', 'trip/clip.report.txt'] });
}, 600_000);

function ofPlaces(paths: readonly string[], ...places: string[]): string[] {
  return paths.filter(path => places.some(place => path.startsWith(`${place}/`)));
}

describe('points', () => {
  it('at which a kill leaves the same behind are taken once', () => {
    const points = [
      'before mkdir a #1',
      'after mkdir a #1',
      'before sync a #1',
      'after sync a #1',
      'before spawn ffmpeg #1',
      'after spawn ffmpeg #1',
      'before rm b #1',
      'before unlink b #1',
      'after unlink b #1',
      'after rm b #1',
      'after GET /poll #3',
      'after GET /poll #4',
    ];
    expect(distinct(points)).toEqual([
      'before mkdir a #1',
      'after mkdir a #1',
      'after sync a #1',
      'before spawn ffmpeg #1',
      'after spawn ffmpeg #1',
      'before rm b #1',
      'after unlink b #1',
      'after GET /poll #3',
    ]);
  });
});
