import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { collisionKey, namesFor, numbered, safePart, safeParts, stemOf } from '../../src/deliver/safe-names.ts';

const portable = { portable: true };
const plain = { portable: false };
const long = (bytes: number, ending: string) => 'x'.repeat(bytes - ending.length) + ending;

describe('a name made safe', () => {
  test.each([
    ['a plain name stays', 'Holiday 2026 (final).mp4', 'Holiday 2026 (final).mp4'],
    ['an emoji stays', '🎬 сын 日本.mp4', '🎬 сын 日本.mp4'],
    ['single quotes stay', "it's.mp4", "it's.mp4"],
    ['double quotes are reserved on Windows', '"best".mp4', '_best_.mp4'],
    ['a newline', 'two\nlines.mp4', 'two_lines.mp4'],
    ['a tab and an escape', 'a\tb\u001b[31m.mp4', 'a_b_[31m.mp4'],
    ['a line separator', 'a\u2028b.mp4', 'a_b.mp4'],
    ['a turn of direction', 'holiday\u202e4pm.exe', 'holiday_4pm.exe'],
    ['what nobody can see', 'a\u200bb\u2060c\ufeff.mp4', 'a_b_c_.mp4'],
    ['a joiner between letters', 'a\u200db.mp4', 'a_b.mp4'],
    ['joiners in a row', 'a\u200d\u200d\u200c.mp4', 'a___.mp4'],
    ['a family of emoji stays', '👨\u200d👩\u200d👧.mp4', '👨\u200d👩\u200d👧.mp4'],
    ['reserved characters', 'a:b?c*d<e>f|g\\h.mp4', 'a_b_c_d_e_f_g_h.mp4'],
    ['a leading dash is no option', '-rf.mp4', '_-rf.mp4'],
    ['a leading dot hides nothing', '.clip.mp4', '_.clip.mp4'],
    ['our own temporary names cannot be had', '.shrinkbox-abc.part', '_.shrinkbox-abc.part'],
    ['trailing dots and spaces', 'clip. . ', 'clip'],
    ['a device name', 'con.mp4', '_con.mp4'],
    ['a device name with spaces', 'NUL .mp4', '_NUL .mp4'],
    ['a device name with a digit', 'COM1', '_COM1'],
    ['a name that only begins like a device', 'console.mp4', 'console.mp4'],
    ['decomposed accents are composed', 'e\u0301te\u0301.mp4', '\u00e9t\u00e9.mp4'],
    ['half a surrogate pair', 'a\ud83d.mp4', 'a_.mp4'],
    ['nothing left', ' . ', '_'],
    ['two dots lead nowhere', '..', '_'],
  ])('%s', (_why, name, safe) => {
    expect(safePart(name, portable)).toBe(safe);
  });

  test('a file system of our own takes what clients cannot, but never what breaks a shell or a listing', () => {
    expect(safePart('a:b?.mp4', plain)).toBe('a:b?.mp4');
    expect(safePart('con.mp4', plain)).toBe('con.mp4');
    expect(safePart('e\u0301.mp4', plain)).toBe('e\u0301.mp4');
    expect(safePart('-a\nb.mp4', plain)).toBe('_-a_b.mp4');
    expect(safePart('..', plain)).toBe('_..');
  });

  test('a name of 255 bytes keeps its extension and loses its tail', () => {
    expect(safePart(long(255, '.mp4'), portable)).toBe(long(240, '.mp4'));
    expect(safePart(long(240, '.mp4'), portable)).toBe(long(240, '.mp4'));
  });

  test('a cut name keeps its version', () => {
    expect(safePart(long(250, '.v2.mp4'), portable)).toBe(long(240, '.v2.mp4'));
  });

  test('a cut falls between characters people see', () => {
    const family = '👨‍👩‍👧‍👦';
    const name = safePart(`${family.repeat(20)}.mp4`, portable);
    expect(name).toBe(`${family.repeat(9)}.mp4`);
    expect(Buffer.byteLength(family)).toBe(25);
  });

  test('one character longer than a name is still cut', () => {
    const stacked = `e${'\u0323'.repeat(300)}.mp4`;
    expect(Buffer.byteLength(safePart(stacked, plain))).toBeLessThanOrEqual(240);
    expect(safePart(stacked, plain)).toMatch(/^e\u0323+\.mp4$/);
  });

  test('whatever comes in, what comes out is one safe name, and stays as it is', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ unit: 'grapheme', maxLength: 90 }),
    );
    fc.assert(
      fc.property(anything, fc.boolean(), (text, isPortable) => {
        const rules = { portable: isPortable };
        const name = safePart(text, rules);
        expect(name).not.toBe('');
        expect(name).not.toMatch(/^[.-]|[/\p{Cc}\p{Cs}]/u);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(240);
        expect(safePart(name, rules)).toBe(name);
        if (isPortable) expect(name).not.toMatch(/[<>:"\\|?*]|[. ]$/);
      }),
    );
  });
});

