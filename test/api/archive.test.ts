import { expect, it } from 'vitest';
import { archiveOf } from '../../src/api/archive.ts';
import type { Config } from '../../src/config/load.ts';
import type { Job } from '../../src/core/job.ts';

const DAY = 86_400_000;
const job = (id: string, more: object) =>
  ({
    id,
    inbox: '/in',
    relative: `${id}.mov`,
    pin: { sizeBytes: 10 },
    state: { name: 'done' },
    ...more,
  }) as unknown as Job;
const archived = (at: number) => ({ original: { kind: 'archived', path: `/archive/${at}.mov`, at } });

it('lists what lies in an archive, the newest first, and until when', () => {
  const jobs = [
    job('old', archived(DAY)),
    job('kept', {}),
    job('deleted', { original: { kind: 'deleted', at: DAY } }),
    job('new', archived(2 * DAY)),
    job('elsewhere', { inbox: '/gone', ...archived(0) }),
  ];
  const folders = [{ inbox: '/in', archiveDays: 30 }] as unknown as Config['folders'];
  const { bytes, files } = archiveOf(jobs, folders);
  expect(bytes).toBe(30);
  expect(files.map(({ job: id, until }) => [id, until])).toEqual([
    ['new', 32 * DAY],
    ['old', 31 * DAY],
    ['elsewhere', null],
  ]);
  expect(files[0]).toMatchObject({ source: '/in/new.mov', path: `/archive/${2 * DAY}.mov` });
});
