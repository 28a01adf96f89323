import { describe, expect, it } from 'vitest';
import { ShrinkError } from '../../../src/core/errors.ts';
import { inChinese } from '../../../src/messages/zh/index.ts';
import { fileError, machineError } from '../../../src/platform/files/file-error.ts';

function thrown(errno: string): NodeJS.ErrnoException {
  const message = `${errno}: words of the system, open '/a/b, open c'`;
  return Object.assign(new Error(message), { code: errno, syscall: 'open' });
}

describe('what a file operation threw', () => {
  it.each([
    ['ENOENT', 'gone', undefined],
    ['ENOTDIR', 'gone', undefined],
    ['ENOSPC', 'no-space', 'files.hint-no-space'],
    ['EDQUOT', 'no-space', 'files.hint-quota'],
    ['EACCES', 'denied', 'files.hint-denied'],
    ['EPERM', 'denied', 'files.hint-denied'],
    ['EROFS', 'denied', 'files.hint-read-only'],
    ['ESTALE', 'unavailable', 'files.hint-stale'],
    ['EAGAIN', 'unavailable', 'files.hint-leased'],
    ['ETXTBSY', 'unavailable', 'files.hint-being-run'],
    ['ENOTCONN', 'unavailable', 'files.hint-unavailable'],
    ['EHOSTDOWN', 'unavailable', 'files.hint-unavailable'],
    ['ENODEV', 'unavailable', 'files.hint-unavailable'],
    ['ENXIO', 'unavailable', 'files.hint-unavailable'],
    ['ENAMETOOLONG', 'bad-name', 'files.hint-bad-name'],
    ['EILSEQ', 'bad-name', 'files.hint-bad-name'],
    ['EIO', 'io', undefined],
    ['EEXIST', 'io', undefined],
  ])('%s is %s', (errno, code, hint) => {
    const error = fileError(thrown(errno), 'reading the clip', '/a/b');
    expect(error).toMatchObject({ code, subject: '/a/b', doing: 'reading the clip' });
    expect(error.messages.hint?.code).toBe(hint);
  });

  it('is worded once, without the call behind it, in both languages', () => {
    const error = fileError(thrown('EACCES'), 'reading the clip', '/a/b');
    expect(error.message).toMatch(/^reading the clip: words of the system.* \(EACCES\)$/);
    expect(error.messages.text && inChinese(error.messages.text)).toContain('权限不足（EACCES）');
  });

  it('passes our own errors through, and takes the hint of whoever knows better', () => {
    const ours = new ShrinkError('cancelled', 'stopped');
    expect(fileError(ours, 'reading', '/a')).toBe(ours);
    expect(fileError(thrown('EACCES'), 'reading', '/a', 'Ask root.').hint).toBe('Ask root.');
    expect(fileError('a text', 'reading', '/a')).toMatchObject({ code: 'io', message: 'reading: a text' });
  });
});

it('only what the machine did is no bug of ours', () => {
  expect(machineError(thrown('EMFILE'), '/a')).toMatchObject({ code: 'io', subject: '/a' });
  expect(machineError(thrown('EINVAL'), '/a')).toBeUndefined();
  expect(machineError(new TypeError('x'), '/a')).toBeUndefined();
});
