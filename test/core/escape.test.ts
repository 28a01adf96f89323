import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeForTerminal, escapeJsonForTerminal } from '../../src/core/escape.ts';

const HARMFUL = /[\p{Cc}\p{Cs}\p{Bidi_Control}\u200b\u2060\ufeff\u{e0041}]/u;

describe('escapeForTerminal', () => {
  it.each([
    ['plain text, ümläut, 压缩 and 🎬 stay', 'plain text, ümläut, 压缩 and 🎬 stay'],
    ['two\nlines\tand\rone', 'two\\nlines\\tand\\rone'],
    ['\u001b[31mred', '\\u{1b}[31mred'],
    ['\u009b31m', '\\u{9b}31m'],
    ['evil\u202egpj.exe', 'evil\\u{202e}gpj.exe'],
    ['in\u200bvisible\u2060\u00ad', 'in\\u{200b}visible\\u{2060}\\u{ad}'],
    ['tag\u{e0041}', 'tag\\u{e0041}'],
    ['a\u200db\u200c', 'a\\u{200d}b\\u{200c}'],
    ['👨\u200d👩\u200d👧 and می\u200cخواهم stay', '👨\u200d👩\u200d👧 and می\u200cخواهم stay'],
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
