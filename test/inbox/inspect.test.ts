import { describe, expect, it, vi } from 'vitest';
import { Sidecars } from '../../src/inbox/sidecars.ts';
import { ShrinkError } from '../../src/core/errors.ts';
import { kindOfType } from '../../src/platform/files/fs-types.ts';
import type { Directory } from '../../src/inbox/tracked-file.ts';
import type { GuardedFs, LstatResult, OpenedFile } from '../../src/inbox/guarded-fs.ts';
import { inspect } from '../../src/inbox/inspect.ts';
import { type FileStat, pinKey } from '../../src/inbox/file-id.ts';

function stat(overrides: Partial<FileStat> = {}): FileStat {
  return {
    dev: 1n,
    ino: 2n,
    mode: 0o100644n,
    size: 1_000n,
    mtimeNs: 10n,
    ctimeNs: 10n,
    birthtimeNs: 1n,
    blocks: 8n,
    uid: 0n,
    isFile: () => true,
    isDirectory: () => false,
    isSymbolicLink: () => false,
    ...overrides,
  };
}

const KEY = pinKey(stat());
const failing = (code: string) => Object.assign(new Error(code), { code });

interface World {
  type?: string;
  looked?: (path: string) => LstatResult;
  /** What fstat says, first after opening, then after reading. */
  opened?: FileStat[] | Error;
  content?: Buffer | Error;
}

/** A directory with one file, on a file system that answers as given. */
function directory({ type = 'ext4', looked, opened = [], content = Buffer.from('words') }: World): {
  dir: Directory;
  counts: { opened: number; closed: number };
} {
  const counts = { opened: 0, closed: 0 };
  const stats = opened instanceof Error ? [] : [...opened];
  const file: OpenedFile = {
    stat: async () => stats.shift() ?? stat(),
    async read(offset, length) {
      if (content instanceof Error) throw content;
      return content.subarray(offset, offset + length);
    },
    async close() {
      counts.closed += 1;
    },
  };
  const disk: GuardedFs = {
    list: async () => [],
    listRaw: async () => [],
    stat: async () => stat(),
    realpath: async path => path,
    readlink: async path => path,
    lstat: async paths =>
      paths.map(path => (looked ? looked(String(path)) : String(path) === '/in/clip.ts' ? stat() : undefined)),
    async open() {
      counts.opened += 1;
      if (opened instanceof Error) throw opened;
      return file;
    },
  };
  const dir: Directory = {
    rel: '',
    path: '/in',
    identity: '1:1:1',
    kind: kindOfType(type),
    fs: disk,
    watch: undefined,
    files: new Map(),
    children: new Set(),
    leftAlone: new Map(),
    sidecars: new Sidecars(),
    refused: false,
  };
  return { dir, counts };
}

describe('a quiet file', () => {
  it.each<[string, World, object]>([
    ['is complete when it is the same before and after', {}, { kind: 'complete', stat: { ino: 2n } }],
    ['is gone', { looked: () => undefined }, { kind: 'changed' }],
    ['is not the one that was sampled', { looked: () => stat({ ctimeNs: 11n }) }, { kind: 'changed' }],
    ['turns out newer once it is opened (NFS attributes)', { opened: [stat({ mtimeNs: 11n })] }, { kind: 'changed' }],
    ['changes while it is inspected', { opened: [stat(), stat({ size: 1_001n })] }, { kind: 'changed' }],
    ['vanishes before it is opened', { opened: failing('ENOENT') }, { kind: 'changed' }],
    ['became a link before it is opened', { opened: failing('changed-underneath') }, { kind: 'changed' }],
    ['may not be read', { opened: failing('EACCES') }, { kind: 'refuse', why: { code: 'inbox.permission-denied' } }],
    ['cannot be opened at the moment', { opened: failing('EIO') }, { kind: 'veto', veto: 'unreadable' }],
    ['cannot be read at the moment', { content: failing('ESTALE') }, { kind: 'veto', veto: 'unreadable' }],
    [
      'is held by a download beside it',
      { looked: path => (/(ts|part)$/.test(path) ? stat() : undefined) },
      { veto: 'companion' },
    ],
    ['leaves a doubt on a network', { type: 'cifs' }, { kind: 'doubt', why: { code: 'inbox.no-end' } }],
  ])('%s', async (_, world, expected) => {
    const { dir, counts } = directory(world);
    expect(await inspect(dir, 'clip.ts', KEY)).toMatchObject(expected);
    expect(counts.closed).toBe(world.opened instanceof Error ? 0 : counts.opened);
  });

  it('of another user, whose recorder cannot be seen while it pauses, is waited for longer if its format has no end', async () => {
    const geteuid = vi.spyOn(process, 'geteuid').mockReturnValue(4711);
    try {
      const kindOf = async (uid: bigint) => {
        const [looked, opened] = [() => stat({ uid }), [stat({ uid }), stat({ uid })]];
        const world = { looked: (path: string) => (path.endsWith('clip.ts') ? looked() : undefined), opened };
        return (await inspect(directory(world).dir, 'clip.ts', KEY)).kind;
      };
      expect(await kindOf(1002n)).toBe('doubt');
      expect(await kindOf(4711n)).toBe('complete');
    } finally {
      geteuid.mockRestore();
    }
  });

  it.each([
    ['ext4', 1_000_000n, 'doubt'],
    ['btrfs', 1_000_000n, 'complete'],
    ['ext4', 65_536n, 'doubt'],
    ['ext4', 65_535n, 'complete'],
  ])('with fewer blocks than bytes on %s, of %d bytes: %s', async (type, size, kind) => {
    const sparse = stat({ size, blocks: 8n });
    const world = {
      type,
      looked: (path: string) => (path.endsWith('.ts') ? sparse : undefined),
      opened: [sparse, sparse],
    };
    expect(await inspect(directory(world).dir, 'clip.ts', pinKey(sparse))).toMatchObject({ kind });
  });

  it('that is empty is never opened', async () => {
    const empty = stat({ size: 0n });
    const { dir, counts } = directory({ looked: path => (path.endsWith('.ts') ? empty : undefined) });
    expect(await inspect(dir, 'clip.ts', pinKey(empty))).toMatchObject({ kind: 'veto', veto: 'empty' });
    expect(counts.opened).toBe(0);
  });

  it('on a mount that hangs is not inspected at all', async () => {
    const silent = new ShrinkError('unavailable', '/mnt/nas does not answer');
    await expect(inspect(directory({ content: silent }).dir, 'clip.ts', KEY)).rejects.toBe(silent);
  });
});
