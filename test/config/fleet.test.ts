import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/config/problems.ts';
import { parse } from './support.ts';

function problemsOf(text: string): string[] {
  try {
    parse(text);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

describe('a fleet', () => {
  test('is nothing unless it is written', () => {
    expect(parse('{}')).not.toHaveProperty('fleet');
    expect(parse('fleet:\nworker:\n')).not.toHaveProperty('worker');
  });

  test('needs only a queue, and is for this machine alone unless it says otherwise', () => {
    expect(parse('fleet: {queue: "rediss://nas:6380"}').fleet).toEqual({
      queue: 'rediss://nas:6380',
      listen: { host: '127.0.0.1', port: 8789 },
      films: 4,
      lease: 60_000,
      slices: 20_000_000_000,
      verify: 'here',
    });
  });

  test.each([
    ['redis://127.0.0.1:6379', []],
    ['unix:///run/valkey/valkey.sock', []],
    ['redis://nas:6379', [/would send the password and the work unencrypted; use rediss:/]],
    ['rediss://user:geheim@nas:6380', [/contains a user name or password; put it into fleet.password_file/]],
    ['http://nas', [/is not the address of a queue; write rediss:/]],
  ])('its queue %s', (queue, expected) => {
    const found = problemsOf(JSON.stringify({ fleet: { queue } }));
    expect(found).toHaveLength(expected.length);
    for (const [at, pattern] of expected.entries()) expect(found[at]).toMatch(pattern);
    expect(found.join()).not.toContain('geheim');
  });

  test('half a certificate is a mistake', () => {
    expect(problemsOf('fleet: {queue: "rediss://nas:6380", tls_cert: a.pem}')).toEqual([
      'fleet: has only one of tls_cert and tls_key; add tls_key, or remove the other',
    ]);
  });

  test('an engine fleet without a fleet is a mistake, wherever it is named', () => {
    const message =
      'fleet needs a queue and an address for its workers: add a section like "fleet: {queue: rediss://nas:6380}"';
    expect(problemsOf('engine: fleet')).toEqual([`engine: ${message}`]);
    expect(problemsOf('rules: [{size: 1MB, engine: fleet}]')).toEqual([`rules[0].engine: ${message}`]);
    expect(problemsOf('{fleet: {queue: "rediss://nas:6380"}, engine: fleet}')).toEqual([]);
  });
});

describe('a worker', () => {
  test('is what its token file says, unless it is written', () => {
    expect(parse('worker: {token_file: /etc/t, hours: "22:00-07:00", codecs: h264}').worker).toEqual({
      tokenFile: '/etc/t',
      slots: 1,
      scratch: expect.stringMatching(/\/scratch$/),
      scratchMax: 20_000_000_000,
      hours: expect.anything(),
      codecs: ['h264'],
      mounts: [],
    });
  });

  test('keeps the pin in its address, and speaks nothing but HTTPS', () => {
    expect(parse('worker: {daemon: "https://nas:8789/#abc"}').worker?.daemon).toBe('https://nas:8789#abc');
    expect(problemsOf('worker: {daemon: "http://nas:8789"}')).toHaveLength(1);
    expect(problemsOf('worker: {name: "My Desk"}')[0]).toMatch(/is not a name for a worker/);
  });
});
