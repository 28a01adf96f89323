import fc from 'fast-check';
import { expect, it } from 'vitest';
import { diffOf } from '../../src/config/diff.ts';

const numbers = Array.from({ length: 20 }, (_, n) => `line ${n}`);

it('shows changes with two lines around them, and what lies between is left out', () => {
  const before = `${numbers.join('\n')}\n`;
  const after = before.replace('line 3\n', 'line three\n').replace('line 15\n', '');
  const shown = diffOf(before, after).map(
    ({ kind, text }) => ({ same: ' ', old: '-', new: '+', gap: '~' })[kind] + text,
  );
  expect(shown).toEqual([
    ...[' line 1', ' line 2', '-line 3', '+line three', ' line 4', ' line 5', '~'],
    ...[' line 13', ' line 14', '-line 15', ' line 16', ' line 17'],
  ]);
});

it('texts that are the same have no changes', () => expect(diffOf('a\nb\n', 'a\nb\n')).toEqual([]));

it('keys in addresses and tokens are not shown', () => {
  const text = diffOf('url: https://u:p@ntfy.sh/secret-topic?k=1\ntoken: a1b2c3d4e5f6a7b8c9d0e1f2\nx: 1', 'x: 2')
    .map(line => line.text)
    .join('\n');
  expect(text).toContain('https://ntfy.sh/...');
  expect(text).not.toMatch(/secret-topic|a1b2c3|u:p/);
});

it('as many lines are old and new as the texts differ by', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 5 });
  const asText = (lines: readonly string[]) => lines.map(line => `${line}\n`).join('');
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = diffOf(asText(before), asText(after));
      const count = (kind: string) => lines.filter(line => line.kind === kind).length;
      expect(count('old') - count('new')).toBe(before.length - after.length);
      expect(lines.length === 0).toBe(asText(before) === asText(after));
    }),
  );
});
