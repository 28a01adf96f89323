import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  copyInto,
  type CopyOptions,
  createDurably,
  newFile,
  replaceDurably,
  syncDir,
} from '../../../src/platform/files/durable.ts';
import { holding } from '../../../src/platform/files/entry.ts';
import { type Files, nodeFiles, openToRead, sha256Of } from '../../../src/platform/files/files.ts';
import { createLogger, silentLogger } from '../../../src/platform/log.ts';
import { pattern } from '../../support/delivery.ts';
import { FailingFiles } from '../../support/failing-files.ts';

const MIB = 2 ** 20;
let dir: string;
const at = (name: string) => join(dir, name);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'shrinkbox-durable-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('a new file', () => {
  test('is written whole and synced', async () => {
    const files = new FailingFiles();
    await createDurably(newFile(at('a'), files), 'words', { log: silentLogger, mode: 0o600 });
    expect(readFileSync(at('a'), 'utf8')).toBe('words');
    expect(statSync(at('a')).mode & 0o777).toBe(0o600);
    expect(files.calls.map(call => call.operation)).toEqual(['open', 'write', 'sync', 'close']);
  });

  test('never replaces one', async () => {
    writeFileSync(at('a'), 'mine');
    const creating = createDurably(newFile(at('a'), nodeFiles), 'theirs', { log: silentLogger });
    await expect(creating).rejects.toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(at('a'), 'utf8')).toBe('mine');
  });

  test.each(['write', 'sync', 'close'] as const)('is removed when %s fails', async operation => {
    const files = new FailingFiles().fail(operation, 'EIO');
    await expect(createDurably(newFile(at('a'), files), 'words', { log: silentLogger })).rejects.toMatchObject({
      code: 'EIO',
    });
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe('a replaced file', () => {
  test('is the old one or the new one, wherever a crash falls', async () => {
    for (let nth = 1; ; nth += 1) {
      writeFileSync(at('a'), 'old');
      const files = new FailingFiles().crashAt(nth);
      await replaceDurably(at('a'), 'new', { files, log: silentLogger }).catch(() => {});
      const content = readFileSync(at('a'), 'utf8');
      if (!files.hasCrashed) {
        expect(content).toBe('new');
        expect(files.changes.map(call => call.operation)).toEqual([
          ...['unlink', 'open', 'write', 'sync'],
          ...['rename', 'sync folder'],
        ]);
        break;
      }
      expect(['old', 'new']).toContain(content);
    }
    // What a crash left at the temporary name did not stand in the way.
    expect(readdirSync(dir)).toEqual(['a']);
  });
});

describe('a copy', () => {
  const copy = async (more: Partial<CopyOptions> = {}, files: Files = nodeFiles) =>
    holding(openToRead(at('a'), files), from =>
      copyInto(from, newFile(at('b'), files), { log: silentLogger, ...more }),
    );

  test.each([0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB])(
    'of %i bytes is equal, and told by digest, size and inode',
    async bytes => {
      const content = pattern(bytes, 'copy');
      writeFileSync(at('a'), content);
      const made = await copy();
      const sha256 = createHash('sha256').update(content).digest('hex');
      expect(made).toEqual({ bytes, sha256, ino: String(statSync(at('b'), { bigint: true }).ino) });
      expect(await sha256Of(at('b'), nodeFiles)).toBe(sha256);
    },
  );

  test('never replaces anything', async () => {
    writeFileSync(at('a'), 'x');
    writeFileSync(at('b'), 'mine');
    await expect(copy()).rejects.toMatchObject({ name: 'ShrinkError' });
    expect(statSync(at('b')).size).toBe(4);
  });

  test('continues after short writes, as before a full disk', async () => {
    const content = pattern(5000, 'short');
    writeFileSync(at('a'), content);
    const files = {
      ...nodeFiles,
      open: async (...args: Parameters<typeof nodeFiles.open>) => {
        const handle = await nodeFiles.open(...args);
        const write: typeof handle.write = (buffer, offset, length, position) =>
          handle.write(buffer, offset, Math.min(length, 999), position);
        return { ...handle, write };
      },
    };
    const made = await copy({}, files);
    expect(await sha256Of(at('b'), nodeFiles)).toBe(createHash('sha256').update(content).digest('hex'));
    expect(made.bytes).toBe(5000);
  });

  test('of a file that changes its size meanwhile is given up', async () => {
    writeFileSync(at('a'), pattern(2 * MIB, 'shrinks'));
    const onProgress = () => truncateSync(at('a'), MIB + 5);
    await expect(copy({ onProgress })).rejects.toMatchObject({
      code: 'changed-underneath',
    });
    expect(statSync(at('b'), { throwIfNoEntry: false })).toBeUndefined();
  });

  test('that is stopped goes away', async () => {
    writeFileSync(at('a'), 'x');
    const signal = AbortSignal.abort();
    await expect(copy({ signal })).rejects.toMatchObject({ code: 'cancelled' });
    expect(statSync(at('b'), { throwIfNoEntry: false })).toBeUndefined();
  });

  test('is dated before it is synced, and closed in any case', async () => {
    writeFileSync(at('a'), 'x');
    const files = new FailingFiles();
    await copy({ mtimeMs: 1_500_000_000_250, mode: 0o600 }, files);
    expect(statSync(at('b'))).toMatchObject({ mtimeMs: 1_500_000_000_250 });
    const order = files.calls.filter(call => call.path === at('b')).map(call => call.operation);
    expect(order).toEqual(['open', 'write', 'chmod', 'utimes', 'sync', 'handle stat', 'close']);
  });
});

describe('where a file system cannot sync', () => {
  test('it is logged once, and any other error is an error', async () => {
    const lines: string[] = [];
    const log = createLogger({ level: 'warn', format: 'json', stream: { write: line => void lines.push(line) } });
    for (const errno of ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP']) {
      await syncDir(dir, new FailingFiles().fail('sync folder', errno), log);
    }
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ path: dir, errno: 'EINVAL' });
    const failing = syncDir(dir, new FailingFiles().fail('sync folder', 'EIO'), log);
    await expect(failing).rejects.toMatchObject({ code: 'EIO' });
  });
});
