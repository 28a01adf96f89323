import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  fsKindOf,
  fstabPoints,
  type Mount,
  mountOf,
  parseMountInfo,
  readMounts,
  throughLinks,
} from '../../../src/platform/files/mounts.ts';

const MOUNTINFO = `22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
36 27 0:40 / /srv/my\\040films rw,noatime shared:1 master:2 - cifs //nas/films rw,vers=3.0
37 27 0:41 / /srv/k\\303\\244se rw - nfs4 nas:/k rw
38 27 0:42 / /srv/pool rw - fuse.mergerfs a:b rw,user_id=1000,group_id=1000
39 27 0:43 / /mnt rw - ext4 /dev/vdb rw
40 27 0:44 / /mnt rw - xfs /dev/vdc rw
41 27 0:45 /sub /data - btrfs /dev/sda rw
not a line
`;

const mounts = parseMountInfo(MOUNTINFO);

describe('mountinfo', () => {
  it('is parsed with its escapes, optional fields or none', () => {
    expect(mounts.map(({ point, type }) => `${point} ${type}`)).toEqual([
      '/proc proc',
      '/ ext4',
      '/srv/my films cifs',
      '/srv/käse nfs4',
      '/srv/pool fuse.mergerfs',
      '/mnt ext4',
      '/mnt xfs',
      '/data btrfs',
    ]);
    expect(mounts[2]).toEqual({
      id: 36,
      point: '/srv/my films',
      type: 'cifs',
      source: '//nas/films',
      device: '0:40',
      root: '/',
    });
    expect(mounts[4]).toMatchObject({ type: 'fuse.mergerfs', user: 1000 });
  });

  it.each([
    ['/srv/my films', 'cifs'],
    ['/srv/my films/a/b.mp4', 'cifs'],
    ['/srv/my films 2', 'ext4'],
    ['/srv/käse/x', 'nfs4'],
    ['/mnt/inbox', 'xfs'],
    ['/home', 'ext4'],
  ])('holds %s on %s', (path, type) => {
    expect(mountOf(mounts, path)?.type).toBe(type);
    expect(fsKindOf(path, mounts).type).toBe(type);
  });

  it('of this machine names the file system of the temporary folder', () => {
    const found: Mount[] = readMounts();
    const dir = realpathSync(mkdtempSync(join(tmpdir(), 'shrinkbox-mounts-')));
    try {
      const kind = fsKindOf(dir);
      // Without mountinfo (macOS) the file system is asked itself.
      if (found.length === 0) expect(kind.type).not.toBe('');
      else expect(statSync(mountOf(found, dir)?.point ?? '').isDirectory()).toBe(true);
      expect(kind.polled).toBe(false);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('that cannot be read leaves the answer to the file system itself', () => {
    expect(readMounts('/nowhere/mountinfo')).toEqual([]);
    expect(fsKindOf('/nowhere/at/all', []).type).toBe('unknown');
    expect(fsKindOf('/', []).type).not.toBe('unknown');
  });
});

describe('links', () => {
  it('are followed as far as the first mount that may hang, and no further than there is something', () => {
    const dir = realpathSync(mkdtempSync(join(tmpdir(), 'shrinkbox-mounts-')));
    try {
      const share = join(dir, 'share');
      for (const name of ['share', 'share/in', 'real', 'real/deep']) mkdirSync(join(dir, name));
      symlinkSync('/nowhere', join(share, 'in/on'));
      symlinkSync('real/deep', join(dir, 'deep'));
      symlinkSync('../../share', join(dir, 'real/deep/up'));
      symlinkSync(join(dir, 'round'), join(dir, 'round'));
      const mounted = [
        { point: '/', type: 'ext4', source: 'a', device: '8:1' },
        { point: share, type: 'cifs', source: '//nas/films', device: '0:9' },
      ];
      const leads = (path: string) => throughLinks(join(dir, path), mounted).slice(dir.length + 1);
      expect(leads('deep/../deep/a.mp4')).toBe('real/deep/a.mp4');
      expect(leads('deep/up/in/on/b.mp4')).toBe('share/in/on/b.mp4');
      expect(leads('missing/x/y')).toBe('missing/x/y');
      expect(leads('round/x')).toBe('round/x');
      symlinkSync('there', join(dir, 'here'));
      symlinkSync('here', join(dir, 'there'));
      expect(leads('here/x')).toBe('here/x');
      // Was: a file 300 folders deep took minutes, because each call looked at each folder again.
      const seen = new Map<string, string>();
      const kept = () => throughLinks(join(dir, 'deep/a.mp4'), mounted, seen);
      expect(kept()).toBe(join(dir, 'real/deep/a.mp4'));
      rmSync(join(dir, 'deep'));
      expect(kept()).toBe(join(dir, 'real/deep/a.mp4'));
      expect(leads('deep/a.mp4')).toBe('deep/a.mp4');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

it('fstab names its mount points, whatever else stands in it', () => {
  const dir = mkdtempSync(join(tmpdir(), 'shrinkbox-fstab-'));
  const file = join(dir, 'fstab');
  writeFileSync(
    file,
    `# a comment /mnt/no
UUID=1234 / ext4 defaults 0 1
  /dev/sdb1\t/mnt/my\\040disk\text4 nofail 0 2
#/dev/sdc1 /mnt/old ext4 defaults 0 2
/swapfile none swap sw 0 0
nas:/video /mnt/nas/ nfs _netdev 0 0
`,
  );
  expect(fstabPoints(file)).toEqual(['/mnt/my disk', '/mnt/nas']);
  expect(fstabPoints(join(dir, 'none'))).toEqual([]);
  rmSync(dir, { recursive: true });
});
