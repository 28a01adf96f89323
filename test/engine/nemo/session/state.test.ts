import { describe, expect, it } from 'vitest';
import type { Sentence } from '../../../../src/core/message.ts';
import { isExportable } from '../../../../src/engine/nemo/session/draft.ts';
import {
  changeReport,
  differences,
  emptySnapshot,
  hasArrived,
  markOf,
  snapshotOf,
  stateSentence,
} from '../../../../src/engine/nemo/session/state.ts';

const BRIEF = JSON.stringify({
  t: [
    { tt: 0, sg: [{ name: 'city timelapse', d: 10_000 }] },
    { tt: 1, sg: [{ m: { name: 'Lo-fi' }, d: 10_000, volume: 0.35 }] },
    { tt: 7, sg: [{ text: 'Urban Dreams', d: 3000 }] },
  ],
  d: 10_000,
  m: { title: 'project', width: 1920, height: 1080 },
});

const state = (inner: string) =>
  `{"code":0,"data":{"session_id":"1","task_id":"t","user_id":"anon_x","state":${inner}}}`;

describe("a session's state", () => {
  it.each([
    ['where it is documented to be', state(`{"draft":${BRIEF},"video_infos":[{"id":1}]}`)],
    ['directly in data', `{"data":{"draft":${BRIEF},"video_infos":[{"id":1}]}}`],
    ['without any envelope', `{"draft":${BRIEF},"video_infos":[{"id":1}]}`],
    ['in camelCase', `{"data":{"state":{"draft":${BRIEF},"videoInfos":{"a":{"id":1}}}}}`],
    ['with the draft inside a string', state(`{"draft":${JSON.stringify(BRIEF)},"video_infos":[{"id":1}]}`)],
  ])('is read: %s', (_, text) => {
    const snapshot = snapshotOf(text);
    expect(isExportable(snapshot.reading)).toBe(true);
    expect(snapshot.assets).toHaveLength(1);
  });

  it('names what was uploaded and what the service made (was: neither was shown by status)', () => {
    const text = state(
      `{"draft":${BRIEF},"video_infos":[{"filename":"a.mp4","duration":3},{"id":9007199254740993}],"generated_media":{"x":{"url":"https://cdn.example/bgm.mp3?sig=1"},"y":"nmv_usr_secret"}}`,
    );
    const snapshot = snapshotOf(text);
    expect(snapshot.media).toEqual({
      files: ['a.mp4', '9007199254740993'],
      made: ['https://cdn.example/bgm.mp3', '[secret]'],
    });
    expect(stateSentence(snapshot).text).toMatch(
      /^Timeline \(3 tracks\).*; Files in the session: a\.mp4, 9007199254740993; Made by the service: https:/,
    );
    expect(stateSentence(emptySnapshot()).text).toBe('Timeline: empty');
  });

  it('keeps the draft exactly as it came', () => {
    const odd = '{ "id":9007199254740993, "10":1,"2":2 }';
    expect(snapshotOf(state(`{"draft": ${odd} }`)).draft).toBe(odd);
    expect(snapshotOf(state('{"draft":null}')).draft).toBeUndefined();
  });

  it('finds the ids, also as bare numbers', () => {
    expect(snapshotOf(state('{}'))).toMatchObject({ userId: 'anon_x', taskId: 't' });
    expect(snapshotOf('{"data":{"state":{"user_id":5529798706024415232}}}').userId).toBe('5529798706024415232');
  });

  it('has one hash for an empty session however it says so', () => {
    for (const empty of [
      '{}',
      '{"draft":null,"video_infos":[]}',
      '{"draft":{},"generated_media":{}}',
      '{"updated_at":5}',
    ]) {
      expect(snapshotOf(state(empty)).hash).toBe(emptySnapshot().hash);
    }
  });

  it.each([
    ['the draft', '{"draft":{"t":[{"sg":[{"d":1}]}]}}'],
    ['an upload', '{"video_infos":[{"id":1}]}'],
    ['generated media', '{"generated_media":{"a":1}}'],
    ['the canvas', '{"canvas_config":{"width":1}}'],
    ['an analysis', '{"video_analyses":{"a":1}}'],
  ])('has another hash once %s is there', (_, inner) => {
    expect(snapshotOf(state(inner)).hash).not.toBe(emptySnapshot().hash);
  });

  it('does not change its hash because addresses were signed again or time passed', () => {
    const at = (n: number) =>
      state(`{"draft":${BRIEF},"updated_at":${n},"video_infos":[{"id":1,"cdn_url":"https://c/x?sig=${n}"}]}`);
    expect(snapshotOf(at(1)).hash).toBe(snapshotOf(at(2)).hash);
  });
});

describe('what became different', () => {
  const before = markOf(
    snapshotOf(
      state(
        '{"draft":{"t":[{"tt":0,"sg":[{"name":"a","d":1000}]},{"tt":1,"sg":[{"d":1000}]}]},"video_infos":[{"id":1}]}',
      ),
    ),
  );
  const after = snapshotOf(
    state('{"draft":{"t":[{"tt":0,"sg":[{"name":"a","d":500}]}]},"video_infos":[{"id":1},{"id":2}]}'),
  );

  it('is reported track by track', () => {
    expect(textsOf(differences(before, after))).toEqual([
      '1 new asset',
      'Video: a (0-1s) became Video: a (0-0.5s)',
      'removed BGM (0-1s)',
    ]);
    expect(textsOf(differences(markOf(emptySnapshot()), after))).toEqual(['2 new assets', 'added Video: a (0-0.5s)']);
    expect(textsOf(differences(markOf(after), after))).toEqual([]);
    expect(changeReport(before, after).text).toMatch(
      /^1 new asset; .*\. Timeline \(1 track\): 1\. Video: a \(0-0\.5s\)$/,
    );
  });

  it('is never nothing when the hash says otherwise', () => {
    const other = snapshotOf(state('{"canvas_config":{"width":1}}'));
    expect(textsOf(differences(markOf(emptySnapshot()), other))).toEqual(['details of the timeline changed']);
  });

  it('tells whether an upload arrived', () => {
    expect(hasArrived(before.assets, after)).toBe(true);
    expect(hasArrived(after.assets, after)).toBe(false);
  });
});

function textsOf(sentences: readonly Sentence[]): string[] {
  return sentences.map(({ text }) => text);
}
