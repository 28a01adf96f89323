import { describe, expect, it } from 'vitest';
import { draftText, isExportable, readDraft, summarise } from '../../../../src/engine/nemo/session/draft.ts';

const BRIEF = JSON.stringify({
  t: [
    { tt: 0, sg: [{ name: 'city timelapse', d: 10_000 }] },
    { tt: 1, sg: [{ m: { name: 'Lo-fi' }, d: 10_000, volume: 0.35 }] },
    { tt: 7, sg: [{ text: 'Urban Dreams', d: 3000 }] },
  ],
  d: 10_000,
  m: { title: 'project', width: 1920, height: 1080 },
});

describe('a timeline in words', () => {
  it.each([
    [
      'the example of the brief',
      BRIEF,
      'Timeline (3 tracks): 1. Video: city timelapse (0-10s) 2. BGM: Lo-fi (0-10s, 35%) 3. Title: "Urban Dreams" (0-3s)',
    ],
    [
      'the same inside a string',
      JSON.stringify(BRIEF),
      'Timeline (3 tracks): 1. Video: city timelapse (0-10s) 2. BGM: Lo-fi (0-10s, 35%) 3. Title: "Urban Dreams" (0-3s)',
    ],
    ['no names at all', '{"t":[{"tt":0,"sg":[{"d":1500}]}]}', 'Timeline (1 track): 1. Video (0-1.5s)'],
    [
      'segments one after another',
      '{"t":[{"tt":0,"sg":[{"d":1000},{"d":2000}]}]}',
      'Timeline (1 track): 1. Video (0-3s)',
    ],
    [
      'segments with starts',
      '{"t":[{"tt":7,"sg":[{"st":2000,"d":1000,"text":"a"}]}]}',
      'Timeline (1 track): 1. Title: "a" (2-3s)',
    ],
    ['a type nobody documented', '{"t":[{"tt":4,"sg":[{"d":1000}]}]}', 'Timeline (1 track): 1. Track type 4 (0-1s)'],
    ['an empty track', '{"t":[{"tt":1,"sg":[]}]}', 'Timeline (1 track): 1. BGM (empty)'],
    ['tracks as a map', '{"t":{"a":{"tt":0,"sg":{"x":{"d":1000}}}}}', 'Timeline (1 track): 1. Video (0-1s)'],
    ['volume in percent', '{"t":[{"tt":1,"sg":[{"d":1000,"volume":80}]}]}', 'Timeline (1 track): 1. BGM (0-1s, 80%)'],
    ['nothing', undefined, 'Timeline: empty'],
    ['null', 'null', 'Timeline: empty'],
    ['an empty draft', '{}', 'Timeline: empty'],
    ['no tracks', '{"t":[]}', 'Timeline: empty'],
    [
      'the newer XML form',
      '"<draft fps=\\"30\\"><track/></draft>"',
      'Timeline: in a newer format that only the site can show',
    ],
  ])('%s', (_, raw, words) => {
    expect(summarise(readDraft(raw)).text).toBe(words);
  });

  it('shows long and hostile names as names', () => {
    const raw = JSON.stringify({ t: [{ tt: 7, sg: [{ text: `\u001b[31m${'x'.repeat(100)}\nnmv_usr_1`, d: 1000 }] }] });
    expect(summarise(readDraft(raw)).text).toMatch(/^Timeline \(1 track\): 1\. Title: "\[31mx+…" \(0-1s\)$/);
  });
});

describe('a draft to render', () => {
  it.each([
    ['a segment on a track', '{"t":[{"tt":0,"sg":[{}]}]}', true],
    ['a segment on the second track', '{"t":[{"sg":[]},{"sg":[{"d":1}]}]}', true],
    ['tracks without segments', '{"t":[{"tt":0,"sg":[]},{"tt":1}]}', false],
    ['nothing', undefined, false],
    ['the newer XML form', '"<draft/>"', false],
  ])('needs segments: %s', (_, raw, exportable) => {
    expect(isExportable(readDraft(raw))).toBe(exportable);
  });

  it('is passed on as the text that was received, unwrapped if it was inside a string', () => {
    const odd = '{"id":9007199254740993, "10":1,"2":2}';
    expect(draftText(odd)).toBe(odd);
    expect(draftText(JSON.stringify(odd))).toBe(odd);
    expect(draftText('"<draft/>"')).toBeUndefined();
    expect(draftText('null')).toBeUndefined();
    expect(draftText(undefined)).toBeUndefined();
  });
});
