import { describe, expect, it } from 'vitest';
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
