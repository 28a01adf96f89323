import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Box } from '../../../support/box.ts';
import { footage } from '../../../support/footage.ts';
import { sha256Of } from '../facts.ts';

/** As libfaketime reads them. */
const OFFSETS = { right: '+0', on: '+2d', back: '-2d' } as const;

/**
 * The wall clock is set two days on and back while files settle, are encoded and wait, and between two starts: nothing is
 * lost, every job is done once, and what waits for half a minute does not wait for days.
 */
export async function clockMoved(): Promise<string> {
  const env: Record<string, string> = {};
  const box = new Box({ config: config('1MB'), env });
  const file = join(box.dir, 'clock');
  const set = (to: keyof typeof OFFSETS) => writeFileSync(file, OFFSETS[to]);
  Object.assign(env, {
    LD_PRELOAD: faketime(),
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  });
  const clip = await footage('plain');
  const done: string[] = [];
  const finished = async (name: string) => {
    await box.job(name, 'done');
    if (sha256Of(join(box.inbox, name)) !== sha256Of(clip)) throw new Error(`${name} was changed`);
    done.push(name);
  };
  try {
    set('right');
    await box.start();
    for (const [name, to] of [
      ['forward.mp4', 'on'],
      ['back.mp4', 'back'],
    ] as const) {
      box.drop(clip, name);
      await box.job(name, 'running');
      set(to);
      await finished(name);
      set('right');
    }
    // Waits for room since a time that turns out to be in the future.
    set('on');
    await box.kill('SIGTERM');
    box.configure(config('900000GB'));
    await box.start();
    box.drop(clip, 'waiting.mp4');
    await box.job('waiting.mp4', 'waiting');
    set('right');
    box.configure(config('1MB'));
    process.kill(box.pid, 'SIGHUP');
    await finished('waiting.mp4');
    // The same over a restart.
    set('on');
    await box.kill('SIGTERM');
    box.configure(config('900000GB'));
    await box.start();
    box.drop(clip, 'restart.mp4');
    await box.job('restart.mp4', 'waiting');
    await box.kill('SIGKILL');
    set('right');
    box.configure(config('1MB'));
    await box.start();
    await finished('restart.mp4');
    const outputs = box.outputs().join();
    if (outputs !== [...done].sort().join()) throw new Error(`the outbox holds ${outputs}`);
    const published = box.journal().filter(record => record.event === 'published').length;
    if (published !== done.length) throw new Error(`${published} deliveries of ${done.length} files`);
    return `${done.length} jobs, ${OFFSETS.on} and ${OFFSETS.back}: each done once`;
  } finally {
    await box.dispose();
  }
}

function config(minFree: string): Record<string, unknown> {
  return { limits: { min_free: minFree } };
}

function faketime(): string {
  const name = 'faketime/libfaketimeMT.so.1';
  for (const dir of readdirSync('/usr/lib')) {
    const found = join('/usr/lib', dir, name);
    if (existsSync(found)) return found;
  }
  throw new Error(`${name} was not found below /usr/lib`);
}
