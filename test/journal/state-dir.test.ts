import { chmod, lchown, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { prepareStateDir, whyNotTrusted } from '../../src/journal/state-dir.ts';
import { tempDir } from './support.ts';

const EXT4 = 0xef53;

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

/** Something in a state directory of ours that was open to everybody. */
async function plant(root: string, what: string, linkTo?: string): Promise<void> {
  await mkdir(dirname(join(root, what)), { recursive: true });
  if (linkTo !== undefined) await symlink(linkTo, join(root, what));
  else if (what === 'journal') await mkdir(join(root, what));
  else await writeFile(join(root, what), '{}');
}

it.runIf(process.geteuid?.() === 0)('of another user was fine for doctor, and refused by run', async () => {
  const root = join(await tempDir(), 'state');
  await prepareStateDir(root);
  expect(await whyNotTrusted(root)).toBeUndefined();
  await writeFile(join(root, 'journal/000001.jsonl'), '');
  await lchown(join(root, 'journal/000001.jsonl'), 12_345, 12_345);
  expect((await whyNotTrusted(root))?.message).toMatch(/000001.jsonl belongs to another user \(uid 12345\)/);
  await lchown(root, 12_345, 12_345);
  expect((await whyNotTrusted(root))?.message).toMatch(/state belongs to another user/);
});

it('that others may write to, with files that are not ours, was fine for doctor', async () => {
  const root = join(await tempDir(), 'state');
  await prepareStateDir(root);
  await writeFile(join(root, 'holiday.mov'), '');
  expect(await whyNotTrusted(root)).toBeUndefined();
  await chmod(root, 0o777);
  expect((await whyNotTrusted(root))?.message).toMatch(/other users may write/);
});

describe('the state directory', () => {
  const umask = process.umask();
  afterEach(() => void process.umask(umask));

  it.each(['000', '022', '077', '277'])('is created for its owner only with umask %s', async mask => {
    const root = join(await tempDir(), 'state');
    process.umask(mask);
    const dirs = await prepareStateDir(root);
    expect(dirs).toEqual({ root, journal: join(root, 'journal'), work: join(root, 'work') });
    for (const dir of Object.values(dirs)) expect(await modeOf(dir)).toBe('700');
  });

  it('is durable in the folder above before anything is written there (was: a power cut could take the whole journal)', async () => {
    const above = await tempDir();
    const root = join(above, 'a/b/state');
    const synced: string[] = [];
    const syncDir = async (dir: string) => {
      synced.push(`${relative(above, dir)}: ${(await readdir(dir)).join()}`);
    };
    await prepareStateDir(root, undefined, syncDir);
    expect(synced).toEqual(['a/b/state: journal,work', 'a/b: state', 'a: b', ': a']);
    synced.length = 0;
    await prepareStateDir(root, undefined, syncDir);
    expect(synced).toEqual(['a/b/state: journal,work']);
  });

  it('whose folder above may be written to and not read is made all the same', async () => {
    const root = join(await tempDir(), 'state');
    const denied = Object.assign(new Error('EACCES'), { code: 'EACCES' });
    await prepareStateDir(root, undefined, async dir => {
      if (dir !== root) throw denied;
    });
    await expect(prepareStateDir(root, undefined, () => Promise.reject(denied))).rejects.toMatchObject({
      code: 'denied',
    });
  });

  it('is left as it is the second time', async () => {
    const root = join(await tempDir(), 'state');
    const { journal } = await prepareStateDir(root);
    await writeFile(join(journal, '000001.jsonl'), 'x');
    await prepareStateDir(root);
    expect(await readdir(journal)).toEqual(['000001.jsonl']);
  });

  it('that was too open is closed', async () => {
    const root = await tempDir();
    for (const dir of ['journal', 'work']) await mkdir(join(root, dir));
    for (const dir of ['journal', 'work', '.']) await chmod(join(root, dir), 0o777);
    await prepareStateDir(root);
    for (const dir of ['journal', 'work', '.']) expect(await modeOf(join(root, dir))).toBe('700');
  });

  it('that is used for other things as well keeps its mode; what is ours in it is closed', async () => {
    const root = await tempDir();
    await writeFile(join(root, 'holiday.mp4'), '');
    await chmod(root, 0o755);
    await prepareStateDir(root);
    expect([await modeOf(root), await modeOf(join(root, 'journal'))]).toEqual(['755', '700']);
  });

  it('that others may write to is refused if its mode is not ours to change', async () => {
    const root = await tempDir();
    await writeFile(join(root, 'holiday.mp4'), '');
    await chmod(root, 0o1777);
    await expect(prepareStateDir(root)).rejects.toMatchObject({
      code: 'config-invalid',
      message: `other users may write to ${root}, the state directory`,
    });
    expect(await readdir(root)).toEqual(['holiday.mp4']);
  });

  // Only root can be somebody else.
  describe.runIf(process.getuid?.() === 0)('that a stranger prepared in a shared folder is refused', () => {
    it.each([
      ['a folder of his', async (root: string) => mkdir(root), ''],
      ['a link of his to a folder of ours', async (root: string) => symlink(await tempDir(), root), ''],
      ['an identity', async (root: string) => plant(root, 'identity.json'), 'identity.json'],
      ['mounts', async (root: string) => plant(root, 'mounts.json'), 'mounts.json'],
      ['a journal', async (root: string) => plant(root, 'journal'), 'journal'],
      ['a link for a journal', async (root: string) => plant(root, 'journal', await tempDir()), 'journal'],
      ['a record', async (root: string) => plant(root, 'journal/000001.jsonl'), 'journal/000001.jsonl'],
    ])('%s', async (_, prepare, what) => {
      const root = join(await tempDir(), 'state');
      await prepare(root);
      await lchown(join(root, what), 4321, 4321);
      await expect(prepareStateDir(root)).rejects.toMatchObject({
        code: 'config-invalid',
        message: `${join(root, what)} belongs to another user (uid 4321)`,
      });
    });
  });

  it.each([
    ['is a file', ''],
    ['lies inside a file', 'state'],
  ])('that %s is a mistake in the config', async (_, below) => {
    const file = join(await tempDir(), 'file');
    await writeFile(file, 'x');
    await expect(prepareStateDir(join(file, below))).rejects.toMatchObject({
      code: 'config-invalid',
      hint: expect.stringContaining('folder'),
    });
  });

  it.each([
    ['NFS', 0x6969],
    ['SMB', 0x517b],
    ['SMB', 0xfe534d42],
    ['CIFS', 0xff534d42],
    ['9P', 0x01021997],
    ['FUSE', 0x65735546],
  ])('on %s is refused, and nothing is created there', async (name, type) => {
    const parent = await tempDir();
    const root = join(parent, 'deep', 'state');
    await expect(prepareStateDir(root, async () => type)).rejects.toMatchObject({
      code: 'config-invalid',
      message: `${root} is on ${name}; state_dir must be on a local disk of this machine`,
      hint: expect.stringContaining('a disk of this machine'),
    });
    expect(await readdir(parent)).toEqual([]);
  });

  it('is asked about where it will be, and its parts where they are', async () => {
    const [parent, elsewhere] = [await tempDir(), await tempDir()];
    const asked: string[] = [];
    const root = join(parent, 'state');
    await prepareStateDir(root, async path => {
      asked.push(path);
      return EXT4;
    });
    expect(asked).toEqual([parent, join(root, 'journal'), join(root, 'work')]);
    const linked = join(parent, 'linked');
    await mkdir(linked);
    await symlink(elsewhere, join(linked, 'journal'));
    const refused = prepareStateDir(linked, async path => (path.endsWith('journal') ? 0x6969 : EXT4));
    await expect(refused).rejects.toMatchObject({
      message: expect.stringContaining(`${join(linked, 'journal')} is on NFS`),
    });
  });
});
