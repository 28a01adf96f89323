import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { EN } from '../../src/messages/en/index.ts';

it('the lines of a plan that the page shows while a file waits exist', () => {
  const text = readFileSync(new URL('../../src/web/sent.tsx', import.meta.url), 'utf8');
  const codes = [...text.matchAll(/'(local\.plan-[\w-]+)'/g)].map(([, code]) => code ?? '');
  expect(codes.length).toBeGreaterThan(0);
  for (const code of codes) expect(Object.keys(EN)).toContain(code);
});
