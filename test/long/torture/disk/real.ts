/** Disks that really are full, really fail, really vanish. Each case is one job from drop to done on such a disk. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Box } from '../../../support/box.ts';
import { eventually } from '../../../support/eventually.ts';
import { footage } from '../../../support/footage.ts';
import { sha256Of } from '../facts.ts';
import type { Random } from '../random.ts';
import { cutPower, fill, Mounts, run } from './mounts.ts';

const MB = 1_000_000;
const MIN_FREE = { limits: { min_free: '100kB' } };

/** A box whose folders the case mounts things over; everything is taken away in the end. */
async function onDisk<T>(act: (box: Box, mounts: Mounts) => Promise<T>, config = {}): Promise<T> {
  const mounts = new Mounts();
  const box = new Box({ config: { ...MIN_FREE, ...config } });
  try {
    return await act(box, mounts);
  } finally {
    await box.kill().catch(() => {});
    mounts.close();
    await box.dispose();
  }
}

/** Done, once, with the original as it was and nothing else in the outbox. */
async function checkDone(box: Box, ...names: string[]): Promise<void> {
  for (const name of names) {
    const job = await box.job(name, 'done', 'failed', 'held');
    if (job.state !== 'done') throw new Error(`${name} is ${job.state}: ${job.reason}`);
    if (sha256Of(join(box.inbox, name)) !== sha256Of(await footage('plain'))) throw new Error(`${name} was changed`);
    const bytes = statSync(join(box.outbox, name)).size;
    if (bytes !== job.output_bytes) throw new Error(`${name} has ${bytes} bytes, not ${job.output_bytes}`);
  }
  const shown = [...names].sort();
  await eventually(
    () =>
      box
        .outputs()
        .filter(name => name !== 'filler')
        .join() === shown.join(),
    {
      what: `the outbox to hold ${shown.join(', ')}`,
    },
  );
}

async function waits(box: Box, name: string, reason: RegExp): Promise<string> {
  const job = await box.job(name, 'waiting', 'done', 'failed', 'held');
  if (job.state !== 'waiting' || !reason.test(job.reason ?? ''))
    throw new Error(`${name} is ${job.state}: ${job.reason}`);
  return job.reason ?? '';
}

/** Too little room for the working files: said before the work begins, gone on with by itself. */
export function stateFull(): Promise<string> {
  return onDisk(async (box, mounts) => {
    mounts.tmpfs(box.state, 8 * MB);
    await box.start();
    const filler = fill(box.state, 300_000);
    box.drop(await footage('plain'), 'clip.mp4');
    const reason = await waits(box, 'clip.mp4', /missing/);
    if (box.journal().some(record => record.event === 'started'))
      throw new Error('it began although there was no room');
    rmSync(filler);
    await checkDone(box, 'clip.mp4');
    return reason.replace(box.dir, '');
  });
}

/** Somebody else fills the outbox while the file is encoded. */
export function outboxFull(): Promise<string> {
  return onDisk(async (box, mounts) => {
    mounts.tmpfs(box.outbox, 4 * MB);
    await box.start();
    box.drop(await footage('plain'), 'clip.mp4');
    await box.job('clip.mp4', 'running');
    const filler = fill(box.outbox, 50_000);
    const reason = await waits(box, 'clip.mp4', /full|missing/);
    const left = readdirSync(box.outbox).filter(name => name !== 'filler');
    if (left.length > 0) throw new Error(`the full outbox holds ${left.join(', ')}`);
    rmSync(filler);
    await checkDone(box, 'clip.mp4');
    const started = box.journal().filter(record => record.event === 'started').length;
    if (started !== 1) throw new Error(`it was encoded ${started} times`);
    return reason.replace(box.dir, '');
  });
}

/** The outbox is unmounted while the file is encoded, and mounted again later. */
export function outboxAway(): Promise<string> {
  return onDisk(async (box, mounts) => {
    const image = join(box.dir, 'outbox.img');
    mounts.ext4(box.outbox, image, 16 * MB);
    rmSync(join(box.outbox, 'lost+found'), { recursive: true });
    await box.start();
    box.drop(await footage('plain'), 'clip.mp4');
    await box.job('clip.mp4', 'running');
    mounts.end(box.outbox, true);
    const reason = await waits(box, 'clip.mp4', /not mounted|not the folder/);
    if (readdirSync(box.outbox).length > 0) throw new Error('something was put into the empty mount point');
    mounts.again(box.outbox, image);
    await checkDone(box, 'clip.mp4');
    return reason.replace(box.dir, '');
  });
}

/** The state directory is unmounted under the daemon, which is stopped and started when it is back. */
export function stateAway(): Promise<string> {
  return onDisk(async (box, mounts) => {
    const image = join(box.dir, 'state.img');
    mounts.ext4(box.state, image, 48 * MB);
    await box.start();
    box.drop(await footage('plain'), 'one.mp4');
    await checkDone(box, 'one.mp4');
    box.drop(await footage('plain'), 'two.mp4');
    await box.job('two.mp4', 'running');
    mounts.end(box.state, true);
    box.drop(await footage('plain'), 'three.mp4');
    const left = await new Promise<string>(resolve => setTimeout(() => resolve(readdirSync(box.state).join()), 5_000));
    await box.kill();
    mounts.again(box.state, image);
    await box.start();
    await checkDone(box, 'one.mp4', 'two.mp4', 'three.mp4');
    if (left !== '') throw new Error(`begun in the empty mount point: ${left}`);
    return 'nothing was begun in the empty mount point';
  });
}

