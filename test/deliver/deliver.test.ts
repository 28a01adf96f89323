import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isShrinkError, ShrinkError } from '../../src/core/errors.ts';
import type { PublishIntent } from '../../src/core/job.ts';
import { deliver, findPublished } from '../../src/deliver/deliver.ts';
import { identityOf } from '../../src/deliver/output-folder.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import {
  deliveryFixture,
  aVerified,
  type DeliveryFixture,
  pattern,
  read,
  SOURCE_MTIME_MS,
} from '../support/delivery.ts';
import { FailingFiles } from '../support/failing-files.ts';

let fixture: DeliveryFixture;
beforeEach(() => {
  fixture = deliveryFixture();
});
afterEach(() => fixture.close());

const failure = (promise: Promise<unknown>): Promise<ShrinkError> =>
  promise.then(
    () => Promise.reject(new Error('was delivered')),
    error => (error instanceof ShrinkError ? error : Promise.reject(error)),
  );

describe('a delivery', () => {
  test('appears under its name with the date of its source, and says where and how large', async () => {
    const delivery = await deliver(fixture.verified, fixture.options({ relative: 'trips/2026/clip.mp4' }));
    expect(delivery).toEqual({ output: join(fixture.outbox, 'trips/2026/clip.mp4'), bytes: 3000 });
    expect(fixture.seen()).toEqual(['trips/2026/clip.mp4: 3000']);
    expect(read(delivery.output).equals(fixture.content)).toBe(true);
    expect(statSync(delivery.output).mtimeMs).toBeCloseTo(SOURCE_MTIME_MS, 0);
    expect(statSync(delivery.output).nlink).toBe(1);
    expect(read(fixture.candidate).equals(fixture.content)).toBe(true);
  });

  test('is complete, dated, synced and journaled before its name appears, and durable after', async () => {
    const files = new FailingFiles();
    const onIntent = (intent: PublishIntent) => files.note('journal', intent.target);
    await deliver(fixture.verified, fixture.options({ files, onIntent, relative: 'sub/clip.mp4' }));
    const told = new Set(['mkdir', 'write', 'utimes', 'sync', 'sync folder', 'journal', 'link', 'unlink']);
    const steps = files.calls
      .filter(call => told.has(call.operation))
      .map(call => `${call.operation} ${call.path.slice(fixture.outbox.length)}`);
    expect(steps).toEqual([
      'mkdir /sub',
      'sync folder ',
      'unlink /sub/.shrinkbox-job1.part',
      'write /sub/.shrinkbox-job1.part',
      'utimes /sub/.shrinkbox-job1.part',
      'sync /sub/.shrinkbox-job1.part',
      'journal /sub/clip.mp4',
      'link /sub/clip.mp4',
      'unlink /sub/.shrinkbox-job1.part',
      'sync folder /sub',
    ]);
  });

  test('shows an observer its final name once, whole, dated and never touched again', async () => {
    fixture.close();
    fixture = deliveryFixture({ bytes: 8_000_000 });
    const events: string[] = [];
    const sizes = new Set<string>();
    const watcher = watch(fixture.outbox, (event, name) => {
      if (name === 'end') return;
      events.push(`${event} ${name}`);
      if (name !== 'clip.mp4') return;
      const { size, mtimeMs } = statSync(join(fixture.outbox, name));
      sizes.add(`${size} ${Math.round(mtimeMs)}`);
    });
    const ended = new Promise<void>(resolve => watcher.on('change', (_event, name) => name === 'end' && resolve()));
    await deliver(fixture.verified, fixture.options());
    writeFileSync(join(fixture.outbox, 'end'), '');
    await ended;
    watcher.close();
    expect(events.filter(event => event.endsWith('clip.mp4'))).toEqual(['rename clip.mp4']);
    expect([...sizes]).toEqual([`8000000 ${SOURCE_MTIME_MS}`]);
    expect(events[0]).toBe('rename .shrinkbox-job1.part');
  });

  test('of a source as it is copies it: the source keeps its one name, its date and its bytes', async () => {
    const source = join(fixture.root, 'inbox/clip.mp4');
    linkSync(fixture.candidate, source);
    rmSync(fixture.candidate);
    const before = await nodeFiles.lstat(source);
    const delivery = await deliver(aVerified(source, fixture.content, { isSource: true }), fixture.options());
    expect(await nodeFiles.lstat(source)).toMatchObject({
      ...before,
      atimeMs: expect.anything(),
      atimeNs: expect.anything(),
      atime: expect.anything(),
    });
    expect(statSync(delivery.output).ino).not.toBe(statSync(source).ino);
  });

  test('has the mode that is asked for, or what the umask leaves', async () => {
    const umask = process.umask();
    const plain = await deliver(fixture.verified, fixture.options());
    expect(statSync(plain.output).mode & 0o777).toBe(0o666 & ~umask);
    const asked = await deliver(fixture.verified, fixture.options({ relative: 'b.mp4', mode: 0o640 }));
    expect(statSync(asked.output).mode & 0o777).toBe(0o640);
  });

  test('belongs to the group of a setgid folder', async () => {
    // A group we may give: any as root, else one of ours (which proves less where there is only one).
    const group = process.getuid?.() === 0 ? 12_345 : (process.getgroups?.().at(-1) ?? 0);
    execFileSync('chgrp', [String(group), fixture.outbox]);
    chmodSync(fixture.outbox, 0o2775);
    const delivery = await deliver(fixture.verified, fixture.options({ relative: 'new/clip.mp4' }));
    expect(statSync(delivery.output).gid).toBe(group);
    expect(statSync(join(fixture.outbox, 'new')).gid).toBe(group);
  });

  test('continues where a file system takes no dates, no modes and no sync of folders', async () => {
    const files = new FailingFiles()
      .fail('chmod', 'EPERM')
      .fail('utimes', 'EPERM')
      .fail('sync', 'ENOTSUP')
      .fail('sync folder', 'EINVAL', { forever: true });
    await deliver(fixture.verified, fixture.options({ files, mode: 0o640 }));
    expect(fixture.seen()).toEqual(['clip.mp4: 3000']);
  });

  test('reports progress in bytes', async () => {
    fixture.close();
    fixture = deliveryFixture({ bytes: 2 ** 20 + 10 });
    const progress: number[] = [];
    await deliver(fixture.verified, fixture.options({ onProgress: bytes => progress.push(bytes) }));
    expect(progress).toEqual([2 ** 20, 2 ** 20 + 10]);
  });

  test('that is stopped leaves nothing behind', async () => {
    fixture.close();
    fixture = deliveryFixture({ bytes: 3 * 2 ** 20 });
    const stop = new AbortController();
    const error = await failure(
      deliver(fixture.verified, fixture.options({ signal: stop.signal, onProgress: () => stop.abort() })),
    );
    expect(error.code).toBe('cancelled');
    expect(fixture.seen()).toEqual([]);
  });
});

