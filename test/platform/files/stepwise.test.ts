import { fstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HAS_DESCRIPTOR_PATHS } from '../../../src/platform/files/files.ts';
import { type Mount, readMounts } from '../../../src/platform/files/mounts.ts';
import { Stepwise } from '../../../src/platform/files/stepwise.ts';

let dir: string;
let steps: Stepwise;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'shrinkbox-steps-'));
  steps = new Stepwise(readMounts);
});
afterEach(() => {
  steps.close();
  rmSync(dir, { recursive: true });
});

const kindAt = (path: string | Buffer, follows = false) =>
  steps.at(path, follows, ({ fd }) => {
    if (fd === undefined) return 'elsewhere';
    const stats = fstatSync(fd);
    if (stats.isSymbolicLink()) return 'link';
    return stats.isDirectory() ? 'folder' : 'file';
  });

/** The text of any mount of a share, in place of the real list. */
const asShare = (mount: Mount): Mount => ({ ...mount, type: 'nfs4' });

describe.skipIf(!HAS_DESCRIPTOR_PATHS)('a path that is followed one name at a time', () => {
  it('leads where the kernel would lead it', () => {
    mkdirSync(join(dir, 'a/b'), { recursive: true });
    writeFileSync(join(dir, 'a/b/clip.mp4'), 'x');
    symlinkSync('a/b', join(dir, 'relative'));
    symlinkSync(join(dir, 'relative'), join(dir, 'absolute'));
    symlinkSync('../../relative/clip.mp4', join(dir, 'a/b/up'));
    expect(kindAt('/')).toBe('folder');
    expect(kindAt(join(dir, 'absolute/clip.mp4'))).toBe('file');
    expect(kindAt(join(dir, 'absolute'))).toBe('link');
    expect(kindAt(join(dir, 'absolute'), true)).toBe('folder');
    expect(kindAt(join(dir, 'absolute/up'), true)).toBe('file');
    expect(kindAt(`${dir}//a/./b/../b/clip.mp4`)).toBe('file');
  });

  it('fails as the kernel would fail it, with the path that was asked for', () => {
    writeFileSync(join(dir, 'file'), '');
    symlinkSync('round', join(dir, 'round'));
    expect(() => kindAt(join(dir, 'none'))).toThrow(`ENOENT: no such file or directory, open '${join(dir, 'none')}'`);
    expect(() => kindAt(join(dir, 'file/x'))).toThrow('ENOTDIR');
    expect(() => kindAt(join(dir, 'round/x'))).toThrow('ELOOP');
    expect(() => kindAt(`${dir}/${'x/'.repeat(2048)}`)).toThrow('ENAMETOOLONG');
  });

  it('ends soon where links lead to links without end', () => {
    for (let n = 0; n < 30; n += 1) symlinkSync(`l${n + 1}/l${n + 1}/l${n + 1}`, join(dir, `l${n}`));
    symlinkSync('.', join(dir, 'l30'));
    expect(() => kindAt(join(dir, 'l0/x'))).toThrow('ELOOP');
  });

  it('takes a name that is not UTF-8', () => {
    const name = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0xff, 0xfe])]);
    writeFileSync(name, '');
    expect(kindAt(name)).toBe('file');
  });

  it('stops at a mount that may hang', () => {
    steps = new Stepwise(() => readMounts().map(asShare));
    expect(kindAt(join(dir, 'none'))).toBe('elsewhere');
  });

  it('leaves no descriptor open', () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    symlinkSync('.', join(dir, 'here'));
    kindAt(join(dir, 'here/here/here'), true);
    expect(() => kindAt(join(dir, 'here/none/x'))).toThrow('ENOENT');
    steps.close();
    expect(open()).toBe(before);
  });
});
