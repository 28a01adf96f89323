import { existsSync, linkSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { isShrinkError } from '../../src/core/errors.ts';
import type { PublishIntent } from '../../src/core/job.ts';
import { deliver, findPublished } from '../../src/deliver/deliver.ts';
import { type Files, nodeFiles } from '../../src/platform/files/files.ts';
import { type DeliveryFixture, deliveryFixture, pattern, read } from '../support/delivery.ts';
import { FailingFiles, type Operation } from '../support/failing-files.ts';

/** The disk kept everything that was done up to the crash; the journal every intent it had acknowledged. */

const open: DeliveryFixture[] = [];
afterEach(() => {
  for (const fixture of open.splice(0)) fixture.close();
});

function newFixture(): DeliveryFixture {
  const fixture = deliveryFixture();
  open.push(fixture);
  return fixture;
}

const withLinks = (): Files => nodeFiles;
const withoutLinks = (): Files => new FailingFiles().fail('link', 'EPERM', { forever: true });

/** One run of the daemon; resolves to whether the delivery came through. */
async function run(fixture: DeliveryFixture, files: FailingFiles, intent: PublishIntent | undefined): Promise<boolean> {
  const onIntent = async (next: PublishIntent) => {
    await files.note('journal', next.target);
    fixture.intents.push(next);
  };
  try {
    await deliver(fixture.verified, fixture.options({ files, onIntent, relative: 'sub/clip.mp4', intent }));
    return true;
  } catch (error) {
    if (!isShrinkError(error) && !files.hasCrashed) throw error;
    return false;
  }
}

/** What must be true whenever the power fails: a final name is journaled first, and never holds half a file. */
function checkNothingHalf(fixture: DeliveryFixture, mayReserve: boolean): void {
  const final = join(fixture.outbox, 'sub/clip.mp4');
  if (!existsSync(final)) return;
  expect(fixture.intents.map(intent => intent.target)).toContain(final);
  const { size } = statSync(final);
  if (!(mayReserve && size === 0)) expect(read(final).equals(fixture.content)).toBe(true);
}

function checkDelivered(fixture: DeliveryFixture, when: string): void {
  expect(fixture.seen(), when).toEqual(['sub/clip.mp4: 3000']);
  expect(read(fixture.outbox, 'sub/clip.mp4').equals(fixture.content), when).toBe(true);
  expect(read(fixture.candidate).equals(fixture.content), when).toBe(true);
}

describe.each([
  ['with links', withLinks, false],
  ['without links', withoutLinks, true],
])('on a file system %s', (_kind, disk, mayReserve) => {
  test('a crash at any step, then a second run: exactly one whole file, no trace of the first', async () => {
    for (let at = 1; ; at++) {
      const fixture = newFixture();
      const files = new FailingFiles(disk()).crashAt(at);
      if (await run(fixture, files, undefined)) {
        expect(files.changes).toHaveLength(at - 1);
        expect(at).toBeGreaterThan(10);
        break;
      }
      const when = `crash at change ${at}, ${files.changes[at - 1]?.operation}`;
      checkNothingHalf(fixture, mayReserve);
      expect(await run(fixture, new FailingFiles(disk()), fixture.intents.at(-1)), when).toBe(true);
      checkDelivered(fixture, when);
    }
  });

  test('a second crash at any step of the second run, then a third run: the same', async () => {
    const clean = new FailingFiles(disk());
    await run(newFixture(), clean, undefined);
    const journaled = clean.changes.findIndex(call => call.operation === 'journal') + 1;
    for (let first = journaled; first <= clean.changes.length; first++) {
      for (let second = 1; ; second++) {
        const fixture = newFixture();
        await run(fixture, new FailingFiles(disk()).crashAt(first), undefined);
        const isThrough = await run(fixture, new FailingFiles(disk()).crashAt(second), fixture.intents.at(-1));
        checkNothingHalf(fixture, mayReserve);
        if (!isThrough) expect(await run(fixture, new FailingFiles(disk()), fixture.intents.at(-1))).toBe(true);
        checkDelivered(fixture, `crash at change ${first}, then at ${second}`);
        fixture.close();
        if (isThrough) break;
      }
    }
  });
});

/** An error, unlike a crash, leaves time to clean up. */
describe('an error', () => {
  const FAULTS: [Operation, string, string, on?: string][] = [
    ['write', 'ENOSPC', 'no-space'],
    ['write', 'EDQUOT', 'no-space'],
    ['write', 'EIO', 'io'],
    ['open', 'EACCES', 'unavailable', 'outbox'],
    ['sync', 'EIO', 'io'],
    ['close', 'ENOSPC', 'no-space', '.part'],
    ['read', 'EIO', 'io'],
    ['utimes', 'EIO', 'io'],
    ['mkdir', 'EROFS', 'unavailable'],
    ['mkdir', 'ENOSPC', 'no-space'],
    ['link', 'EACCES', 'unavailable'],
    ['link', 'ENOSPC', 'no-space'],
    ['link', 'EROFS', 'unavailable'],
    ['readdir', 'ESTALE', 'unavailable'],
    ['sync folder', 'EIO', 'io'],
    ['stat', 'ENOTCONN', 'unavailable'],
  ];

  test.each(FAULTS)(
    'of %s with %s is told as %s at every call, and leaves nothing half done',
    async (operation, errno, code, on) => {
      for (let nth = 1; ; nth++) {
        const fixture = newFixture();
        const files = new FailingFiles().fail(operation, errno, { nth, ...(on && { on }) });
        const onIntent = async (intent: PublishIntent) => void fixture.intents.push(intent);
        const attempt = deliver(fixture.verified, fixture.options({ files, onIntent, relative: 'sub/clip.mp4' }));
        const error = await attempt.then(() => undefined).catch(error => error);
        if (error === undefined) {
          expect(nth).toBeGreaterThan(1);
          break;
        }
        expect(error, `call ${nth}`).toMatchObject({ name: 'ShrinkError', code });
        // What has its name keeps it, although it could not be made durable.
        const isNamed = operation !== 'link' && files.calls.some(call => call.operation === 'link');
        expect(fixture.seen(), `call ${nth}`).toEqual(isNamed ? ['sub/clip.mp4: 3000'] : []);
        expect(await run(fixture, new FailingFiles(), fixture.intents.at(-1))).toBe(true);
        checkDelivered(fixture, `after ${errno} at call ${nth} of ${operation}`);
      }
    },
  );

  test('of removing the temporary name after publishing: the next run finds the delivery and tidies up', async () => {
    const fixture = newFixture();
    const files = new FailingFiles().fail('unlink', 'EIO', { nth: 2, forever: true });
    expect(await run(fixture, files, undefined)).toBe(false);
    expect(fixture.seen()).toEqual(['sub/.shrinkbox-job1.part: 3000', 'sub/clip.mp4: 3000']);
    expect(await run(fixture, new FailingFiles(), fixture.intents.at(-1))).toBe(true);
    checkDelivered(fixture, 'after EIO');
  });
});

describe('a journaled intent', () => {
  const intentOf = (fixture: DeliveryFixture, ino: string): PublishIntent => ({
    temp: join(fixture.outbox, '.shrinkbox-job1.part'),
    target: join(fixture.outbox, 'clip.mp4'),
    ino,
    bytes: fixture.verified.bytes,
    sha256: fixture.verified.sha256,
  });
  const find = (fixture: DeliveryFixture, intent: PublishIntent) => findPublished(intent, fixture.options());
  const inoOf = (path: string) => String(statSync(path, { bigint: true }).ino);

  test('that was carried out under another inode (a share numbers anew) is known by its bytes', async () => {
    const fixture = newFixture();
    writeFileSync(join(fixture.outbox, 'clip.mp4'), fixture.content);
    expect(await find(fixture, intentOf(fixture, '1'))).toEqual({
      output: join(fixture.outbox, 'clip.mp4'),
      bytes: 3000,
    });
  });

  test('is not carried out by a file of somebody else with the same size, nor by one with the same inode', async () => {
    const fixture = newFixture();
    const target = join(fixture.outbox, 'clip.mp4');
    writeFileSync(target, pattern(3000, 'other'));
    expect(await find(fixture, intentOf(fixture, '1'))).toBeUndefined();
    writeFileSync(target, 'shorter');
    expect(await find(fixture, intentOf(fixture, inoOf(target)))).toBeUndefined();
    expect(fixture.seen()).toEqual(['clip.mp4: 7']);
  });

  test('leaves an empty file alone that was there before our temporary one, or without it', async () => {
    const fixture = newFixture();
    writeFileSync(join(fixture.outbox, 'clip.mp4'), '');
    expect(await find(fixture, intentOf(fixture, '1'))).toBeUndefined();
    expect(fixture.seen()).toEqual(['clip.mp4: 0']);
    writeFileSync(join(fixture.outbox, '.shrinkbox-job1.part'), fixture.content);
    linkSync(join(fixture.outbox, '.shrinkbox-job1.part'), join(fixture.root, 'touch'));
    rmSync(join(fixture.root, 'touch'));
    expect(await find(fixture, intentOf(fixture, '1'))).toBeUndefined();
    expect(fixture.seen()).toEqual(['clip.mp4: 0']);
  });

  test('never has a file removed that is not our temporary one', async () => {
    const fixture = newFixture();
    const temp = join(fixture.outbox, '.shrinkbox-other.part');
    writeFileSync(temp, 'busy');
    await find(fixture, { ...intentOf(fixture, '1'), temp });
    expect(fixture.seen()).toEqual(['.shrinkbox-other.part: 4']);
  });

  test('cannot be judged while the outbox is away', async () => {
    const fixture = newFixture();
    const intent = intentOf(fixture, '1');
    rmSync(fixture.outbox, { recursive: true });
    await expect(find(fixture, intent)).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('into a sub-folder that somebody removed is not carried out', async () => {
    const fixture = newFixture();
    const target = join(fixture.outbox, 'sub/clip.mp4');
    expect(await find(fixture, { ...intentOf(fixture, '1'), target })).toBeUndefined();
  });

  test('whose file was removed again is delivered again rather than lost', async () => {
    const fixture = newFixture();
    await run(fixture, new FailingFiles(), undefined);
    mkdirSync(join(fixture.root, 'library'));
    renameSync(join(fixture.outbox, 'sub/clip.mp4'), join(fixture.root, 'library/clip.mp4'));
    expect(await run(fixture, new FailingFiles(), fixture.intents.at(-1))).toBe(true);
    checkDelivered(fixture, 'taken away');
  });
});
