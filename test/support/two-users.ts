import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Box } from './box.ts';
import { footage } from './footage.ts';
import { NEIGHBOUR, STRANGER } from './exchanger.ts';

/** The user the daemon runs as; NEIGHBOUR may write into its inbox, and STRANGER's films are for the daemon alone to read. */
export const DAEMON = 4601;

/** Gives a file or folder to a user, and to the group of another. */
export function give(path: string, owner: number, mode: number, group = owner): void {
  chownSync(path, owner, group);
  chmodSync(path, mode);
}

/** A box that runs as its own user, with an inbox that the dropper may write into and a film that is neither's. */
export async function twoUsers(
  options: { ffmpeg?: (box: Box, name: string) => string } = {},
): Promise<{ box: Box; d: string; link: string }> {
  const made = new Box({ wrap: ['setpriv', `--reuid=${DAEMON}`, `--regid=${DAEMON}`, '--clear-groups'] });
  const names = Object.keys(options).length > 0 ? ['ffmpeg', 'ffprobe'] : [];
  for (const name of names) {
    writeFileSync(join(made.dir, name), options.ffmpeg?.(made, name) ?? '');
    chmodSync(join(made.dir, name), 0o755);
  }
  const programs = Object.fromEntries(names.map(name => [name, join(made.dir, name)]));
  made.configure({ local: { effort: 'fast', ...programs } });
  mkdirSync(made.state);
  give(made.dir, DAEMON, 0o755);
  give(made.state, DAEMON, 0o700);
  give(made.outbox, DAEMON, 0o755);
  give(made.inbox, NEIGHBOUR, 0o777);
  const theirs = join(made.dir, 'private');
  mkdirSync(theirs);
  copyFileSync(await footage('rotated'), join(theirs, 'clip.mp4'));
  give(join(theirs, 'clip.mp4'), STRANGER, 0o640, DAEMON);
  give(theirs, STRANGER, 0o750, DAEMON);
  const d = join(made.inbox, 'd');
  mkdirSync(d);
  give(d, NEIGHBOUR, 0o777);
  const link = join(made.inbox, '.link');
  symlinkSync(theirs, link);
  return { box: made, d, link };
}

export function dropInto(folder: string, clip: string): void {
  copyFileSync(clip, join(folder, 'clip.mp4.part'));
  give(join(folder, 'clip.mp4.part'), NEIGHBOUR, 0o644);
  renameSync(join(folder, 'clip.mp4.part'), join(folder, 'clip.mp4'));
}

/** Theirs is upright, whatever becomes of its size. */
export function isUpright(video: string): boolean {
  const wanted = ['-select_streams', 'v:0', '-show_entries', 'stream=width,height', '-of', 'csv=p=0'];
  const [width = 0, height = 0] = execFileSync('ffprobe', ['-v', 'error', ...wanted, video], { encoding: 'utf8' })
    .split(',')
    .map(Number);
  return height > width;
}

/** The end must not need systemd's patience: ten seconds, whatever the inbox holds. */
const STOP_MS = 10_000;

/** @param code null where threads hang in the kernel: then it ends itself with the signal */
export async function stopsInTime(box: Box, code: 0 | null = 0): Promise<void> {
  const since = performance.now();
  expect(await box.kill('SIGTERM')).toBe(code);
  expect(performance.now() - since).toBeLessThan(STOP_MS);
}
