import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError, type Problem } from '../../src/config/problems.ts';
import { saidBy } from '../../src/config/told.ts';
import { inChinese } from '../../src/messages/zh/index.ts';

function problemsIn(text: string): readonly Problem[] {
  try {
    parseConfig(text, { env: {}, cwd: '/srv', home: '/home/anna', source: '/srv/config.yaml' });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const CASES: Readonly<Record<string, string>> = {
  'YAML that is none': 'rules:\n  - name: a\n   size: 5MB\n',
  'an open bracket': 'rules: [a, b\n',
  'two keys in a line': 'log: level: debug\n',
  'a tab': 'log:\n\tlevel: debug\n',
  'a tag': 'state_dir: !secret x\n',
  'two documents': 'log: {level: info}\n---\nlog: {level: info}\n',
  'a key twice': 'engine: local\nengine: local\n',
  'a list as a key': '[a, b]: 1\n',
  'an alias without an anchor': 'engine: *mine\n',
  'a value that needs quotes': 'state_dir: @home\n',
  'an empty file': '\n',
  'a list instead of keys': '- a\n',
  'a misspelt key': 'state_dri: ./state\n',
  'a key that belongs elsewhere': 'settle: 5s\n',
  'a key that nobody knows': 'entirely_unlike: 5s\n',
  secrets: 'nemo: {token: x}\nhttp: {token: y}\n',
  'maps and lists in the wrong places': 'rules: 5\nnotify: x\nafter: 3\nfolders:\nlog: [a]\nlimits: 4\n',
  'empty lists': 'rules: []\nfolders: []\n',
  addresses:
    'http: {listen: nowhere, public_url: "https://a:b@nas/?x"}\nnemo: {api_url: "http://nas.lan", web_url: "https://a:b@nas/", client_id: "a b", language: ENGLISH}\nnotify: [{url: nowhere}]\n',
  'an inbox in its outbox':
    'folders:\n  - {inbox: ./a, outbox: ./a/out}\n  - {inbox: ./a, outbox: ./b}\n  - {inbox: ./a/in, outbox: ./a, archive: ./a/old}\n  - {inbox: ./state/in, outbox: ./c}\nstate_dir: ./state\n',
  'folders of neither kind':
    'folders:\n  - {min_age: 7d, originals: archive}\n  - {inbox: ./i, outbox: ./o, originals: replace}\n',
  libraries:
    'folders:\n  - {library: ./l, settle: 5s}\n  - {library: ./m, originals: keep}\n  - {library: ./n, originals: replace}\n  - {library: ./o, originals: replace, archive: ./p}\nrules:\n  - {name: a, engine: nemo}\n  - {name: b, instruction: half}\n  - {name: c, output: "{name}.mp4"}\n',
  commands: 'after:\n  - {run: x}\n  - {run: []}\n  - {run: [5]}\n  - {run: [" "]}\n  - {}\n  - {run: ["a\\0"]}\n',
  'a fleet': 'engine: fleet\nlocal: {device: "a,b"}\nworker: {name: "My Desk", codecs: [], mounts: 5}\n',
  'half a fleet': 'fleet: {queue: "redis://nas:6379", tls_cert: ./a}\nworker: {daemon: nas, mounts: [{}]}\n',
  'a queue with a password': 'fleet: {queue: "rediss://a:b@nas:6379"}\n',
};

describe('what check says of a configuration can be read in Chinese (was: English only)', () => {
  it.each(Object.entries(CASES))('%s', (_, text) => {
    const problems = problemsIn(text);
    expect(problems.length).toBeGreaterThan(0);
    const said = problems.map(({ message }) => inChinese(saidBy(message)) ?? message);
    // Keys, examples and what stands in the file are what they are; two English words in a row are a sentence.
    const english = /(?<![-"\w./:[@])\b(?!did\b)[a-z]{2,} (?:[a-z]{2,}) [a-z]{2,}\b/;
    expect(said.filter(each => english.test(each) || !/\p{Script=Han}/u.test(each))).toEqual([]);
  });
});
