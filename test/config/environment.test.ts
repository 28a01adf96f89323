import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { configFromEnvironment, seeding } from '../../src/config/environment.ts';
import { type Config, parseConfig } from '../../src/config/load.ts';
import { ConfigError, type Problem } from '../../src/config/problems.ts';
import { saidBy } from '../../src/config/told.ts';
import { inChinese } from '../../src/messages/zh/index.ts';

const parsed = (env: Record<string, string>): Config =>
  parseConfig(configFromEnvironment(env), { env: {}, cwd: '/', home: '/', source: '/config/config.yaml' });

function problemsOf(env: Record<string, string>): readonly Problem[] {
  try {
    configFromEnvironment(env);
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
}

const mistakes = (env: Record<string, string>) => problemsOf(env).map(({ path, message }) => `${path} ${message}`);

it('no variables make the built-in rule, in the places of the image', () => {
  expect(parsed({ PATH: '/bin' })).toMatchObject({
    stateDir: '/state',
    folders: [{ inbox: '/videos/inbox', outbox: '/videos/outbox', originals: 'keep' }],
    rules: [
      {
        size: { kind: 'bytes', bytes: 50_000_000 },
        resolution: { kind: 'lines', lines: 1080 },
        floor: 'good',
        belowFloor: 'keep-quality',
      },
    ],
    http: { listen: { host: '0.0.0.0', port: 8788 }, tokenFile: '/state/http.token' },
    log: { format: 'pretty' },
  });
});

it.each<[string, string, object]>([
  ['SHRINKBOX_SIZE', '25%', { rules: [{ size: { kind: 'share' } }] }],
  ['SHRINKBOX_SIZE', '18 MB', { rules: [{ size: { bytes: 18_000_000 }, floor: 'decent', belowFloor: 'hold' }] }],
  ['SHRINKBOX_RESOLUTION', '720p', { rules: [{ resolution: { lines: 720 } }] }],
  ['SHRINKBOX_RESOLUTION', 'keep', { rules: [{}] }],
  ['SHRINKBOX_FPS', '30', { rules: [{ fps: 30 }] }],
  ['SHRINKBOX_AUDIO', 'mute', { rules: [{ audio: { kind: 'mute' } }] }],
  ['SHRINKBOX_CODEC', 'h265', { rules: [{ codec: 'h265' }] }],
  ['SHRINKBOX_ORIGINALS', 'archive', { folders: [{ originals: 'archive', archive: '/videos/originals' }] }],
  ['SHRINKBOX_HOURS', '22:00-07:00', { limits: { localHours: expect.anything() } }],
  ['SHRINKBOX_THREADS', '2', { local: { threads: 2 } }],
  ['SHRINKBOX_EFFORT', 'fast', { local: { effort: 'fast' } }],
  ['SHRINKBOX_ENGINE', 'nemo', { engine: 'nemo' }],
  ['SHRINKBOX_URL', 'https://nas.home/shrinkbox/', { http: { publicUrl: expect.stringContaining('nas.home') } }],
  ['SHRINKBOX_NOTIFY', 'https://ntfy.sh/topic', { notify: [{ url: 'https://ntfy.sh/topic' }] }],
  ['SHRINKBOX_LOG', 'debug', { log: { level: 'debug', format: 'pretty' } }],
])('%s=%s', (name, value, config) => {
  expect(parsed({ [name]: value })).toMatchObject(config);
});

it('archive days need an archive, as in a file', () => {
  expect(parsed({ SHRINKBOX_ORIGINALS: 'archive', SHRINKBOX_ARCHIVE_DAYS: '90' }).folders[0]).toMatchObject({
    archiveDays: 90,
  });
});

it('an empty variable, as forms send it, counts as not set', () => {
  expect(configFromEnvironment({ SHRINKBOX_SIZE: '', SHRINKBOX_FPS: ' ' })).toBe(configFromEnvironment({}));
});

it('all mistakes are said at once, under the names of the variables', () => {
  expect(mistakes({ SHRINKBOX_SIZE: '50 megs', SHRINKBOX_CODEC: 'vp9', SHRINKBOX_RESOLUTON: '720p' })).toEqual([
    expect.stringMatching(/^SHRINKBOX_RESOLUTON is not a setting; did you mean "SHRINKBOX_RESOLUTION"/),
    expect.stringMatching(/^SHRINKBOX_SIZE "50 megs"/),
    expect.stringMatching(/^SHRINKBOX_CODEC /),
  ]);
});

it('a mistake in the environment can be said in Chinese (was: in English in every language)', () => {
  const env = { SHRINKBOX_SIZE: '50 megs', SHRINKBOX_RESOLUTON: '720p', SHRINKBOX_COLOUR_OF_CAT: 'red' };
  const said = problemsOf(env).map(({ message }) => saidBy(message));
  expect(said.map(inChinese)).toEqual([
    '不是可用的设置；是否想写“SHRINKBOX_RESOLUTION”？',
    expect.stringMatching(/^不是可用的设置；可用的有 SHRINKBOX_SIZE/),
    expect.stringContaining('"50 megs"'),
  ]);
  expect(said.map(({ code }) => code)).not.toContain('verbatim');
});

it('a value cannot become anything but a value', () => {
  expect(mistakes({ SHRINKBOX_SIZE: '50MB\nengine: nemo' })).toEqual([expect.stringMatching(/^SHRINKBOX_SIZE /)]);
  expect(mistakes({ SHRINKBOX_NOTIFY: '{ url: x }' })).toEqual([expect.stringMatching(/^SHRINKBOX_NOTIFY /)]);
});

it('a file that nobody touched follows the variables; one that was edited is left alone, and says what has no effect', () => {
  const first = seeding(undefined, { SHRINKBOX_SIZE: '20MB' });
  const text = first.kind === 'write' ? first.text : '';
  expect(text).toContain('size: 20MB');
  expect(seeding(text, { SHRINKBOX_SIZE: '20MB' })).toEqual({ kind: 'keep' });
  expect(seeding(text, { SHRINKBOX_SIZE: '30MB' })).toMatchObject({
    kind: 'write',
    text: expect.stringContaining('30MB'),
  });
  const edited = text.replace('20MB', '25MB');
  expect(seeding(edited, { SHRINKBOX_SIZE: '30MB' })).toEqual({ kind: 'own', ignored: ['SHRINKBOX_SIZE'] });
  expect(seeding(`${text}# a note\n`, {})).toEqual({ kind: 'own', ignored: [] });
  expect(seeding('', {})).toEqual({ kind: 'own', ignored: [] });
});

it.each(['compose.yaml', 'container/unraid.xml', 'docs/containers.md'])('%s names only settings there are', file => {
  const text = readFileSync(join(import.meta.dirname, '../..', file), 'utf8');
  const named = [...new Set(text.match(/SHRINKBOX_[A-Z]+(?:_[A-Z]+)*/g))];
  expect(named).toContain('SHRINKBOX_SIZE');
  const unknown = named.flatMap(name => mistakes({ [name]: 'x' })).filter(said => said.includes('is not a setting'));
  expect(unknown).toEqual([]);
});
