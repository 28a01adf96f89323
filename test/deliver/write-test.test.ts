import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { probeFolder } from '../../src/deliver/write-test.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import { type DeliveryFixture, deliveryFixture } from '../support/delivery.ts';
import { FailingFiles, type Operation } from '../support/failing-files.ts';

let fixture: DeliveryFixture;
beforeEach(() => {
  fixture = deliveryFixture();
});
afterEach(() => fixture.close());

test('a folder of our own does everything, and is left as it was', async () => {
  const probe = await probeFolder(fixture.outbox, nodeFiles, 'x1');
  expect(probe.isUsable).toBe(true);
  expect(probe.checks.map(check => `${check.name}: ${check.result}`)).toEqual([
    'space: ok',
    'list: ok',
    'create: ok',
    'write: ok',
    'date: ok',
    'sync: ok',
    'remove: ok',
    'link: ok',
    'rename: ok',
    'sync folder: ok',
  ]);
  expect(probe.checks[0]?.said).toMatch(/^[\d.]+ .?B of [\d.]+ .?B free$/);
  expect(fixture.seen()).toEqual([]);
});

test.each<[Operation, string, boolean, string]>([
  ['link', 'EPERM', true, 'link: worse'],
  ['link', 'EIO', true, 'link: worse'],
  ['link', 'EACCES', false, 'link: failed'],
  ['utimes', 'EPERM', true, 'date: worse'],
  ['sync', 'EINVAL', true, 'sync: worse'],
  ['sync folder', 'EINVAL', true, 'sync folder: worse'],
  ['open', 'EACCES', false, 'list: failed'],
  ['write', 'ENOSPC', false, 'write: failed'],
  ['rename', 'EACCES', false, 'rename: failed'],
  ['readdir', 'EACCES', false, 'list: failed'],
  ['statfs', 'EIO', false, 'space: failed'],
])('%s that fails with %s', async (operation, errno, isUsable, told) => {
  const probe = await probeFolder(fixture.outbox, new FailingFiles().fail(operation, errno), 'x1');
  expect(probe.isUsable).toBe(isUsable);
  const failed = probe.checks.filter(check => check.result !== 'ok');
  expect(failed.map(check => `${check.name}: ${check.result}`)).toEqual([told]);
  expect(failed[0]?.said).toContain(errno);
  expect(fixture.seen()).toEqual([]);
});

test('what could not be renamed in the test is removed at its end', async () => {
  const probe = await probeFolder(fixture.outbox, new FailingFiles().fail('rename', 'EACCES'), 'x1');
  expect(probe.checks.filter(check => check.result === 'failed').map(check => check.name)).toEqual(['rename']);
  expect(fixture.seen()).toEqual([]);
});

// Was: EEXIST, a chown as the remedy, and two more files by each test.
test('a folder that takes names and gives none back says so, and one file is all that stays', async () => {
  const fail = () => new FailingFiles().fail('unlink', 'EPERM', { forever: true });
  for (const id of ['x1', 'x2']) {
    const probe = await probeFolder(fixture.outbox, fail(), id);
    expect(probe.checks.filter(check => check.result !== 'ok')).toMatchObject([
      { name: 'remove', result: 'failed', hint: expect.stringContaining('chattr') },
    ]);
  }
  expect(fixture.seen()).toEqual(['.shrinkbox-probex1.part: 9']);
});

test('a folder that is missing fails in words', async () => {
  const probe = await probeFolder(join(fixture.root, 'nowhere'), nodeFiles, 'x1');
  expect(probe.isUsable).toBe(false);
  expect(probe.checks.map(check => check.result)).toEqual(['failed']);
});
