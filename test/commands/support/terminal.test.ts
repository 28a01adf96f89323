import fc from 'fast-check';
import { expect, it } from 'vitest';
import { asTyped, cut, cutPath, paintFor, table, widthOf } from '../../../src/commands/support/terminal.ts';

it.each([
  ['abc', 3],
  ['压缩', 4],
  ['e\u0301', 1],
  ['🎬', 2],
  ['\u001b[31mred\u001b[39m', 3],
])('%j is %i wide', (text, width) => {
  expect(widthOf(text)).toBe(width);
});

it('cut never exceeds the columns', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, columns) => {
      expect(widthOf(cut(text, columns))).toBeLessThanOrEqual(columns);
    }),
  );
  expect(cut('a long name.mp4', 8)).toBe('a long …');
  expect(cut('short', 8)).toBe('short');
});

it('table aligns what is wide and what is narrow', () => {
  expect(
    table([
      ['压缩', 'x'],
      ['abc', 'yy'],
    ]),
  ).toEqual(['压缩  x', 'abc   yy']);
  expect(table([['abc', 'a very long remark']], 16)).toEqual(['abc  a very lon…']);
});

it.each([
  [{ isTTY: true }, {}, true],
  [{ isTTY: true }, { NO_COLOR: '1' }, false],
  [{ isTTY: true }, { TERM: 'dumb' }, false],
  [{ isTTY: false }, {}, false],
  [{}, {}, false],
])('%j with %j is coloured: %s', (stream, env, coloured) => {
  expect(paintFor(stream, env)('red', 'x') !== 'x').toBe(coloured);
});

it('cutPath keeps the name, and what fits of its folders', () => {
  expect(cutPath('a folder/clip.mp4', 9)).toBe('…clip.mp4');
  expect(cutPath('a folder/clip.mp4', 13)).toBe('…der/clip.mp4');
  expect(cutPath('clip.mp4', 9)).toBe('clip.mp4');
  expect(cutPath('a/holiday at the beach.mp4', 10)).toBe('holiday a…');
});

it.each([
  ['Start with: shrinkbox run --config a', 'Start with: npx shrinkbox run --config a'],
  ['run `shrinkbox resume` to continue', 'run `npx shrinkbox resume` to continue'],
  ['`npx shrinkbox job 1` and "shrinkbox status"', '`npx shrinkbox job 1` and "npx shrinkbox status"'],
  ['another shrinkbox is running; shrinkbox 0.1.0', 'another shrinkbox is running; shrinkbox 0.1.0'],
  ['wrote /srv/shrinkbox run/config.yaml', 'wrote /srv/shrinkbox run/config.yaml'],
])('in a clone, %j is %j', (text, typed) => {
  expect(asTyped(text, { npm_lifecycle_event: 'npx' })).toBe(typed);
  expect(asTyped(text, {})).toBe(text);
});
