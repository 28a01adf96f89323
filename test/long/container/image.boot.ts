/** The image as people run it: one story, told in order. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../../src/api/types.ts';
import { eventually } from '../../support/eventually.ts';
import { buildImage, fromCompose, must, podman, removeImages, sizeOf, start, whyNot, IMAGE } from './podman.ts';

const reason = whyNot();
if (reason) console.log(`test:container checks nothing: ${reason}`);

let dir: string;
let compose: string[];
const short = () => join(dir, 'short.mp4');
const long = () => join(dir, 'long.mp4');

beforeAll(() => {
  if (reason) return;
  dir = mkdtempSync(join(tmpdir(), 'shrinkbox-container-'));
  clip(short(), 2);
  clip(long(), 12);
  buildImage();
  compose = fromCompose(dir);
});

afterAll(() => {
  if (reason) return;
  if (process.env['SHRINKBOX_CONTAINER_LOG']) console.log(podman('logs', 'box'));
  removeImages();
  rmSync(dir, { recursive: true });
});

function clip(path: string, seconds: number): void {
  const source = `testsrc2=size=640x360:rate=30:duration=${seconds},noise=alls=20:allf=t`;
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, '-c:v', 'libx264', '-preset', 'ultrafast', path]);
}

const logs = (name = 'box') => {
  const { out, err } = podman('logs', name);
  return out + err;
};
const healthy = (name = 'box') => podman('exec', name, 'shrinkbox', 'healthcheck');
const up = (name = 'box') =>
  eventually(() => healthy(name).code === 0, { what: `${name} to be up`, everyMs: 500, withinMs: 60_000 });
const exitOf = (name = 'box') =>
  eventually(() => must('inspect', '--format', '{{.State.Status}}', name) === 'exited', { withinMs: 30_000 }).then(() =>
    Number(must('inspect', '--format', '{{.State.ExitCode}}', name)),
  );

const jobs = (name = 'box'): JobView[] => JSON.parse(must('exec', name, 'shrinkbox', 'jobs', '--json'));
const jobIs = (file: string, state: string, name = 'box') =>
  eventually(() => jobs(name).find(job => job.source.endsWith(`/${file}`) && job.state === state), {
    what: `${file} to be ${state}`,
    everyMs: 300,
    withinMs: 120_000,
  });

/** As a person does it, into the folder on the host. */
function drop(file: string, as: string, videos = 'videos'): void {
  const inbox = join(dir, videos, 'inbox');
  copyFileSync(file, join(inbox, `${as}.part`));
  renameSync(join(inbox, `${as}.part`), join(inbox, as));
}

/** One request to the page from inside, for the container has a network of its own. */
function request(path: string, options: object = {}): { status: number; text: string } {
  const script = `const [, path, options] = process.argv;
    const o = JSON.parse(options);
    if (o.file) o.body = require('node:fs').readFileSync(o.file);
    fetch('http://127.0.0.1:8788' + path, o).then(async r => console.log(JSON.stringify({ status: r.status, text: await r.text() })));`;
  return JSON.parse(must('exec', 'box', 'as-user', 'node', '-e', script, path, JSON.stringify(options)));
}

const token = () => readFileSync(join(dir, 'state/http.token'), 'utf8').trim();
const outbox = (videos = 'videos') => readdirSync(join(dir, videos, 'outbox')).sort();
const ownerOf = (path: string) => {
  const { uid, gid, mode } = statSync(path);
  return `${uid}:${gid} ${(mode & 0o777).toString(8)}`;
};

/** Of the process whose command line contains the words. */
function statusOf(words: string, name = 'box'): string {
  const script =
    'for p in /proc/[0-9]*; do case $(cat $p/cmdline 2>/dev/null) in *"$1"*) cat $p/status; exit;; esac; done';
  return must('exec', name, 'sh', '-c', script, 'sh', words);
}

