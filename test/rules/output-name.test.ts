import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { outputFor } from '../../src/rules/output-name.ts';

const DEFAULT = '{dir}/{name}.mp4';

describe('the name of a result', () => {
  test.each<[string, string, string, number, string]>([
    ['at the top', DEFAULT, 'clip.mov', 1, 'clip.mp4'],
    ['in a sub-folder', DEFAULT, 'a/b/clip.mov', 1, 'a/b/clip.mp4'],
    ['of a second version', DEFAULT, 'a/clip.mov', 2, 'a/clip.v2.mp4'],
    ['of a later version', DEFAULT, 'clip.mov', 11, 'clip.v11.mp4'],
    ['with several dots', DEFAULT, 'my.holiday.2024.mov', 1, 'my.holiday.2024.mp4'],
    ['without an extension', DEFAULT, 'clip', 1, 'clip.mp4'],
    ['of a link', DEFAULT, 'link.url', 1, 'link.mp4'],
    ['of a link in a text file', DEFAULT, 'link.url.txt', 1, 'link.mp4'],
    ['with the extension of the source', '{dir}/{name}-{ext}.mp4', 'clip.MOV', 1, 'clip-MOV.mp4'],
    ['with the rule', '{rule}/{dir}/{name}.mp4', 'a/clip.mov', 1, 'mail/a/clip.mp4'],
    ['flattened', '{name}.mp4', 'a/b/clip.mov', 1, 'clip.mp4'],
    ['with a fixed part', 'small/{name}.small.mp4', 'clip.mov', 2, 'small/clip.small.v2.mp4'],
    ['with braces in the source', DEFAULT, 'a{rule}/{dir}.mov', 1, 'a{rule}/{dir}.mp4'],
    ['with $ patterns in the source', DEFAULT, "$&$1$'.mov", 1, "$&$1$'.mp4"],
    ['with a leading hyphen', DEFAULT, '-y.mov', 1, '-y.mp4'],
    ['with emoji and newline', DEFAULT, '🎬\n.mov', 1, '🎬\n.mp4'],
  ])('%s', (_, template, relative, version, expected) => {
    expect(outputFor(template, relative, 'mail', version)).toBe(expected);
  });

  test('never has more than 255 bytes, and keeps its ending', () => {
    const longest = `${'ä'.repeat(126)}.ts`;
    const output = outputFor(DEFAULT, longest, 'r', 2);
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(255);
    expect(output).toMatch(/^ä{100,}\.v2\.mp4$/);
  });

  test.each(['../clip.mov', 'a/../../clip.mov', '/etc/passwd', '..', 'a/..', ''])('refuses %j', relative => {
    expect(() => outputFor(DEFAULT, relative, 'r', 1)).toThrow(expect.objectContaining({ code: 'bad-name' }));
  });

  test('stays in the outbox whatever the source is called', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom('..', '.', '', '{dir}', '{name}', '~'),
    );
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 5 }),
        fc.constantFrom(DEFAULT, '{rule}/{name}.mp4', 'x/{dir}/{name}.mp4'),
        (parts, template) => {
          let output: string;
          try {
            output = outputFor(template, parts.join('/'), '..', 1);
          } catch (error) {
            expect(error).toMatchObject({ code: 'bad-name' });
            return;
          }
          expect(output.startsWith('/')).toBe(false);
          expect(output.split('/')).not.toContain('..');
          expect(output.endsWith('.mp4')).toBe(true);
        },
      ),
    );
  });
});