test('a delivery stopped while names are listed is not published', async () => {
  const stop = new AbortController();
  const readdir: typeof nodeFiles.readdir = path => {
    stop.abort();
    return nodeFiles.readdir(path);
  };
  const options = fixture.options({ signal: stop.signal, files: { ...nodeFiles, readdir } });
  expect((await failure(deliver(fixture.verified, options))).code).toBe('cancelled');
  expect(fixture.seen()).toEqual([]);
  expect(fixture.intents).toEqual([]);
});

test('two deliveries that make the same folder do not trip over each other', async () => {
  const mkdir: typeof nodeFiles.mkdir = async path => {
    await nodeFiles.mkdir(path);
    return nodeFiles.mkdir(path);
  };
  await deliver(fixture.verified, fixture.options({ relative: 'sub/clip.mp4', files: { ...nodeFiles, mkdir } }));
  expect(fixture.seen()).toEqual(['sub/clip.mp4: 3000']);
});

test('a share that links and loses the answer has published', async () => {
  const link: typeof nodeFiles.link = async (from, to) => {
    await nodeFiles.link(from, to);
    return nodeFiles.link(from, to);
  };
  await deliver(fixture.verified, fixture.options({ files: { ...nodeFiles, link } }));
  expect(fixture.seen()).toEqual(['clip.mp4: 3000']);
});

