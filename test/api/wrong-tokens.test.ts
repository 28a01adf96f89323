import { expect, it } from 'vitest';
import { WrongTokens } from '../../src/api/wrong-tokens.ts';
import { silentLogger } from '../../src/platform/log.ts';

function setup() {
  const logged: string[] = [];
  let now = 0;
  const log = { ...silentLogger, warn: (_fields: object, message: string) => void logged.push(message) };
  const wrong = new WrongTokens(log as typeof silentLogger, () => now);
  const pass = (ms: number) => {
    now += ms;
  };
  /** @returns what the last one was told to wait, milliseconds. */
  const send = (count: number, address = '192.168.1.9') => {
    let waitMs = 0;
    for (let i = 0; i < count; i += 1) waitMs = wrong.add(address);
    return waitMs;
  };
  return { logged, pass, send };
}

it('tells an address to wait for a minute after twenty wrong tokens, and no other', () => {
  const { pass, send } = setup();
  expect(send(20)).toBe(0);
  expect(send(1)).toBe(60_000);
  expect(send(1, '192.168.1.10')).toBe(0);
  pass(59_000);
  // Those that come meanwhile do not make it longer.
  expect(send(50)).toBe(1000);
  pass(1000);
  expect(send(20)).toBe(0);
  expect(send(1)).toBe(60_000);
});

it('logs the first and the last of a minute, not each', () => {
  const { logged, pass, send } = setup();
  send(19);
  expect(logged).toEqual(['a wrong access token was sent to the page or the API']);
  send(1);
  expect(logged.at(-1)).toContain('get 429 for a minute');
  pass(61_000);
  send(1);
  expect(logged).toHaveLength(3);
});

it('does not grow with the number of addresses', () => {
  const { send } = setup();
  send(20, 'first');
  for (let i = 0; i < 1000; i += 1) send(1, `10.0.${i >> 8}.${i & 255}`);
  expect(send(1, 'first')).toBe(0);
});
