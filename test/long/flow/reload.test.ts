/** SIGHUP: another configuration while jobs run. The real program as its own process. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Box } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';
import { footage } from '../../support/footage.ts';

let box: Box;
afterEach(() => box.dispose());

const FOLDER = { inbox: 'inbox', outbox: 'outbox', settle: '300ms', scan: '1s' };

const LARGER = { rules: [{ name: 'small', size: '2MB' }] };

/** Takes a second or more to encode on any machine. */
function longClip(dir: string): string {
  const path = join(dir, 'long.mp4');
  const source = 'testsrc2=size=640x360:rate=30:duration=10,noise=alls=20:allf=t';
  const args = ['-v', 'error', '-y', '-f', 'lavfi', '-i', source, '-c:v', 'libx264', '-preset', 'ultrafast', path];
  execFileSync('ffmpeg', args);
  return path;
}

/** Sends SIGHUP and resolves with the log lines written since. */
async function reload(until: string): Promise<string> {
  const before = box.logText().length;
  process.kill(box.pid, 'SIGHUP');
  return eventually(
    () => {
      const since = box.logText().slice(before);
      return since.includes(until) && since;
    },
    { what: until },
  );
}

describe('a reload', () => {
  it('keeps the running job, and gives the next one the new rules', async () => {
    box = new Box({ config: LARGER });
    await box.start();
    box.drop(longClip(box.dir), 'first.mp4');
    const running = await box.job('first.mp4', 'running');
    await box.post('/api/pause');
    box.configure({ ...LARGER, rules: [{ name: 'tiny', size: '90kB' }] });
    const said = await reload('configuration reloaded');
    expect(said).toContain('rules changed');
    expect((await box.job('first.mp4', 'running')).id).toBe(running.id);
    await box.post('/api/resume');
    box.drop(await footage('plain'), 'second.mp4');
    expect(await box.job('first.mp4')).toMatchObject({ state: 'done', rule: 'small', attempts: 1, id: running.id });
    expect(await box.job('second.mp4')).toMatchObject({ state: 'done', rule: 'tiny', target_bytes: 90_000 });
  });

  it('frees what was held for a rule, once a person has it tried again', async () => {
    box = new Box({ config: { rules: [{ name: 'music', instruction: 'add background music' }] } });
    await box.start();
    box.drop(await footage('plain'), 'clip.mp4');
    const held = await box.job('clip.mp4', 'held');
    await box.post(`/api/jobs/${held.id}/retry`);
    expect((await box.job('clip.mp4')).reason).toBe(held.reason);
    box.configure({ rules: [{ name: 'tiny', size: '90kB' }] });
    await reload('configuration reloaded');
    await box.post(`/api/jobs/${held.id}/retry`);
    expect(await box.job('clip.mp4')).toMatchObject({ state: 'done', rule: 'tiny', id: held.id });
  });

  it('watches folders that were added, lets go of those taken out, and leaves the others alone', async () => {
    box = new Box();
    await box.start();
    for (const dir of ['in2', 'out2']) mkdirSync(join(box.dir, dir));
    const clip = await footage('plain');
    box.configure({ folders: [{ ...FOLDER, inbox: 'in2', outbox: 'out2' }] });
    expect(await reload('configuration reloaded')).toContain('folders changed');
    expect((await box.status()).folders.map(({ inbox, available }) => [inbox, available])).toEqual([
      [join(box.dir, 'in2'), true],
    ]);
    box.drop(clip, 'old.mp4');
    box.drop(clip, '../in2/new.mp4');
    expect(await box.job('../in2/new.mp4')).toMatchObject({ state: 'done', output: join(box.dir, 'out2/new.mp4') });
    expect((await box.jobs()).map(({ source }) => source)).toEqual([join(box.dir, 'in2/new.mp4')]);
    box.configure({});
    await reload('configuration reloaded');
    // The same bytes were done already in the other folder; what counts is that the file is seen again.
    await eventually(async () => (await box.jobs()).some(({ source }) => source === join(box.inbox, 'old.mp4')));
  });

  it('finishes what runs in a folder that is gone from the configuration', async () => {
    box = new Box({ config: LARGER });
    await box.start();
    box.drop(longClip(box.dir), 'clip.mp4');
    await box.job('clip.mp4', 'running');
    await box.post('/api/pause');
    for (const dir of ['in2', 'out2']) mkdirSync(join(box.dir, dir));
    box.configure({ ...LARGER, folders: [{ ...FOLDER, inbox: 'in2', outbox: 'out2' }] });
    await reload('configuration reloaded');
    await box.post('/api/resume');
    expect(await box.job('clip.mp4')).toMatchObject({ state: 'done', output: join(box.outbox, 'clip.mp4') });
  });

  it('skipped for good what was queued in a folder that was taken out for a while: it is held, and says why', async () => {
    box = new Box({ config: LARGER });
    await box.start();
    await box.post('/api/pause');
    box.drop(await footage('plain'), 'clip.mp4');
    await box.job('clip.mp4', 'queued');
    for (const dir of ['in2', 'out2']) mkdirSync(join(box.dir, dir));
    box.configure({ ...LARGER, folders: [{ ...FOLDER, inbox: 'in2', outbox: 'out2' }] });
    await reload('configuration reloaded');
    await box.post('/api/resume');
    const held = await box.job('clip.mp4');
    expect(held).toMatchObject({
      state: 'held',
      reason: `${box.inbox} is no longer a folder of the configuration`,
    });
    box.configure(LARGER);
    await reload('configuration reloaded');
    await box.post(`/api/jobs/${held.id}/retry`);
    expect(await box.job('clip.mp4')).toMatchObject({ state: 'done', id: held.id });
  });

  it('refuses a configuration with mistakes, names each, and goes on with the one before', async () => {
    box = new Box();
    await box.start();
    writeFileSync(join(box.dir, 'config.yaml'), 'rulse: []\nlimits:\n  local: none\n');
    const said = await reload('the new configuration is invalid');
    expect(said).toContain('config.yaml:1:1');
    expect(said).toContain('config.yaml:3:10');
    box.drop(await footage('plain'), 'clip.mp4');
    expect(await box.job('clip.mp4')).toMatchObject({ state: 'done', rule: 'small' });
    // Only with links resolved are these two the same place.
    symlinkSync(box.inbox, join(box.dir, 'alias'));
    box.configure({ folders: [FOLDER, { ...FOLDER, inbox: 'alias', outbox: 'out2' }] });
    await reload('the new configuration is invalid');
    expect((await box.status()).folders).toHaveLength(1);
  });

  it('says which keys have to wait for a restart, and keeps to the old ones', async () => {
    box = new Box();
    await box.start();
    box.configure({ state_dir: 'elsewhere', http: { listen: '127.0.0.1:1' }, log: { level: 'info' } });
    const said = await reload('restart shrinkbox to apply');
    expect(said).toContain('state_dir, http.listen');
    expect(said).toContain('log.level changed');
    expect((await box.status()).state_dir).toBe(box.state);
    expect(await box.kill('SIGTERM')).toBe(0);
  });
});
