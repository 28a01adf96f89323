import { expect, it } from 'vitest';
import { isLoopback } from '../../src/config/loopback.ts';

it.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.255.0.9', true],
  ['::1', true],
  ['[::1]', true],
  ['0.0.0.0', false],
  ['::', false],
  ['::ffff:127.0.0.1', false],
  ['nas', false],
  ['128.0.0.1', false],
  ['127.0.0.1.example', false],
])('%s is loopback: %s', (name, expected) => {
  expect(isLoopback(name)).toBe(expected);
});
