import { expect, it } from 'vitest';
import { isWithin } from '../../src/core/file-names.ts';

it.each([
  ['/srv/in', '/srv/in/a', true],
  ['/srv/in', '/srv/in', true],
  ['/srv/in', '/srv/inbox', false],
  ['/', '/srv', true],
])('%s holds %s: %s', (folder, path, expected) => {
  expect(isWithin(folder, path)).toBe(expected);
});
