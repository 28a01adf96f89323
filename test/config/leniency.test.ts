import { describe, expect, it } from 'vitest';
import { isOurs, writtenStateDir } from '../../src/config/leniency.ts';

describe('whose ./config.yaml is', () => {
  it.each([
    ['a valid one', 'engine: local\n'],
    ['one with an unknown key too', 'engine: local\nlanguageCode: en\n'],
    ['one whose only key is misspelt', 'foldrs: [{ inbox: a, outbox: b }]\n'],
    ['one that is no YAML after its first keys', 'folders:\n  - { inbox: ./a\nrules: [\n'],
  ])('%s is ours', (_, text) => {
    expect(isOurs(text)).toBe(true);
  });

  it.each([
    ['a Hugo site', 'baseURL: https://example.org\nlanguageCode: en-us\ntitle: My films\ntheme: ananke\nlocale: en\n'],
    ['an empty file', ''],
    ['only comments', '# folders: []\n'],
    ['a list', '- folders\n'],
    ['a sentence', 'folders\n'],
    ['no YAML, and none of our keys', 'title: [\nparams: }\n'],
  ])('%s is not', (_, text) => {
    expect(isOurs(text)).toBe(false);
  });
});

it.each([
  ['state_dir: /srv/state\nfoldrs: []\n', '/srv/state'],
  ['state_dir: /srv/state # local disk\nfolders: [ {\n', '/srv/state'],
  ['folders: [ {\n"state_dir": "/srv/my state" # local\n', '/srv/my state'],
  ['statedir: /srv/state\n', '/srv/state'],
  ['state_dir: 5\n', undefined],
  ['state_dir:\nfolders: [ {\n', undefined],
  ['folders: []\n', undefined],
  ['nemo:\n  state_dir: /no\n x: [\n', undefined],
])('state_dir of %j is %j', (text, written) => {
  expect(writtenStateDir(text)).toBe(written);
});
