import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Box } from '../../support/box.ts';
import { footage } from '../../support/footage.ts';

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
    expect(stderr).toMatch(/through a link or a mount, it is inside the inbox/);
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

  it('an outbox nobody may write into is said before any work is done (was: after hours of it)', async () => {
    const isRoot = process.getuid?.() === 0;
    // Root may write everywhere, so the daemon is somebody else then.
    box = new Box({ wrap: isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [] });
    for (const dir of [box.dir, box.inbox]) chmodSync(dir, 0o777);
    chmodSync(box.outbox, 0o555);
    await box.start();
    box.drop(await footage('plain'), 'clip.mp4');
    const held = await box.job('clip.mp4', 'waiting');
    expect(held.reason).toMatch(/checking whether .*outbox can be written to: permission denied/);
    expect(held.hint).toMatch(/Let the user shrinkbox runs as write to .*; shrinkbox then continues by itself/);
    expect(held.attempts).toBe(0);
    chmodSync(box.outbox, 0o777);
    // Was: held, and it stayed so.
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
