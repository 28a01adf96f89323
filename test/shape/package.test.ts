import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  dependencies: Record<string, string>;
  bundleDependencies: string[];
};

it('the package brings every dependency, by a list that npm publish does not have to correct', () => {
  expect(manifest.bundleDependencies).toEqual(Object.keys(manifest.dependencies));
});