describe('a name that is taken', () => {
  const deliverTo = async (relative = 'clip.mp4') =>
    (await deliver(fixture.verified, fixture.options({ relative }))).output.slice(fixture.outbox.length + 1);

  test.each([
    ['another file', (path: string) => writeFileSync(path, 'mine'), 'clip.mp4: 4'],
    ['an empty file', (path: string) => writeFileSync(path, ''), 'clip.mp4: 0'],
    ['a file nobody may write', (path: string) => writeFileSync(path, 'mine', { mode: 0o400 }), 'clip.mp4: 4'],
    ['a folder', (path: string) => mkdirSync(path), undefined],
    ['a dangling link', (path: string) => symlinkSync('/nowhere', path), 'clip.mp4: 8'],
  ])('by %s stays, and ours gets a number', async (_what, make, listed) => {
    make(join(fixture.outbox, 'clip.mp4'));
    expect(await deliverTo()).toBe('clip (2).mp4');
    expect(await deliverTo('other.mp4')).toBe('other.mp4');
    const expected = ['clip (2).mp4: 3000', ...(listed ? [listed] : []), 'other.mp4: 3000'];
    expect(fixture.seen()).toEqual(expected.sort());
  });

  test('by files of the same size and other bytes: the next free number, each name journaled before it is tried', async () => {
    for (const name of ['clip.mp4', 'clip (2).mp4']) writeFileSync(join(fixture.outbox, name), pattern(3000, name));
    expect(await deliverTo()).toBe('clip (3).mp4');
    expect(fixture.intents.map(intent => intent.target)).toEqual([join(fixture.outbox, 'clip (3).mp4')]);
  });

  test('by the very same bytes is this delivery: no second copy, and it is made durable', async () => {
    writeFileSync(join(fixture.outbox, 'clip.mp4'), fixture.content);
    const files = new FailingFiles();
    const delivery = await deliver(fixture.verified, fixture.options({ files }));
    expect(delivery.output).toBe(join(fixture.outbox, 'clip.mp4'));
    expect(fixture.seen()).toEqual(['clip.mp4: 3000']);
    expect(files.calls).toContainEqual({ operation: 'sync', path: delivery.output });
  });

  test.skipIf(process.geteuid?.() !== 0)(
    'by the very same bytes of somebody else: that is no delivery, because they could empty it (needs root)',
    async () => {
      const path = join(fixture.outbox, 'clip.mp4');
      writeFileSync(path, fixture.content);
      chownSync(path, 12_345, 12_345);
      expect(await deliverTo()).toBe('clip (2).mp4');
      expect(fixture.seen()).toEqual(['clip (2).mp4: 3000', 'clip.mp4: 3000']);
    },
  );

  test.each([
    ['case', 'Clip.MP4', 'clip.mp4', 'clip (2).mp4'],
    ['accents', 'cafe\u0301.mp4', 'café.mp4', 'café (2).mp4'],
  ])('up to %s', async (_what, existing, wanted, given) => {
    writeFileSync(join(fixture.outbox, existing), 'mine');
    expect(await deliverTo(wanted)).toBe(given);
  });

  test('in the moment between looking and taking: the file system decides', async () => {
    const files = new FailingFiles();
    const onIntent = async (intent: PublishIntent) => {
      fixture.intents.push(intent);
      if (fixture.intents.length === 1) writeFileSync(intent.target, 'faster');
    };
    const delivery = await deliver(fixture.verified, fixture.options({ files, onIntent }));
    expect(delivery.output).toBe(join(fixture.outbox, 'clip (2).mp4'));
    expect(fixture.seen()).toEqual(['clip (2).mp4: 3000', 'clip.mp4: 6']);
    expect(fixture.intents.map(intent => intent.target.slice(fixture.outbox.length + 1))).toEqual([
      'clip.mp4',
      'clip (2).mp4',
    ]);
  });

  test('by nobody yet, wanted by many jobs at once in all spellings: each gets one of its own', async () => {
    const spellings = ['é.mp4', 'É.mp4', 'e\u0301.mp4', 'é.MP4', 'E\u0301.mp4', 'é.mp4'];
    const deliveries = await Promise.all(
      spellings.map((relative, i) => {
        const content = pattern(3000, `content ${i}`);
        const path = join(fixture.root, 'work', `result${i}`);
        writeFileSync(path, content);
        return deliver(aVerified(path, content), fixture.options({ job: `job${i}`, relative }));
      }),
    );
    const keys = deliveries.map(({ output }) => output.normalize('NFC').toLowerCase());
    expect(new Set(keys).size).toBe(spellings.length);
    expect(fixture.seen()).toHaveLength(spellings.length);
    deliveries.forEach(({ output }, i) => expect(read(output).equals(pattern(3000, `content ${i}`))).toBe(true));
  });

  test('a thousand times over is a matter for a person', async () => {
    const entries = Array.from({ length: 1000 }, (_, i) => (i === 0 ? 'clip.mp4' : `clip (${i + 1}).mp4`));
    for (const name of entries) writeFileSync(join(fixture.outbox, name), '');
    const error = await failure(deliver(fixture.verified, fixture.options()));
    expect(error.code).toBe('denied');
    expect(readdirSync(fixture.outbox)).toHaveLength(1000);
  });
});

