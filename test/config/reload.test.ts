import { describe, expect, it } from 'vitest';
import { type Config, parseConfig } from '../../src/config/load.ts';
import { planReload } from '../../src/config/reload.ts';
import { jsonSchema } from '../../src/config/schema.ts';

const parse = (text: string): Config =>
  parseConfig(text, { env: {}, cwd: '/srv', home: '/home/me', source: '/srv/config.yaml' });
const plan = (before: string, after: string) => planReload(parse(before), parse(after));

describe('a changed configuration', () => {
  it.each<[string, string]>([
    ['engine', 'engine: nemo'],
    ['folders', 'folders: [{inbox: a, outbox: b}]'],
    ['rules', 'rules: [{size: 1MB}]'],
    ['limits.local', 'limits: {local: 3}'],
    ['limits.nemo', 'limits: {nemo: 9}'],
    ['limits.local_hours', 'limits: {local_hours: "22:00-07:00"}'],
    ['limits.min_free', 'limits: {min_free: 2%}'],
    ['notify', 'notify: [{url: "https://ntfy.sh/x"}]'],
    ['after', 'after: [{run: [ls]}]'],
    ['log.level', 'log: {level: debug}'],
  ])('%s counts at once', (key, text) => {
    const { applied, needsRestart, effective } = plan('{}', text);
    expect([needsRestart, effective]).toEqual([[], parse(text)]);
    expect(applied).toContain(key);
  });

  it.each<[string, string]>([
    ['state_dir', 'state_dir: elsewhere'],
    ['nemo', 'nemo: {language: zh-CN}'],
    ['local', 'local: {effort: best}'],
    ['http.listen', 'http: {listen: "off"}'],
    ['http.token_file', 'http: {token_file: t}'],
    ['http.public_url', 'http: {public_url: "https://nas.home"}'],
    ['limits.uploads', 'limits: {uploads: 9}'],
    ['limits.requests_per_minute', 'limits: {requests_per_minute: 9}'],
    ['limits.upload_rate', 'limits: {upload_rate: 1MB/s}'],
    ['log.format', 'log: {format: json}'],
  ])('%s waits for a restart', (key, text) => {
    const { applied, needsRestart, effective } = plan('{}', text);
    expect([applied, needsRestart]).toEqual([[], [key]]);
    expect(effective).toEqual(parse('{}'));
  });

  it('takes what it can and leaves the rest', () => {
    const { applied, needsRestart, effective } = plan('{}', 'state_dir: elsewhere\nlimits: {local: 2, uploads: 9}');
    expect([applied, needsRestart]).toEqual([['limits.local'], ['state_dir', 'limits.uploads']]);
    expect(effective).toEqual(parse('limits: {local: 2}'));
  });

  it('is nothing when nothing changed', () => {
    expect(plan('rules: [{size: 1MB}]', 'rules: [{size: 1MB}]')).toMatchObject({ applied: [], needsRestart: [] });
  });

  it('every key of the schema is one or the other', () => {
    const { properties } = jsonSchema() as { properties: Record<string, { properties?: object }> };
    const nested = ['limits', 'http', 'log'];
    const keys = Object.entries(properties).flatMap(([key, value]) =>
      nested.includes(key) ? Object.keys(value.properties ?? {}).map(inner => `${key}.${inner}`) : [key],
    );
    const known = [
      ...['engine', 'folders', 'rules', 'limits.local', 'limits.nemo', 'limits.local_hours', 'limits.min_free'],
      ...[
        'notify',
        'after',
        'log.level',
        'state_dir',
        'nemo',
        'local',
        'fleet',
        'worker',
        'http.listen',
        'http.token_file',
        'http.public_url',
      ],
      ...['limits.uploads', 'limits.requests_per_minute', 'limits.upload_rate', 'log.format'],
    ];
    expect(keys.sort()).toEqual(known.sort());
  });
});
