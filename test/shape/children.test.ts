import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '../../src');

it('no child inherits our environment, in which tokens may be', () => {
  const inheriting: string[] = [];
  for (const name of readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(each => each.endsWith('.ts'))) {
    const text = readFileSync(join(SRC, name), 'utf8');
    if (!text.includes("'node:child_process'")) continue;
    for (const { index } of text.matchAll(/(?<![.\w])(spawn|spawnSync|execFile|execFileSync|exec|fork)\(/g)) {
      const call = text.slice(index, text.indexOf(';', index));
      if (!/\benv\b/.test(call)) inheriting.push(`${name}: ${call.slice(0, 60)}`);
    }
  }
  expect(inheriting).toEqual([]);
});