describe('a file system without links', () => {
  const withoutLinks = () => new FailingFiles().fail('link', 'EPERM', { forever: true });

  test('gets a reserved name renamed over', async () => {
    const files = withoutLinks();
    await deliver(fixture.verified, fixture.options({ files }));
    expect(fixture.seen()).toEqual(['clip.mp4: 3000']);
    expect(files.calls.filter(call => call.operation === 'rename')).toHaveLength(1);
  });

  test('still overwrites nothing', async () => {
    const files = withoutLinks();
    const onIntent = async (intent: PublishIntent) => {
      if (fixture.intents.push(intent) === 1) writeFileSync(intent.target, 'faster');
    };
    await deliver(fixture.verified, fixture.options({ files, onIntent }));
    expect(fixture.seen()).toEqual(['clip (2).mp4: 3000', 'clip.mp4: 6']);
  });

  test('keeps no reservation when the rename fails', async () => {
    const error = await failure(
      deliver(fixture.verified, fixture.options({ files: withoutLinks().fail('rename', 'EIO') })),
    );
    expect(error.code).toBe('io');
    expect(fixture.seen()).toEqual([]);
  });
});

describe('where it may not go', () => {
  test('a link inside the outbox that leads out is not followed', async () => {
    symlinkSync(join(fixture.root, 'inbox'), join(fixture.outbox, 'away'));
    const error = await failure(deliver(fixture.verified, fixture.options({ relative: 'away/clip.mp4' })));
    expect(error).toMatchObject({ code: 'denied', message: expect.stringContaining('leads out of') });
    expect(readdirSync(join(fixture.root, 'inbox'))).toEqual([]);
  });

  test('a link that stays inside is', async () => {
    mkdirSync(join(fixture.outbox, 'real'));
    symlinkSync('real', join(fixture.outbox, 'alias'));
    await deliver(fixture.verified, fixture.options({ relative: 'alias/clip.mp4' }));
    expect(read(fixture.outbox, 'real/clip.mp4').equals(fixture.content)).toBe(true);
  });

  test('the outbox itself may be a link', async () => {
    const alias = join(fixture.root, 'alias');
    symlinkSync('outbox', alias);
    const delivery = await deliver(fixture.verified, fixture.options({ outbox: alias, relative: 'a/clip.mp4' }));
    expect(delivery.output).toBe(join(alias, 'a/clip.mp4'));
    expect(fixture.seen()).toEqual(['a/clip.mp4: 3000']);
  });

  test.each([
    ['a file', (path: string) => writeFileSync(path, 'mine')],
    ['a dangling link', (path: string) => symlinkSync('/nowhere', path)],
    ['a link to itself', (path: string) => symlinkSync('sub', path)],
  ])('%s where a folder is needed', async (_what, make) => {
    make(join(fixture.outbox, 'sub'));
    const error = await failure(deliver(fixture.verified, fixture.options({ relative: 'sub/clip.mp4' })));
    expect(error).toMatchObject({ code: 'denied', hint: expect.stringContaining('output template') });
  });

  test.each([
    ['an inbox below the outbox', 'outbox/in', 'in/clip.mp4'],
    ['an outbox below an inbox', '.', 'clip.mp4'],
    ['the outbox itself', 'outbox', 'clip.mp4'],
  ])('%s', async (_what, forbidden, relative) => {
    mkdirSync(join(fixture.outbox, 'in'));
    const options = fixture.options({
      relative,
      forbidden: [join(fixture.root, 'nowhere'), join(fixture.root, forbidden)],
    });
    const error = await failure(deliver(fixture.verified, options));
    expect(error).toMatchObject({ code: 'denied', message: expect.stringContaining('inbox or the state directory') });
    expect(fixture.seen()).toEqual([]);
  });

  test('an empty name', async () => {
    expect((await failure(deliver(fixture.verified, fixture.options({ relative: '/' })))).code).toBe('bad-name');
  });

  test('a sub-folder that exists in another spelling is used, not doubled', async () => {
    mkdirSync(join(fixture.outbox, 'Cafe\u0301'));
    const delivery = await deliver(fixture.verified, fixture.options({ relative: 'café/clip.mp4' }));
    expect(delivery.output).toBe(join(fixture.outbox, 'Cafe\u0301/clip.mp4'));
  });
});

