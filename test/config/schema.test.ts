import { describe, expect, test } from 'vitest';
import { jsonSchema } from '../../src/config/schema.ts';
import { parse } from './support.ts';

interface Node {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: string[];
  pattern?: string;
  examples?: string[];
  properties?: Record<string, Node>;
  required?: string[];
  additionalProperties?: boolean;
  items?: Node;
  anyOf?: Node[];
}

/** Every key of the configuration with its path: `folders[].inbox`. */
function keys(node: Node, path = ''): [string, Node][] {
  const own = Object.entries(node.properties ?? {}).flatMap(([key, inner]): [string, Node][] => {
    const here = path ? `${path}.${key}` : key;
    return [[here, inner], ...keys(inner, here)];
  });
  const alternatives = (node.anyOf ?? []).flatMap(inner => keys(inner, path));
  return [...own, ...alternatives, ...(node.items ? keys(node.items, `${path}[]`) : [])];
}

const schema = jsonSchema() as Node & { $schema: string; title: string };
const all = keys(schema);

describe('the JSON Schema', () => {
  test('is one editors understand', () => {
    expect(schema.$schema).toBe('http://json-schema.org/draft-07/schema#');
    expect(schema.title).toBe('shrinkbox configuration');
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  });

  test('knows the keys of the contract, and no other', () => {
    expect(all.map(([path]) => path)).toEqual([
      'state_dir',
      'engine',
      'folders',
      ...['inbox', 'outbox', 'library', 'rules', 'originals', 'archive', 'archive_days'].map(key => `folders[].${key}`),
      ...['i_have_a_backup', 'min_age', 'settle', 'scan', 'reports'].map(key => `folders[].${key}`),
      'rules',
      ...[
        'name',
        'match',
        'min_size',
        'size',
        'resolution',
        'fps',
        'audio',
        'codec',
        'quality',
        'instruction',
        'engine',
        'fallback',
        'output',
        'min_saving',
        'floor',
        'below_floor',
        'skip',
      ].map(key => `rules[].${key}`),
      'limits',
      ...['local', 'nemo', 'uploads', 'requests_per_minute', 'upload_rate', 'local_hours', 'min_free'].map(
        key => `limits.${key}`,
      ),
      'nemo',
      ...[
        'api_url',
        'web_url',
        'token_file',
        'client_id',
        'language',
        'poll_interval',
        'poll_limit',
        'message_timeout',
        'heartbeat_timeout',
      ].map(key => `nemo.${key}`),
      'nemo.recovery',
      ...['first', 'every', 'checks'].map(key => `nemo.recovery.${key}`),
      ...['retry_after', 'max_upload', 'oversize', 'session'].map(key => `nemo.${key}`),
      'local',
      ...['ffmpeg', 'ffprobe', 'effort', 'threads', 'hardware', 'device'].map(key => `local.${key}`),
      'fleet',
      ...[
        'queue',
        'password_file',
        'queue_ca',
        'listen',
        'tls_cert',
        'tls_key',
        'token_file',
        'films',
        'lease',
        'slices',
        'verify',
      ].map(key => `fleet.${key}`),
      'worker',
      ...[
        ...['daemon', 'token_file', 'name', 'slots', 'scratch', 'scratch_max', 'hours', 'threads', 'codecs', 'mounts'],
        ...['mounts[].from', 'mounts[].to'],
      ].map(key => `worker.${key}`),
      'http',
      ...['listen', 'token_file', 'public_url'].map(key => `http.${key}`),
      'notify',
      ...['url', 'on'].map(key => `notify[].${key}`),
      'after',
      ...['run', 'timeout', 'on'].map(key => `after[].${key}`),
      'log',
      ...['level', 'format'].map(key => `log.${key}`),
    ]);
  });

  test.each(all)('%s says what it is for', (_, node) => {
    expect(node.description).toMatch(/^\S.{10,}[.]$/);
  });

  test('refuses unknown keys everywhere', () => {
    const maps = [schema, ...all.map(([, node]) => node)]
      .flatMap(node => [node, node.items ?? {}])
      .filter(node => node.properties);
    expect(maps).toHaveLength(14);
    for (const map of maps) expect(map.additionalProperties).toBe(false);
  });

  test('its patterns take its own examples and defaults', () => {
    for (const [path, { pattern, examples = [], default: fallback }] of all) {
      if (pattern === undefined) continue;
      for (const example of [...examples, ...(typeof fallback === 'string' ? [fallback] : [])]) {
        expect([path, example, new RegExp(pattern).test(example)]).toEqual([path, example, true]);
      }
    }
  });

  test('its defaults, written out, are the built-in configuration', () => {
    const written: Record<string, unknown> = {};
    for (const [key, node] of Object.entries(schema.properties ?? {})) {
      const inner = Object.entries(node.properties ?? {}).filter(([, leaf]) => leaf.default !== undefined);
      written[key] =
        inner.length > 0 ? Object.fromEntries(inner.map(([name, leaf]) => [name, leaf.default])) : node.default;
    }
    // Nobody has a fleet, and no machine is a worker, unless somebody says so.
    const { fleet: _fleet, worker: _worker, ...builtIn } = written;
    expect(parse(JSON.stringify(builtIn))).toEqual(parse('{}'));
    expect(Object.keys(written)).toHaveLength(13);
  });
});
