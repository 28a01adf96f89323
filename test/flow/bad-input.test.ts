import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JobDetail } from '../../src/api/types.ts';
import { Box } from '../support/box.ts';
import { footage } from '../support/footage.ts';

/** Whoever reads a report must learn the reason and what to do from it. */
function reportFor(box: Box, name: string): string {
  return readFileSync(join(box.outbox, name.replace(/\.[^.]+$/, '.failed.txt')), 'utf8');
}

describe('bad input gets a clear reason, nothing is lost, and the daemon goes on', () => {
  let box: Box;
  const expected = new Map<string, { state: JobDetail['state']; reason: RegExp }>();

  beforeAll(async () => {
    box = new Box();
    const put = (name: string, state: JobDetail['state'], reason: RegExp, write: (path: string) => void) => {
      write(join(box.inbox, name));
      expected.set(name, { state, reason });
    };
    const plain = await footage('plain');
    put('text.mp4', 'failed', /not a video/, path => writeFileSync(path, 'Dear diary, this is not a film.'));
    put('half.mp4', 'failed', /incomplete|truncated|cut/, path => {
      writeFileSync(path, readFileSync(plain));
      truncateSync(path, Math.floor(readFileSync(plain).length / 2));
    });
    put('zero.mp4', 'failed', /empty/, path => writeFileSync(path, ''));
    const audio = await footage('soundOnly');
    put('audio.mp4', 'failed', /no picture|no video|sound/, path => writeFileSync(path, readFileSync(audio)));
    put('playlist.mp4', 'failed', /playlist|not a video/, path =>
      writeFileSync(path, `#EXTM3U\n#EXTINF:5,\n${plain}\n#EXT-X-ENDLIST\n`),
    );
    put('concat.mp4', 'failed', /playlist|list|not a video/, path =>
      writeFileSync(path, `ffconcat version 1.0\nfile '${plain}'\n`),
    );
    put('picture.jpg', 'skipped', /jpg|not a video/i, path => writeFileSync(path, 'x'));
    put('notes.pdf', 'skipped', /pdf|not a video/i, path => writeFileSync(path, 'x'));
    put('outside.mp4', 'skipped', /link/, path => symlinkSync('/etc/hostname', path));
    put('pipe.mp4', 'skipped', /pipe|FIFO|device|not a regular/i, path => execFileSync('mkfifo', [path]));
    put('link.url', 'skipped', /nemo|cloud/, path =>
      writeFileSync(path, '[InternetShortcut]\nURL=https://example.invalid/a.mp4\n'),
    );
    for (const name of [
      'it\'s "quoted".mp4',
      'two\nlines.mp4',
      '🎬 clap 🎬.mp4',
      '-vf.mp4',
      `${'x'.repeat(251)}.mp4`,
      'a;rm -rf ~.mp4',
      '%s%n.mp4',
      'concat:a|b.mp4',
    ]) {
      put(name, 'done', /^$/, path => writeFileSync(path, readFileSync(plain)));
    }
    await box.start();
  });
  afterAll(() => box.dispose());

  it('for every file of the table', async () => {
    const wrong: string[] = [];
    for (const [name, { state, reason }] of expected) {
      const job = await box.job(name);
      if (job.state !== state || !reason.test(job.reason ?? ''))
        wrong.push(`${JSON.stringify(name)}: ${job.state}: ${job.reason}`);
    }
    expect(wrong).toEqual([]);
    expect((await box.status()).running).toBe(true);
  }, 900_000);

  it('with a report beside the results for each failure, saying how to retry', async () => {
    for (const [name, { state }] of expected) {
      if (state !== 'failed') continue;
      const job = await box.job(name);
      const report = reportFor(box, name);
      expect(report).toContain(job.reason);
      expect(report).toContain(`shrinkbox retry ${job.id}`);
    }
  });

  it('with hostile names delivered under names that every client can open, inside the outbox', async () => {
    const outputs = box.outputs().filter(name => name.endsWith('.mp4'));
    expect(outputs).toHaveLength(8);
    for (const name of outputs) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there.
      expect(name).not.toMatch(/[\u0000-\u001f"*:<>?|\\]|^[.-]/);
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    }
  });

  it('with every source still there', () => {
    for (const name of expected.keys())
      expect(() =>
        execFileSync('test', ['-e', join(box.inbox, name), '-o', '-L', join(box.inbox, name)]),
      ).not.toThrow();
  });
});

describe('a bad place', () => {
  let box: Box;
  afterEach(() => box.dispose());

  it('outbox inside the inbox is refused at the start', async () => {
    box = new Box({ config: { folders: [{ inbox: 'inbox', outbox: 'inbox/out' }] } });
    const { code, stderr } = await box.run('run');
    expect(code).toBe(10);
    expect(stderr).toMatch(/config\.yaml:\d+:\d+.*outbox/);
  });

  it('outbox inside the inbox through a link is refused as well', async () => {
    box = new Box({ config: { folders: [{ inbox: 'inbox', outbox: 'elsewhere' }] } });
    mkdirSync(join(box.inbox, 'out'));
    symlinkSync(join(box.inbox, 'out'), join(box.dir, 'elsewhere'));
    const { code, stderr } = await box.run('run');
    expect(code).toBe(10);
    expect(stderr).toMatch(/links resolved.*inside the inbox/);
  });

  it('a config with ten mistakes is told all of them at once', async () => {
    box = new Box();
    writeFileSync(
      join(box.dir, 'config.yaml'),
      'engin: local\nfolders:\n  - inbox: a\n    outbx: b\n    settle: 5\n    originals: maybe\nrules:\n  - name: x\n    size: 50 megs\n    resolution: big\n    fps: fast\n    codec: vp9\nlimits:\n  local: many\nlog:\n  level: loud\n',
    );
    const { code, stderr } = await box.run('check');
    expect(code).toBe(10);
    expect(stderr.match(/config\.yaml:\d+:\d+/g)?.length).toBeGreaterThanOrEqual(10);
    expect(stderr).toMatch(/did you mean/i);
    expect(stderr).not.toMatch(/at .*\.js:/);
  });

  it('ffmpeg missing is one clear line with how to install it, exit 13', async () => {
    box = new Box({ config: { local: { ffmpeg: '/nowhere/ffmpeg' } } });
    const { code, stderr } = await box.run('run');
    expect(code).toBe(13);
    expect(stderr).toMatch(/apt|dnf|brew/);
  });

  it('two folders sharing an outbox and a name get numbered results', async () => {
    const quick = { settle: '300ms', scan: '1s', outbox: 'outbox' };
    box = new Box({
      config: {
        folders: [
          { ...quick, inbox: 'inbox' },
          { ...quick, inbox: 'second' },
        ],
      },
    });
    await box.start();
    const clip = await footage('plain');
    box.drop(clip, 'clip.mp4');
    box.drop(await footage('rotated'), '../second/clip.mp4');
    await box.job('clip.mp4', 'done');
    await box.job('../second/clip.mp4', 'done');
    expect(box.outputs()).toEqual(['clip (2).mp4', 'clip.mp4']);
  });

  it('a missing inbox is made', async () => {
    box = new Box();
    rmSync(box.inbox, { recursive: true });
    await box.start();
    expect(existsSync(box.inbox)).toBe(true);
    box.drop(await footage('plain'), 'clip.mp4');
    await box.job('clip.mp4', 'done');
  });

  it('an outbox that vanished makes jobs wait, and they go on when it is back', async () => {
    box = new Box();
    await box.start();
    await box.post('/api/pause');
    box.drop(await footage('plain'), 'clip.mp4');
    await box.job('clip.mp4', 'queued');
    rmSync(box.outbox, { recursive: true });
    await box.post('/api/resume');
    const waiting = await box.job('clip.mp4', 'waiting');
    expect(waiting.reason).toMatch(/outbox/);
    mkdirSync(box.outbox);
    expect((await box.run('retry', waiting.id)).code).toBe(0);
    await box.job('clip.mp4', 'done');
    expect(box.outputs()).toEqual(['clip.mp4']);
  });

  it('an outbox nobody may write into is said before any work is done (was: after hours of it)', async () => {
    const isRoot = process.getuid?.() === 0;
    // Root may write everywhere, so the daemon is somebody else then.
    box = new Box({ wrap: isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [] });
    for (const dir of [box.dir, box.inbox]) chmodSync(dir, 0o777);
    chmodSync(box.outbox, 0o555);
    await box.start();
    box.drop(await footage('plain'), 'clip.mp4');
    const held = await box.job('clip.mp4', 'held');
    expect(held.reason).toMatch(/results can be put into .*outbox/);
    expect(held.hint).toMatch(/permissions/);
    expect(held.attempts).toBe(0);
    chmodSync(box.outbox, 0o777);
    expect((await box.run('retry', held.id)).code).toBe(0);
    await box.job('clip.mp4', 'done');
    await box.holds('clip.mp4');
  });

  it('a state directory that others could read is closed to them', async () => {
    box = new Box();
    mkdirSync(box.state);
    chmodSync(box.state, 0o755);
    await box.start();
    expect(
      execFileSync('stat', ['-c', '%a', box.state, join(box.state, 'journal'), join(box.state, 'control.sock')], {
        encoding: 'utf8',
      }),
    ).toBe('700\n700\n600\n');
  });
});