describe('an outbox that is not there', () => {
  test('missing: waits, and is not made', async () => {
    rmSync(fixture.outbox, { recursive: true });
    const error = await failure(deliver(fixture.verified, fixture.options()));
    expect(error.code).toBe('unavailable');
    expect(readdirSync(fixture.root).sort()).toEqual(['inbox', 'work']);
  });

  // Was: held, with "checking ...: EPERM", once the result stood there.
  test('that gives no name back: waits and says what to change, and finds its result once that is done', async () => {
    const files = new FailingFiles().fail('unlink', 'EPERM', { nth: 2, forever: true });
    let intent: PublishIntent | undefined;
    const onIntent = async (given: PublishIntent) => void (intent = given);
    const waits = { code: 'unavailable', hint: expect.stringContaining('chattr') };
    expect(await failure(deliver(fixture.verified, fixture.options({ files, onIntent })))).toMatchObject(waits);
    if (!intent) throw new Error('never published');
    expect(await failure(findPublished(intent, fixture.options({ files })))).toMatchObject(waits);
    expect(await findPublished(intent, fixture.options())).toMatchObject({ output: intent.target });
    expect(readdirSync(fixture.outbox)).toEqual(['clip.mp4']);
  });

  test('replaced by another folder, as an empty mount point: nothing is put there', async () => {
    const outboxIdentity = await identityOf(fixture.outbox, nodeFiles);
    renameSync(fixture.outbox, `${fixture.outbox}-mounted`);
    mkdirSync(fixture.outbox);
    const error = await failure(
      deliver(fixture.verified, fixture.options({ outboxIdentity, relative: 'sub/clip.mp4' })),
    );
    expect(error).toMatchObject({ code: 'unavailable', hint: expect.stringContaining('Mount') });
    expect(readdirSync(fixture.outbox)).toEqual([]);
  });

  test('replaced in the moment before the copy: what was begun there is removed again', async () => {
    const outboxIdentity = await identityOf(fixture.outbox, nodeFiles);
    const open: typeof nodeFiles.open = async (path, flags, mode) => {
      if (flags === 'wx') {
        renameSync(fixture.outbox, `${fixture.outbox}-mounted`);
        mkdirSync(fixture.outbox);
      }
      return nodeFiles.open(path, flags, mode);
    };
    const options = fixture.options({ outboxIdentity, files: { ...nodeFiles, open } });
    expect((await failure(deliver(fixture.verified, options))).code).toBe('unavailable');
    expect(readdirSync(fixture.outbox)).toEqual([]);
  });

  test('gone between copying and publishing: nothing appears in its place', async () => {
    const outboxIdentity = await identityOf(fixture.outbox, nodeFiles);
    const onIntent = async () => {
      renameSync(fixture.outbox, `${fixture.outbox}-mounted`);
      mkdirSync(fixture.outbox);
    };
    const error = await failure(deliver(fixture.verified, fixture.options({ outboxIdentity, onIntent })));
    expect(error.code).toBe('unavailable');
    expect(readdirSync(fixture.outbox)).toEqual([]);
  });

  test.each(['ENOTCONN', 'ESTALE', 'ENOENT'])('%s while it is written to', async errno => {
    const files = new FailingFiles().fail('write', errno, { on: '.part' });
    expect((await failure(deliver(fixture.verified, fixture.options({ files })))).code).toBe('unavailable');
    expect(fixture.seen()).toEqual([]);
  });
});

