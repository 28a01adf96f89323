import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { loadSecrets, Secret } from '../../src/config/secrets.ts';
import { errno, parse, readFrom } from './support.ts';

const FILES = {
  '/srv/nemo-token': ' from-file \n',
  '/srv/http-token': 'http-file',
  '/run/cred/token': 'from-credential\n',
  '/run/cred/http-token': 'http-credential',
};
const NAMED = 'nemo: {token_file: nemo-token}\nhttp: {token_file: http-token}\n';
const CREDENTIALS = { CREDENTIALS_DIRECTORY: '/run/cred' };

function reveal(text: string, env: Record<string, string>, files: Record<string, string | Error> = FILES) {
  const { nemoToken, httpToken } = loadSecrets(parse(text), env, readFrom(files));
  return [nemoToken?.reveal(), httpToken?.reveal()];
}

describe('where secrets come from', () => {
  test.each<[string, string, Record<string, string>, (string | undefined)[]]>([
    ['nowhere', '{}', {}, [undefined, undefined]],
    ['the files named', NAMED, {}, ['from-file', 'http-file']],
    ['the variable before the file', NAMED, { NEMO_TOKEN: 'from-env' }, ['from-env', 'http-file']],
    ['an empty variable is none', NAMED, { NEMO_TOKEN: ' ' }, ['from-file', 'http-file']],
    ['systemd credentials', '{}', CREDENTIALS, ['from-credential', 'http-credential']],
    ['the files before the credentials', NAMED, CREDENTIALS, ['from-file', 'http-file']],
  ])('%s', (_, text, env, expected) => {
    expect(reveal(text, env)).toEqual(expected);
  });

  test('credentials that are not there are no mistake', () => {
    expect(reveal('{}', CREDENTIALS, {})).toEqual([undefined, undefined]);
  });
});

describe('a token that cannot be used', () => {
  test.each<[string, Record<string, string>, Record<string, string | Error>, string]>([
    ['a file that is not there', {}, {}, 'the token file /srv/nemo-token does not exist'],
    [
      'one that may not be read',
      {},
      { '/srv/nemo-token': errno('EACCES') },
      'the token file /srv/nemo-token cannot be read (EACCES)',
    ],
    ['an empty one', {}, { '/srv/nemo-token': '\n' }, 'the token in /srv/nemo-token is empty'],
    [
      'one with more than a token in it',
      {},
      { '/srv/nemo-token': 'TOKEN=abc\nOTHER=s3cret' },
      'the token in /srv/nemo-token is not one word of plain characters',
    ],
    [
      'a variable that would break a header',
      { NEMO_TOKEN: 'a\nb: s3cret' },
      {},
      'the token in NEMO_TOKEN is not one word of plain characters',
    ],
  ])('%s', (_, env, files, message) => {
    const run = () => loadSecrets(parse('nemo: {token_file: nemo-token}'), env, readFrom(files));
    expect(run).toThrow(expect.objectContaining({ code: 'auth-missing', message }));
    expect(run).not.toThrow(/s3cret/);
  });
});

test('a secret does not show itself', () => {
  const secret = new Secret('s3cret');
  const shown = [
    String(secret),
    JSON.stringify({ secret }),
    inspect({ secret }, { depth: 5, showHidden: true }),
    Object.values(secret).join(),
  ];
  expect(shown.join('\n')).not.toContain('s3cret');
  expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}');
  expect(secret.reveal()).toBe('s3cret');
});

test('the configuration itself holds none', () => {
  const config = parse(NAMED, { NEMO_TOKEN: 's3cret-in-the-environment' });
  expect(JSON.stringify(config)).not.toContain('s3cret');
});
