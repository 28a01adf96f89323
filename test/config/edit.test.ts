import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  type ConfigEdit,
  editConfig,
  RULE_KEYS,
  type RuleEdit,
  type RuleKey,
  type Written,
} from '../../src/config/edit.ts';

/** With the rules that it only shows. */
const EXAMPLE = readFileSync(new URL('../../config.example.yaml', import.meta.url), 'utf8')
  .replace(/^ {2}#(- | {2})(?=[a-z_]+:)/gm, '  $1')
  .replace('    #rules:', '    rules:');

/** The rules of a text as an edit that changes nothing. */
function rulesOf(text: string): { was: number; values: Partial<Record<RuleKey, Written>> }[] {
  const { rules } = parse(text, { merge: true }) as { rules: Record<string, Written>[] };
  return rules.map((rule, was) => ({
    was,
    values: Object.fromEntries(RULE_KEYS.filter(key => key in rule).map(key => [key, rule[key]])),
  }));
}

/** Lines that are in one text only, `-` and `+` before them. */
function changes(before: string, after: string | undefined): string[] {
  const [old, now] = [before.split('\n'), (after ?? '').split('\n')];
  return [
    ...old.filter(line => !now.includes(line)).map(line => `-${line}`),
    ...now.filter(line => !old.includes(line)).map(line => `+${line}`),
  ];
}

const withRule = (text: string, index: number, values: Partial<Record<RuleKey, Written | undefined>>): RuleEdit[] =>
  rulesOf(text).map(each =>
    each.was === index ? { ...each, values: { ...each.values, ...values } as RuleEdit['values'] } : each,
  );

describe('the example', () => {
  it('an edit that changes nothing leaves every character', () => {
    const folders = [['mail', 'phone', 'everything']];
    expect(editConfig(EXAMPLE, { rules: rulesOf(EXAMPLE), folders, notify: [], hours: null })).toBe(EXAMPLE);
  });

  it('one value changes one line, and keeps its comment', () => {
    const made = editConfig(EXAMPLE, { rules: withRule(EXAMPLE, 0, { size: '25MB' }) });
    expect(changes(EXAMPLE, made)).toEqual([
      '-    size: 18MB # at most; or a share of the original, such as 25%',
      '+    size: 25MB # at most; or a share of the original, such as 25%',
    ]);
  });

  it('a list of patterns, a key that is removed and one that is new', () => {
    const rules = withRule(EXAMPLE, 1, { match: ['*.mov', 'dji/**'], min_size: undefined, resolution: '640x360' });
    expect(changes(EXAMPLE, editConfig(EXAMPLE, { rules }))).toEqual([
      "-    match: ['*.mov', 'camera/**', '!*.small.mov'] # any of the first two, but none that match the last",
      '-    min_size: 20MB # smaller files are left to the next rules',
      "+    match: ['*.mov', dji/**] # any of the first two, but none that match the last",
      '+    resolution: 640x360',
    ]);
  });

  it('a rule that moves takes its comments along', () => {
    const [mail, phone, everything] = rulesOf(EXAMPLE);
    const made = editConfig(EXAMPLE, { rules: [phone, mail, everything] as RuleEdit[] }) ?? '';
    expect(changes(EXAMPLE, made)).toEqual([]);
    const at = (text: string) => made.indexOf(text);
    expect(at('# Long recordings')).toBeLessThan(at('- name: phone'));
    expect(at('#instruction: 1080p')).toBeLessThan(at('# Small enough'));
    expect(at('# Small enough')).toBeLessThan(at('- name: mail'));
    expect(at('# Everything else')).toBeGreaterThan(at('- name: mail'));
  });

  it('a rule that goes takes its comments along, a new one comes last', () => {
    const [mail, , everything] = rulesOf(EXAMPLE);
    const fresh: RuleEdit = { was: null, values: { name: 'tiny', match: 'chat/**', size: '8MB' } };
    const made = editConfig(EXAMPLE, { rules: [mail, everything, fresh] as RuleEdit[], folders: [null] }) ?? '';
    expect(made).not.toContain('camera');
    expect(made).toContain(
      'skip: false # default; true leaves matching files alone\n  - name: tiny\n    match: chat/**\n    size: 8MB\n\n# How much',
    );
    expect(made).not.toContain('rules: [mail');
  });

  it('hours come and go', () => {
    const made = editConfig(EXAMPLE, { hours: '22:00-07:00' }) ?? '';
    expect(changes(EXAMPLE, made)).toEqual(['+  local_hours: 22:00-07:00']);
    expect(editConfig(made, { hours: null })).toBe(EXAMPLE);
  });
});

const SMALL =
  'rules:\n- {name: a, size: 5MB, engine: nemo}\n- size: 8MB # small\n  name: b\nnotify: [{url: "https://x.example/k", on: done}]\n';

describe('other ways to write', () => {
  it.each<[string, string, ConfigEdit, string]>([
    [
      'nothing but comments',
      '# mine\nlog: {level: info}',
      { hours: '1:00-2:00' },
      '# mine\nlog: {level: info}\nlimits:\n  local_hours: 1:00-2:00\n',
    ],
    [
      'an empty section',
      'limits:\n  #local: 2\nlog:\n  level: info\n',
      { hours: '22:00-07:00' },
      'limits:\n  local_hours: 22:00-07:00\n  #local: 2\nlog:\n  level: info\n',
    ],
    [
      'no rules so far',
      'engine: local\n',
      { rules: [{ was: null, values: { name: 'a', fps: 30, skip: true } }] },
      'engine: local\nrules:\n  - name: a\n    fps: 30\n    skip: true\n',
    ],
    ['braces', SMALL, { rules: withRule(SMALL, 0, { size: '9MB' }) }, SMALL.replace('5MB', '9MB')],
    [
      'more in braces',
      SMALL,
      { rules: withRule(SMALL, 0, { fps: 30 }) },
      SMALL.replace('{name: a, size: 5MB, engine: nemo}', '{engine: nemo, name: a, size: 5MB, fps: 30}'),
    ],
    [
      'a first key that goes',
      SMALL,
      { rules: withRule(SMALL, 1, { size: undefined, codec: 'av1' }) },
      SMALL.replace('size: 8MB # small\n  name: b', 'name: b\n  codec: av1'),
    ],
    [
      'what is told',
      SMALL,
      { notify: [['held', 'failed']] },
      SMALL.replace('{url: "https://x.example/k", on: done}', '{url: "https://x.example/k", on: [held, failed]}'),
    ],
    [
      'a list below its key',
      'folders:\n  - inbox: ./i\n    outbox: ./o\n    rules:\n      - a\n      # and\n      - b\n    scan: auto\nrules:\n  - name: a\n  - name: b\n',
      { folders: [['b']] },
      'folders:\n  - inbox: ./i\n    outbox: ./o\n    rules: [b]\n    scan: auto\nrules:\n  - name: a\n  - name: b\n',
    ],
  ])('%s', (_, text, edit, wanted) => {
    expect(editConfig(text, edit)).toBe(wanted);
  });

  it.each<[string, string, ConfigEdit]>([
    [
      'a rule that repeats another',
      'rules:\n  - &a {name: a, size: 5MB}\n  - *a\n',
      {
        rules: [
          { was: 0, values: { name: 'a' } },
          { was: 1, values: { name: 'b' } },
        ],
      },
    ],
    [
      'a key that comes from elsewhere',
      'x: &x {size: 5MB}\nrules:\n  - <<: *x\n    name: a\n',
      { rules: [{ was: 0, values: { name: 'a' } }] },
    ],
    ['more folders than there are', 'folders: [{inbox: a, outbox: b}]\n', { folders: [null, null] }],
    ['a rule that is not there', 'rules: [{name: a}]\n', { rules: [{ was: 3, values: { name: 'a' } }] }],
    ['a file that is no YAML', 'rules: [', { hours: null }],
  ])('refuses %s', (_, text, edit) => {
    expect(editConfig(text, edit)).toBeUndefined();
  });
});

describe('who reaches the page', () => {
  const http = { listen: '0.0.0.0:8788', token_file: './http-token' };

  it('one line of the example changes, and one comes', () => {
    expect(changes(EXAMPLE, editConfig(EXAMPLE, { http }))).toEqual([
      expect.stringMatching(/^- {2}listen: 127\.0\.0\.1:8788 # default/),
      expect.stringMatching(/^\+ {2}listen: 0\.0\.0\.0:8788 # default/),
      '+  token_file: ./http-token',
    ]);
  });

  it.each<[string, string, string]>([
    [
      'a new section',
      '# mine\nengine: local # none',
      '# mine\nengine: local # none\nhttp:\n  listen: 0.0.0.0:8788\n  token_file: ./http-token\n',
    ],
    [
      'a section of remarks',
      'http: # page\n  #listen: off\nlog: {}\n',
      'http: # page\n  listen: 0.0.0.0:8788\n  token_file: ./http-token\n  #listen: off\nlog: {}\n',
    ],
    [
      'braces',
      'http: { listen: off }\nengine: local\n',
      'http: {listen: 0.0.0.0:8788, token_file: ./http-token}\nengine: local\n',
    ],
  ])('%s', (_, text, wanted) => expect(editConfig(text, { http })).toBe(wanted));

  it.each(['- a list\n', 'x: &a {listen: off}\nhttp: *a\n', 'http: 5\n'])('%j is left to a person', text => {
    expect(editConfig(text, { http })).toBeUndefined();
  });
});

it('whatever is done to the rules, the rest stays and they mean what was asked', () => {
  const value = fc.constantFrom<Written>('5MB', '25%', 'a: b', '# no', "it's", '', 30, true, ['*.mov', '!x']);
  const values = fc.dictionary(fc.constantFrom(...RULE_KEYS), value, { minKeys: 1 });
  const rule = fc.record({ was: fc.constantFrom(null, 0, 1, 2), values }) as fc.Arbitrary<RuleEdit>;
  const list = fc.uniqueArray(rule, { minLength: 1, selector: ({ was }) => was ?? Symbol() });
  fc.assert(
    fc.property(list, rules => {
      const made = editConfig(EXAMPLE, { rules }) ?? '';
      const [before, after] = [parse(EXAMPLE), parse(made)] as [any, any];
      expect({ ...after, rules: [] }).toEqual({ ...before, rules: [] });
      const kept = (was: number | null) => (was === 2 ? { fallback: 'none' } : {});
      expect(after.rules).toEqual(rules.map(({ was, values: given }) => ({ ...kept(was), ...given })));
      expect(made.slice(0, made.indexOf('\nrules:'))).toBe(EXAMPLE.slice(0, EXAMPLE.indexOf('\nrules:')));
      expect(made.slice(made.indexOf('\n# How much at once'))).toBe(
        EXAMPLE.slice(EXAMPLE.indexOf('\n# How much at once')),
      );
    }),
    { numRuns: 30 },
  );
});