// Skipped, with the reason printed, where buildah, podman or what they need is missing.
describe.skipIf(reason !== undefined)('the image', () => {
  it('is not large', () => {
    const bytes = sizeOf(IMAGE);
    console.log(`the image has ${(bytes / 1e6).toFixed(0)} MB unpacked`);
    expect(bytes).toBeLessThan(400e6);
  });

  it('starts with what compose.yaml says and nothing else, and shows a link, never the token', async () => {
    start('box', compose);
    await up();
    expect(healthy().out).toMatch(/^running, asked at /);
    expect(logs()).not.toContain(token());
    expect(logs()).toMatch(/#pair=[\w-]{27}\n/);
    expect(request('/api/status').status).toBe(401);
    expect(request('/api/status', { headers: { authorization: `Bearer ${token()}` } }).status).toBe(200);
    expect(readFileSync(join(dir, 'config/config.yaml'), 'utf8')).toContain('size: 50MB');
  });

  it('runs as the user, with no capability left and no way to get one', () => {
    for (const process of ['tini', 'dist/cli.js']) {
      const status = statusOf(process);
      expect(status).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
      expect(status).toMatch(/^Gid:\t1000\t1000\t1000\t1000$/m);
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
        expect(status).toMatch(new RegExp(`^${set}:\t0+$`, 'm'));
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    }
    expect(podman('exec', 'box', 'sh', '-c', 'echo x > /usr/x').code).not.toBe(0);
  });

  it('has what it needs: ffmpeg with its encoders, prlimit, setpriv, flock, the time zone', () => {
    const encoders = must('exec', 'box', 'ffmpeg', '-v', 'error', '-encoders');
    for (const name of ['libx264', 'libx265', 'libsvtav1', 'aac']) expect(encoders).toContain(` ${name} `);
    expect(must('exec', 'box', 'as-user', 'node', '-p', 'Intl.DateTimeFormat().resolvedOptions().timeZone')).toBe(
      'Europe/London',
    );
    expect(must('exec', 'box', 'shrinkbox', 'doctor')).not.toMatch(/^bad /m);
  });

  it('a video dropped by the API comes out smaller, and belongs to the user and the group', async () => {
    must('cp', short(), 'box:/state/up.mp4');
    const bearer = { authorization: `Bearer ${token()}` };
    const dropped = request('/api/drop?inbox=/videos/inbox&name=clip.mp4&words=half+the+size', {
      method: 'POST',
      headers: bearer,
      file: '/state/up.mp4',
    });
    expect(dropped).toMatchObject({ status: 200 });
    await jobIs('clip.mp4', 'done');
    const result = join(dir, 'videos/outbox/clip.mp4');
    expect(statSync(result).size).toBeLessThanOrEqual(statSync(short()).size / 2);
    expect(ownerOf(result)).toBe('1000:1000 664');
  });

  it('a variable that changes counts at the next start; nothing is asked or done again', async () => {
    const before = token();
    must('rm', '--force', '--time', '30', 'box');
    start('box', [
      ...compose,
      '--env',
      'SHRINKBOX_SIZE=40%',
      '--env',
      'SHRINKBOX_EFFORT=fast',
      '--env',
      'SHRINKBOX_THREADS=1',
    ]);
    await up();
    expect(readFileSync(join(dir, 'config/config.yaml'), 'utf8')).toContain('size: 40%');
    expect(token()).toBe(before);
    expect(logs()).not.toContain(before);
    expect(jobs().map(({ state }) => state)).toEqual(['done']);
  });

  it('stops in the middle of an encode within seconds, leaves nothing behind, and goes on', async () => {
    drop(long(), 'long.mp4');
    await eventually(() => jobs().find(job => job.state === 'running' && /pass/.test(job.step ?? '')), {
      what: 'the encode',
      everyMs: 200,
    });
    const began = performance.now();
    must('stop', '--time', '90', 'box');
    console.log(`SIGTERM in mid-encode: ended after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    expect(await exitOf()).toBe(0);
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(outbox()).toEqual(['clip.mp4']);
    must('start', 'box');
    await up();
    await jobIs('long.mp4', 'done');
    expect(outbox()).toEqual(['clip.mp4', 'long.mp4']);
  });

  it('killed in the middle of an encode, it goes on as well', async () => {
    drop(long(), 'again.mp4');
    // The same content would be the same job.
    execFileSync('sh', ['-c', `printf x >> ${join(dir, 'videos/inbox/again.mp4')}`]);
    await eventually(() => jobs().find(job => job.state === 'running' && /pass/.test(job.step ?? '')), {
      what: 'the encode',
      everyMs: 200,
    });
    must('kill', '--signal', 'KILL', 'box');
    expect(await exitOf()).toBe(137);
    must('start', 'box');
    await up();
    await jobIs('again.mp4', 'done');
    expect(outbox()).toEqual(['again.mp4', 'clip.mp4', 'long.mp4']);
  });

  it('a daemon that hangs is unhealthy, and it says so in bounded time', async () => {
    const find =
      'for p in /proc/[0-9]*; do case $(cat $p/cmdline 2>/dev/null) in node*dist/cli.jsrun*) echo ${p#/proc/};; esac; done';
    const pid = must('exec', 'box', 'as-user', 'sh', '-c', find);
    expect(pid).toMatch(/^\d+$/);
    must('exec', 'box', 'as-user', 'sh', '-c', `kill -STOP ${pid}`);
    const began = performance.now();
    expect(healthy()).toMatchObject({ code: 1, err: expect.stringContaining('the daemon hangs: no answer at') });
    expect(performance.now() - began).toBeLessThan(15_000);
    must('exec', 'box', 'as-user', 'sh', '-c', `kill -CONT ${pid}`);
    await up();
  });

  it('a second container on the same inbox is refused, and the first works on', async () => {
    for (const name of ['config2', 'state2']) mkdirSync(join(dir, name));
    const second = compose.map(option =>
      option.replace(join(dir, 'config'), join(dir, 'config2')).replace(join(dir, 'state:'), join(dir, 'state2:')),
    );
    start('second', second);
    expect(await exitOf('second')).toBe(11);
    expect(logs('second')).toContain(
      'another shrinkbox, perhaps in another container, is already watching /videos/inbox',
    );
    expect(healthy().code).toBe(0);
    must('rm', 'second');
  });

  it('a newer image reads what the one before left', async () => {
    const before = process.env['SHRINKBOX_IMAGE_BEFORE'];
    const { done, key } = { done: jobs().map(({ id, state }) => `${id} ${state}`), key: token() };
    must('rm', '--force', '--time', '30', 'box');
    if (before) {
      start('box', compose, before);
      await up();
      must('rm', '--force', '--time', '30', 'box');
    }
    const newer = must('commit', '--quiet', '--change', 'LABEL next=1', must('create', IMAGE)).trim();
    start('box', compose, newer);
    await up();
    expect(jobs().map(({ id, state }) => `${id} ${state}`)).toEqual(done);
    expect(token()).toBe(key);
    must('rm', '--force', '--time', '30', 'box');
  });

  it('runs as PUID 1234 with a umask of its own, and as a plain user without any capability', async () => {
    for (const [name, own] of [
      ['puid', [...compose, '--env', 'PUID=1234', '--env', 'PGID=2345', '--env', 'UMASK=077']],
      ['user', ['--user', '1234:2345', ...withoutCaps(compose), '--env', 'UMASK=077']],
    ] as const) {
      const home = join(dir, name);
      for (const volume of ['videos', 'config', 'state']) mkdirSync(join(home, volume), { recursive: true });
      if (name === 'user') execFileSync('chown', ['-R', '1234:2345', home]);
      start(
        name,
        own.map(option => option.replace(`${dir}/`, `${home}/`)),
      );
      await up(name);
      drop(short(), 'clip.mp4', `${name}/videos`);
      execFileSync('chown', ['1234:2345', join(home, 'videos/inbox/clip.mp4')]);
      await jobIs('clip.mp4', 'done', name);
      expect(ownerOf(join(home, 'videos/outbox/clip.mp4'))).toBe('1234:2345 600');
      expect(statusOf('dist/cli.js', name)).toMatch(/^CapBnd:\t0+$/m);
      const began = performance.now();
      must('stop', '--time', '60', name);
      expect(await exitOf(name)).toBe(0);
      expect(performance.now() - began).toBeLessThan(20_000);
      must('rm', name);
    }
  });

  it.each<[string, (compose: string[]) => string[], string]>([
    [
      'PUID without the capabilities to become it',
      all => withoutCaps(all),
      'cannot become user 1000: with cap_drop ALL',
    ],
    ['PUID 0', all => [...all, '--env', 'PUID=0'], 'use the numbers of a user other than root'],
    [
      'a mistake in a variable',
      all => [...all, '--env', 'SHRINKBOX_SIZE=small'],
      'environment: SHRINKBOX_SIZE: "small"',
    ],
    [
      'no volume for the videos',
      all => all.filter((option, i) => !option.includes(':/videos') && !all[i + 1]?.includes(':/videos')),
      'nothing is mounted at /videos',
    ],
    ['a UMASK that is none', all => [...all, '--env', 'UMASK=rw'], 'UMASK is "rw"'],
  ])('%s: it ends at once and says what to do', async (_, change, says) => {
    rmSync(join(dir, 'bad'), { recursive: true, force: true });
    const home = join(dir, 'bad');
    for (const volume of ['videos', 'config', 'state']) mkdirSync(join(home, volume), { recursive: true });
    start(
      'bad',
      change(compose).map(option => option.replace(`${dir}/`, `${home}/`)),
    );
    expect(await exitOf('bad')).not.toBe(0);
    expect(logs('bad')).toContain(says);
    must('rm', 'bad');
    expect(existsSync(join(home, 'videos/outbox/clip.mp4'))).toBe(false);
  });
});

function withoutCaps(options: readonly string[]): string[] {
  return options.filter((option, i) => option !== '--cap-add' && options[i - 1] !== '--cap-add');
}
