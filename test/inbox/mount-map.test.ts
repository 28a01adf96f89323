import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { canMount, tmpfsOver } from './mounting.ts';
import { drop, tempDir, watching } from './support.ts';

const withMounts = () => {
  it('over the inbox after the start (the NAS disk comes late) is watched in its place, and afterwards what it hid', async () => {
    const inbox = join(await tempDir(), 'inbox');
    await drop(inbox, 'below.mp4');
    const { sighted, sightings, states, logs } = await watching({ inbox, scan: 150 });
    await sighted('below.mp4');

    const disk = await tmpfsOver(inbox);
    // Empty where something was: more likely a disk that is not there yet than a person who emptied everything.
    await eventually(() => states.at(-1)?.available === false, { what: 'the inbox to be unavailable' });
    expect(states.at(-1)?.reason).toBe('it is suddenly empty; is its disk or share mounted?');
    await drop(inbox, 'sub/on-disk.mp4');
    await sighted('sub/on-disk.mp4');
    await drop(inbox, 'sub/later.mp4');
    await sighted('sub/later.mp4');

    await disk.end();
    await drop(inbox, 'after.mp4');
    await sighted('after.mp4');
    expect(states.at(-1)).toMatchObject({ available: true });
    expect(logs.filter(({ level }) => level === 40)).toHaveLength(1);
    expect(sightings.filter(({ relative }) => relative === 'below.mp4')).toHaveLength(1);
  });

  it('over a folder in the inbox reports changes like the folder did', async () => {
    const inbox = join(await tempDir(), 'inbox');
    await drop(inbox, 'sub/below.mp4');
    const { watcher, sighted } = await watching({ inbox });
    await sighted('sub/below.mp4');
    await tmpfsOver(join(inbox, 'sub'));
    await watcher.rescan();
    // The next scan is a minute away.
    await drop(inbox, 'sub/above.mp4');
    await sighted('sub/above.mp4');
  });

  it('over an empty inbox is used at once', async () => {
    const inbox = join(await tempDir(), 'inbox');
    await mkdir(inbox);
    const { watcher, sighted, states } = await watching({ inbox });
    await tmpfsOver(inbox);
    await watcher.rescan();
    await drop(inbox, 'clip.mp4');
    await sighted('clip.mp4');
    expect(states.every(({ available }) => available)).toBe(true);
  });
};

/** Another directory under the same name is what a mount looks like from here, but for the device. */
const withoutMounts = () => {
  it('is imitated by a folder swapped by renames, as this user may not mount', async () => {
    const root = await tempDir();
    const inbox = join(root, 'inbox');
    await drop(inbox, 'sub/below.mp4');
    await drop(root, 'other/above.mp4');
    const { watcher, sighted } = await watching({ inbox });
    await sighted('sub/below.mp4');
    await rename(join(inbox, 'sub'), join(root, 'away'));
    await rename(join(root, 'other'), join(inbox, 'sub'));
    await watcher.rescan();
    await sighted('sub/above.mp4');
    await drop(inbox, 'sub/later.mp4');
    await sighted('sub/later.mp4');
  });
};

describe('a file system mounted', canMount ? withMounts : withoutMounts);