/** The state disk stops taking writes: the daemon ends, says so, and goes on where it was on a disk that does. */
export function stateReadOnly(): Promise<string> {
  return onDisk(async (box, mounts) => {
    const image = join(box.dir, 'state.img');
    mounts.ext4(box.state, image, 48 * MB);
    await box.start();
    box.drop(await footage('plain'), 'clip.mp4');
    await box.job('clip.mp4', 'running');
    run('mount', '-o', 'remount,abort', box.state);
    const code = await box.ended();
    if (code === 0) throw new Error('it ended as if all were well');
    if (!/journal cannot be written/.test(box.logText())) throw new Error('it did not say why it ended');
    await box.kill();
    mounts.end(box.state, true);
    mounts.again(box.state, image);
    await box.start();
    await checkDone(box, 'clip.mp4');
    return `exit ${code}, then done`;
  });
}

/** Inbox, outbox and state on one disk whose power is cut at a random moment, `times` times. */
export async function powerCuts(times: number, random: Random): Promise<string> {
  const moments: string[] = [];
  for (let n = 0; n < times; n += 1) {
    const records = random.between(1, 18);
    moments.push(await onDisk((box, mounts) => powerCut(box, mounts, records)));
  }
  return `${times} cuts, after ${moments.join(', ')}; each job done once`;
}

async function powerCut(box: Box, mounts: Mounts, records: number): Promise<string> {
  const [image, disk] = [join(box.dir, 'disk.img'), join(box.dir, 'disk')];
  mounts.ext4(disk, image, 96 * MB);
  for (const path of [box.inbox, box.outbox, box.state]) {
    const name = path.slice(box.dir.length + 1);
    mkdirSync(join(disk, name), { mode: 0o700 });
    rmSync(path, { recursive: true, force: true });
    symlinkSync(join(disk, name), path);
  }
  box.drop(await footage('plain'), 'clip.mp4');
  run('sync', '-f', disk);
  await box.start();
  await eventually(() => box.journal().length >= records, { what: `${records} records`, withinMs: 240_000 });
  const moment = box.journal().at(-1)?.event ?? '';
  cutPower(disk);
  await box.kill();
  await eventually(() => mounts.end(disk) ?? true, { what: 'the disk to be let go of' });
  mounts.again(disk, image);
  await box.start();
  await checkDone(box, 'clip.mp4');
  const published = box.journal().filter(record => record.event === 'published').length;
  if (published !== 1) throw new Error(`published ${published} times`);
  return moment;
}

/**
 * The disk under the journal cannot take what was written (a sparse image on a full tmpfs): a sync fails once, and the next one would
 * say yes although the bytes are gone. The daemon ends at the first.
 */
export function writebackFails(): Promise<string> {
  return onDisk(async (box, mounts) => {
    const below = join(box.dir, 'below');
    const image = join(below, 'state.img');
    mounts.tmpfs(below, 12 * MB);
    mounts.ext4(box.state, image, 64 * MB, false);
    await box.start();
    run('sync', '-f', box.state);
    const filler = fill(below, 0);
    box.drop(await footage('plain'), 'clip.mp4');
    const code = await box.ended();
    if (code === 0) throw new Error('it ended as if all were well');
    const said = /journal cannot be written: ([^".]*)/.exec(box.logText())?.[1];
    if (said === undefined) throw new Error('it did not say why it ended');
    await box.kill();
    mounts.end(box.state, true);
    rmSync(filler);
    run('sh', '-c', `e2fsck -fy ${image} >/dev/null 2>&1 || true`);
    run('mount', '-o', 'remount,size=80M', below);
    mounts.again(box.state, image);
    await box.start();
    await checkDone(box, 'clip.mp4');
    return `exit ${code} (${said}), then done`;
  });
}

/** No file descriptor is left for a while; the daemon stays, or ends saying why, and the job is done afterwards. */
export function noDescriptors(): Promise<string> {
  return onDisk(async box => {
    await box.start();
    box.drop(await footage('plain'), 'clip.mp4');
    await box.job('clip.mp4', 'running');
    const used = readdirSync(`/proc/${box.pid}/fd`).length;
    const { pid } = box;
    run('prlimit', '--pid', String(pid), `--nofile=${used}:`);
    await new Promise(resolve => setTimeout(resolve, 4_000));
    const stayed = existsSync(`/proc/${pid}/fd`) && readdirSync('/proc').includes(String(pid));
    if (stayed) run('prlimit', '--pid', String(pid), '--nofile=1024:');
    else {
      if (!/EMFILE|too many open files/.test(box.logText())) throw new Error('it did not say why it ended');
      await box.kill();
      await box.start();
    }
    await checkDone(box, 'clip.mp4');
    return stayed ? 'it stayed and went on' : 'it ended and said why; done after the next start';
  });
}
