import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NEMO_FORMATS } from '../../../../src/engine/engine.ts';
import { createAddressPolicy, isPrivate } from '../../../../src/engine/nemo/http/address-policy.ts';
import { attributionHeaders, platformOf } from '../../../../src/engine/nemo/http/attribution.ts';
import { lifeOf } from '../../../../src/engine/nemo/account/auth.ts';
import { messageBody } from '../../../../src/engine/nemo/message/stream.ts';
import { createRenderIds, renderBody, renderStatus } from '../../../../src/engine/nemo/render/render.ts';
import { checkFormat, uploadedFrom } from '../../../../src/engine/nemo/session/upload.ts';
import { nextDeadline, type WatchState } from '../../../../src/engine/nemo/message/deadlines.ts';
import { scaledClock } from '../../../support/nemo-server/clock.ts';

describe('attribution', () => {
  const home = '/home/ann';
  it.each([
    ['the environment', 'github', `${home}/.clawhub/x`, 'github'],
    ['clawhub by its path', undefined, `${home}/.clawhub/shrinkbox`, 'clawhub'],
    ['cursor by its path', undefined, `${home}/.cursor/skills/shrinkbox`, 'cursor'],
    ['somewhere else in .cursor', undefined, `${home}/.cursor/shrinkbox`, 'unknown'],
    ['somebody else at home', undefined, '/home/bob/.clawhub/x', 'unknown'],
    ['anywhere else', undefined, '/opt/shrinkbox', 'unknown'],
    ['an empty environment', '', '/opt/shrinkbox', 'unknown'],
    ['an environment no header can carry', 'x\r\nEvil: 1', '/opt', 'xEvil: 1'],
  ])('names the platform: %s', (_, source, path, platform) => {
    expect(platformOf(source, path, home)).toBe(platform);
  });

  it('looks in the home of who runs it', () => {
    expect(platformOf(undefined, join(homedir(), '.clawhub/a'))).toBe('clawhub');
  });

  it('has all three headers, whatever was configured', () => {
    expect(attributionHeaders({ source: 'video-compressor-download', version: '1.0.0', platform: 'unknown' })).toEqual({
      'X-Skill-Source': 'video-compressor-download',
      'X-Skill-Version': '1.0.0',
      'X-Skill-Platform': 'unknown',
    });
    expect(attributionHeaders({ source: '', version: '版本', platform: '' })).toEqual({
      'X-Skill-Source': 'unknown',
      'X-Skill-Version': 'unknown',
      'X-Skill-Platform': 'unknown',
    });
  });
});

describe('formats', () => {
  it.each([...NEMO_FORMATS])('.%s is taken', format => {
    expect(() => checkFormat(`clip.${format}`)).not.toThrow();
    expect(() => checkFormat(`CLIP.${format.toUpperCase()}`)).not.toThrow();
  });

  it.each(['clip.m4v', 'clip.ts', 'clip.wmv', 'clip.txt', 'clip', 'clip.', '.mp4', 'clip.jpeg'])(
    '%s is refused with the list',
    name => {
      expect(() => checkFormat(name)).toThrow(
        expect.objectContaining({
          code: 'unsupported-file',
          hint: expect.stringContaining('mp4, mov, avi, webm, mkv, jpg, png, gif, webp, mp3, wav, m4a, aac'),
        }),
      );
    },
  );
});

describe('bodies', () => {
  it('of a message hold the documented fields and no others', () => {
    expect(messageBody('5529798706024415232', 'say "hi"')).toBe(
      '{"app_name":"nemo_agent","user_id":"me","session_id":"5529798706024415232","new_message":{"parts":[{"text":"say \\"hi\\""}]}}',
    );
  });

  it('of a render hold the draft exactly as it came', () => {
    const draft = '{ "id":9007199254740993, "10":1,"2":2 }';
    expect(renderBody({ id: 'render_1', sessionId: '5529798706024415232', draft, output: { format: 'mp4' } })).toBe(
      `{"id":"render_1","sessionId":"5529798706024415232","draft":${draft},"output":{"format":"mp4","quality":"high"}}`,
    );
    expect(
      renderBody({ id: 'r', sessionId: 's', draft: '{}', output: { format: 'mp4', resolution: '1080p' } }),
    ).toContain('"output":{"format":"mp4","quality":"high","resolution":"1080p"}');
  });

  it('of renders never have the same id twice', () => {
    const next = createRenderIds({ ...scaledClock(1), now: () => 1000 }, () => 0.5);
    expect([next(), next(), next()]).toEqual(['render_1000500', 'render_1000501', 'render_1000502']);
  });
});

