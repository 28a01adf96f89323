import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeForTerminal, escapeJsonForTerminal } from '../../src/core/escape.ts';
import { cut, paintFor, table, widthOf } from '../../src/commands/support/terminal.ts';

const HARMFUL = /[\p{Cc}\p{Cs}\p{Bidi_Control}]/u;

describe('safe', () => {
  it.each([
    ['plain text, ümläut, 压缩 and 🎬 stay', 'plain text, ümläut, 压缩 and 🎬 stay'],
    ['two\nlines\tand\rone', 'two\\nlines\\tand\\rone'],
    ['\u001b[31mred', '\\u{1b}[31mred'],
    ['\u009b31m', '\\u{9b}31m'],
    ['evil\u202egpj.exe', 'evil\\u{202e}gpj.exe'],
    ['half \ud83c', 'half \\u{d83c}'],
    ['\u0000\u007f\ufeff\u2028', '\\u{0}\\u{7f}\\u{feff}\\u{2028}'],
  ])('%j', (text, expected) => {
    expect(escapeForTerminal(text)).toBe(expected);
  });

  it('leaves nothing harmful in any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), text => !HARMFUL.test(escapeForTerminal(text))));
  });
});

it('escapeJsonForTerminal reads back to the same value, and holds nothing harmful', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), value => {
      const json = escapeJsonForTerminal(value);
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(json.replaceAll('\n', '')).not.toMatch(HARMFUL);
    }),
  );
});

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