describe('the parts of a path', () => {
  test.each([
    ['mirrored sub-folders', 'trips/2026/clip.mp4', ['trips', '2026', 'clip.mp4']],
    ['double and leading slashes', '//a///b.mp4', ['a', 'b.mp4']],
    ['up and out', '../../etc/passwd', ['_', '_', 'etc', 'passwd']],
    ['nothing', '/', []],
  ])('%s', (_why, path, parts) => {
    expect(safeParts(path, portable)).toEqual(parts);
  });
});

test.each([
  ['clip.mp4', 'clip.mkv', ['clip.mp4', 'clip.mkv.mp4', 'clip.mkv (2).mp4']],
  ['A.mp4', 'A.MOV', ['A.mp4', 'A.MOV.mp4', 'A.MOV (2).mp4']],
  ['clip.v2.mp4', 'clip.mkv', ['clip.v2.mp4', 'clip.mkv.v2.mp4', 'clip.mkv.v2 (2).mp4']],
  ['mail-clip.mp4', 'clip.mkv', ['mail-clip.mp4', 'mail-clip.mkv.mp4', 'mail-clip.mkv (2).mp4']],
  ['clip.mkv.mp4', 'clip.mkv', ['clip.mkv.mp4', 'clip.mkv (2).mp4', 'clip.mkv (3).mp4']],
  ['clip.mp4', 'clip.MP4', ['clip.mp4', 'clip (2).mp4', 'clip (3).mp4']],
  ['clip.mp4', 'clip', ['clip.mp4', 'clip (2).mp4', 'clip (3).mp4']],
  [long(240, '.mp4'), `${'x'.repeat(251)}.mkv`, [long(240, '.mp4'), `${'x'.repeat(232)}.mkv.mp4`, undefined]],
])('%s made from %s is told from another of that name', (wanted, source, names) => {
  const [first, second, third] = namesFor(wanted, source, portable);
  expect([first, second]).toEqual(names.slice(0, 2));
  if (names[2]) expect(third).toBe(names[2]);
});

describe('the n-th file of a name', () => {
  test.each([
    ['clip.mp4', 1, 'clip.mp4'],
    ['clip.mp4', 2, 'clip (2).mp4'],
    ['clip.v2.mp4', 3, 'clip.v2 (3).mp4'],
    ['clip', 2, 'clip (2)'],
    ['v1. the end', 2, 'v1. the end (2)'],
  ])('%s, %i', (name, n, expected) => {
    expect(numbered(name, n)).toBe(expected);
  });

  test('fits into 255 bytes whatever the number', () => {
    expect(numbered(long(240, '.mp4'), 1000)).toBe(`${'x'.repeat(236)} (1000).mp4`);
    expect(Buffer.byteLength(numbered('é'.repeat(127), 1000))).toBeLessThanOrEqual(255);
  });

  test('can keep more than the extension', () => {
    expect(numbered('clip.failed.txt', 2, '.failed.txt')).toBe('clip (2).failed.txt');
  });
});

test.each([
  ['case', 'Clip.MP4', 'clip.mp4'],
  ['accents', 'e\u0301.mp4', '\u00c9.mp4'],
  ['sharp s', 'STRASSE.mp4', 'straße.mp4'],
  ['trailing dots', 'clip.mp4', 'clip.mp4. '],
])('one file for some client: %s', (_why, a, b) => {
  expect(collisionKey(a)).toBe(collisionKey(b));
});

test('the stem of a name', () => {
  expect([stemOf('clip.mp4'), stemOf('a.b.c'), stemOf('clip'), stemOf('.hidden')]).toEqual([
    'clip',
    'a.b',
    'clip',
    '.hidden',
  ]);
});
