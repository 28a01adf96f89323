import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkAccess } from '../../../src/commands/doctor/access.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { Secret } from '../../../src/config/secrets.ts';
import { tempDir } from '../../support/serving.ts';

function found(text: string, token?: string, dir = '/srv') {
  const config = parseConfig(text, { env: {}, cwd: dir, home: dir, source: join(dir, 'config.yaml') });
  const results = checkAccess(config, token === undefined ? {} : { httpToken: new Secret(token) });
  return results.map(({ result, said }) => `${result}: ${said}`);
}

const LONG = 'a-token-of-some-length';

it.each<[string, string, string | undefined, string[]]>([
  [
    'a token of one letter',
    '{}',
    'x',
    ['warn: the token for the page is shorter than 16 characters and can be guessed'],
  ],
  ['a long token', '{}', LONG, []],
  ['no page', 'http: { listen: "off" }', undefined, []],
  [
    'other users of this machine',
    '{}',
    undefined,
    ['ok: every user of this machine can use the page; other machines cannot reach it'],
  ],
  [
    'an open reverse proxy',
    'http: { public_url: "https://nas.home" }',
    undefined,
    [
      'warn: there is no token: everybody who reaches https://nas.home/ can use the page, unless the proxy asks for a password',
    ],
  ],
  ['a reverse proxy and a token', 'http: { public_url: "https://nas.home" }', LONG, []],
])('says what there is to say of %s', (_, text, token, expected) => {
  expect(found(text, token)).toEqual(expected);
});

it('says that everybody can read a token file', async () => {
  const dir = await tempDir();
  const path = join(dir, 'token');
  await writeFile(path, LONG);
  const text = 'http: { token_file: ./token }';
  await chmod(path, 0o644);
  expect(found(text, LONG, dir)).toEqual([
    `warn: every user of this machine can read or change the token in ${path} (mode 0644)`,
  ]);
  await chmod(path, 0o640);
  expect(found(text, LONG, dir)).toEqual([]);
});