describe('a file other than the one that was checked', () => {
  test('a source that was written to since', async () => {
    const source = aVerified(fixture.candidate, fixture.content, { isSource: true });
    writeFileSync(fixture.candidate, pattern(3000, 'newer'));
    expect((await failure(deliver(source, fixture.options()))).code).toBe('changed-underneath');
    expect(fixture.seen()).toEqual([]);
  });

  test('a source that is gone', async () => {
    const source = aVerified(fixture.candidate, fixture.content, { isSource: true });
    rmSync(fixture.candidate);
    expect((await failure(deliver(source, fixture.options()))).code).toBe('gone');
  });

  test.each([
    ['that changed', () => writeFileSync(fixture.candidate, pattern(3000, 'newer'))],
    ['that became shorter', () => writeFileSync(fixture.candidate, 'x')],
    ['that is gone', () => rmSync(fixture.candidate)],
  ])('a candidate %s is made again: its source is not what is wrong', async (_what, harm) => {
    harm();
    expect((await failure(deliver(fixture.verified, fixture.options()))).code).toBe('io');
    expect(fixture.seen()).toEqual([]);
  });

  test('a copy that reads back differently is not delivered', async () => {
    const open: typeof nodeFiles.open = async (path, flags, mode) => {
      const handle = await nodeFiles.open(path, flags, mode);
      return {
        ...handle,
        async write(buffer, offset, length, position) {
          const flipped = Buffer.from(buffer);
          flipped[offset] = (flipped[offset] ?? 0) ^ 1;
          return handle.write(flipped, offset, length, position);
        },
      };
    };
    const error = await failure(deliver(fixture.verified, fixture.options({ files: { ...nodeFiles, open } })));
    expect(error).toMatchObject({ code: 'io', message: expect.stringContaining('reads back differently') });
    expect(fixture.seen()).toEqual([]);
  });

  test('a stop asked for while journaling keeps its own reason', async () => {
    const changed = new ShrinkError('gone', 'the source is gone', { subject: 'source' });
    const error = await failure(
      deliver(fixture.verified, fixture.options({ onIntent: () => Promise.reject(changed) })),
    );
    expect(error).toBe(changed);
    expect(isShrinkError(error, 'gone')).toBe(true);
    expect(fixture.seen()).toEqual([]);
  });
});
