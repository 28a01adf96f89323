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
  const send = (count: number, address = '192.168.1.9') => {
    for (let i = 0; i < count; i += 1) wrong.add(address);
  };
  return { wrong, logged, pass, send };
}

it('refuses an address for a minute after twenty wrong tokens, and no other', () => {
  const { wrong, pass, send } = setup();
  send(19);
  expect(wrong.waitMs('192.168.1.9')).toBe(0);
  send(1);
  expect(wrong.waitMs('192.168.1.9')).toBe(60_000);
  expect(wrong.waitMs('192.168.1.10')).toBe(0);
  pass(60_000);
  expect(wrong.waitMs('192.168.1.9')).toBe(0);
  send(1);
  expect(wrong.waitMs('192.168.1.9')).toBe(0);
});

it('logs the first and the last of a minute, not each', () => {
  const { logged, pass, send } = setup();
  send(19);
  expect(logged).toEqual(['a wrong access token was sent to the page or the API']);
  send(1);
  expect(logged.at(-1)).toContain('refusing this address for a minute');
  pass(61_000);
  send(1);
  expect(logged).toHaveLength(3);
});

it('does not grow with the number of addresses', () => {
  const { wrong, send } = setup();
  send(20, 'first');
  for (let i = 0; i < 1000; i += 1) send(1, `10.0.${i >> 8}.${i & 255}`);
  expect(wrong.waitMs('first')).toBe(0);
});