describe("a render's status", () => {
  const completed = (url: string | undefined, changes: object = {}) => ({
    kind: 'completed',
    url,
    durationS: undefined,
    bytes: undefined,
    ...changes,
  });
  it.each<[string, object, object]>([
    [
      'shape A',
      { success: true, data: { id: 'r', status: 'completed', progress: 100, outputUrl: 'https://c/r.mp4' } },
      completed('https://c/r.mp4'),
    ],
    [
      'shape B',
      {
        taskId: 'r',
        status: 'completed',
        progress: 100,
        output: { url: 'https://c/r.mp4', duration: 30.5, size: 15728640 },
      },
      completed('https://c/r.mp4', { durationS: 30.5, bytes: 15728640 }),
    ],
    [
      'the main envelope',
      { code: 0, data: { status: 'completed', output: { url: 'https://c' } } },
      completed('https://c'),
    ],
    ['another word for completed', { data: { status: 'SUCCEEDED', video_url: 'https://c' } }, completed('https://c')],
    ['completed without an address', { data: { status: 'done' } }, completed(undefined)],
    ['pending', { data: { status: 'pending', progress: 5 } }, { kind: 'pending', fraction: 0.05 }],
    ['processing, in fractions', { status: 'processing', progress: 0.42 }, { kind: 'pending', fraction: 0.42 }],
    ['queued without progress', { status: 'queued' }, { kind: 'pending', fraction: undefined }],
    ['a word nobody knows', { status: 'warming-up' }, { kind: 'pending', fraction: undefined }],
    ['failed', { data: { status: 'failed', error: 'out of memory' } }, { kind: 'failed', why: 'out of memory' }],
    ['failed, in another field', { status: 'error', errorMessage: 'no' }, { kind: 'failed', why: 'no' }],
    ['cancelled', { data: { status: 'cancelled' } }, { kind: 'failed', why: 'no reason given' }],
  ])('is read from %s', (_, body, status) => {
    expect(renderStatus(body as never)).toEqual(status);
  });
});

describe('what an upload said', () => {
  it.each<[object, object]>([
    [
      { files: [{ filename: 'a', cdn_url: 'u', duration: 30.5 }], session_state_applied: true },
      { durationS: 30.5, applied: true },
    ],
    [{ files: [{ filename: 'a', cdn_url: 'u' }], session_state_applied: false }, { applied: false }],
    [{ files: { filename: 'a' } }, { applied: true }],
    [
      { cdn_url: 'u', duration: '3' },
      { durationS: 3, applied: true },
    ],
    [{}, { applied: false }],
  ])('%j', (payload, uploaded) => {
    expect(uploadedFrom(payload as never)).toEqual(uploaded);
  });
});

describe('how long a stream is listened to', () => {
  const limits = { messageTimeout: 900_000, heartbeatTimeout: 600_000 };
  const state = (changes: Partial<WatchState>): WatchState => ({
    sentAt: 0,
    substanceAt: 0,
    noticedAt: 0,
    mayBeOver: false,
    ...changes,
  });
  it.each<[string, Partial<WatchState>, string, number]>([
    ['a word to the person every two minutes', {}, 'notice', 120_000],
    ['ten minutes without substance', { noticedAt: 540_000 }, 'heartbeats-only', 600_000],
    ['fifteen minutes in all', { noticedAt: 840_000, substanceAt: 840_000 }, 'hard', 900_000],
    [
      'a minute and a half after a whole reply',
      { noticedAt: 100_000, substanceAt: 100_000, mayBeOver: true },
      'quiet-after-reply',
      190_000,
    ],
    ['not after a reply with a tool at work', { noticedAt: 100_000, substanceAt: 100_000 }, 'notice', 220_000],
  ])('%s', (_, changes, what, at) => {
    expect(nextDeadline(state(changes), limits)).toEqual({ at, what });
  });
});

describe('a token lasts', () => {
  const now = 1_800_000_000_000;
  const week = 7 * 86_400_000;
  it.each<[unknown, number]>([
    ['2027-03-18T00:00:00Z', Date.UTC(2027, 2, 18) - now],
    [1_900_000_000, 100_000_000_000],
    [1_900_000_000_000, 100_000_000_000],
    ['1900000000', 100_000_000_000],
    [undefined, week],
    ['soon', week],
    ['2020-01-01T00:00:00Z', week],
  ])('%j', (value, life) => {
    expect(lifeOf(value, Number.NaN, now)).toBe(life);
  });

  it('by the clock of who gave it, whatever the one here says', () => {
    const expiry = new Date(now + week).toISOString();
    expect(lifeOf(expiry, now, now + 30 * 86_400_000)).toBe(week);
    expect(lifeOf(expiry, now, 0)).toBe(week);
  });
});

describe('addresses results may come from', () => {
  it.each([
    ['127.0.0.1', true],
    ['10.1.2.3', true],
    ['172.16.0.1', true],
    ['172.32.0.1', false],
    ['192.168.1.1', true],
    ['169.254.169.254', true],
    ['100.64.0.1', true],
    ['0.0.0.0', true],
    ['224.0.0.1', true],
    ['255.255.255.255', true],
    ['8.8.8.8', false],
    ['1.1.1.1', false],
    ['::1', true],
    ['::', true],
    ['fe80::1', true],
    ['fd00::1', true],
    ['ff02::1', true],
    ['::ffff:127.0.0.1', true],
    ['::ffff:7f00:1', true],
    ['::ffff:808:808', false],
    ['2606:4700:4700::1111', false],
    ['not an address', true],
  ])('%s is private: %s', (address, is) => {
    expect(isPrivate(address)).toBe(is);
  });

  const policy = createAddressPolicy('https://api.example');
  it.each([
    'ftp://c.example/x',
    'file:///etc/passwd',
    'nonsense',
    'http://127.0.0.1/x',
    'http://0x7f000001/x',
    'http://[::1]/x',
    'http://[::ffff:10.0.0.1]/x',
    'http://169.254.169.254/latest',
  ])('refuses %s', url => {
    expect(() => policy.check(url)).toThrow(expect.objectContaining({ code: 'bad-answer' }));
  });

  it.each(['https://c.example/x', 'http://8.8.8.8/x'])('takes %s', url => {
    expect(() => policy.check(url)).not.toThrow();
  });

  it('takes the address the API itself is at, and no other private one', () => {
    const local = createAddressPolicy('http://127.0.0.1:8080');
    expect(() => local.check('http://127.0.0.1:9999/x')).not.toThrow();
    expect(() => local.check('http://127.0.0.2/x')).toThrow();
  });

  const look = (addresses: { address: string; family: number }[], host = 'c.example') =>
    new Promise<unknown>((resolve, reject) => {
      const fake = ((_host: string, _options: object, callback: (error: null, found: object) => void) =>
        callback(null, addresses)) as never;
      createAddressPolicy('https://api.example', fake).lookup(host, { all: true }, (error, found) =>
        error ? reject(error) : resolve(found),
      );
    });

  it('refuses a name that leads into a private network, at the moment of connecting', async () => {
    await expect(look([{ address: '10.0.0.1', family: 4 }])).rejects.toMatchObject({ code: 'bad-answer' });
    await expect(
      look([
        { address: '10.0.0.1', family: 4 },
        { address: '8.8.8.8', family: 4 },
      ]),
    ).resolves.toEqual([{ address: '8.8.8.8', family: 4 }]);
    await expect(look([{ address: '10.0.0.1', family: 4 }], 'api.example')).resolves.toHaveLength(1);
  });
});
