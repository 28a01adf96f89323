import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { bundle, numbersOf, open, read, run, tempDir, upTo } from '../../journal/support.ts';

/** How many acknowledgements each process gives before it is killed; different points of its life. */
const LIVES = Array.from({ length: 40 }, (_, n) => 1 + ((n * 17) % 41));

it('a journal survives 40 times kill -9 in the middle of writing, rotating and compacting', async () => {
  const program = await bundle('append');
  const dir = await tempDir();
  const acknowledged = new Set<number>();
  for (const life of LIVES) {
    const child = run(program, dir);
    const before = acknowledged.size;
    const output = createInterface({ input: child.stdout });
    output.on('line', line => {
      acknowledged.add(Number(line));
      if (acknowledged.size === before + life) child.kill('SIGKILL');
    });
    // What it said before it died counts, even where we read it later.
    await Promise.all([once(child, 'exit'), once(output, 'close')]);
    expect(child.signalCode).toBe('SIGKILL');
    const { numbers } = await read(dir);
    expect(numbers).toEqual(upTo(numbers.length));
    expect(numbers.length).toBeGreaterThan(Math.max(...acknowledged));
  }
  const { journal, records } = await open(dir);
  expect(acknowledged.size).toBeGreaterThanOrEqual(LIVES.reduce((sum, life) => sum + life));
  expect(numbersOf(records)).toEqual(upTo(records.length));
  // The marks of its snapshots have numbers too.
  expect(journal.lastSeq).toBeGreaterThan(records.length);
}, 900_000);

it('a journal survives a disk that takes half a write', async () => {
  const program = await bundle('append');
  const dir = await tempDir();
  // The limit is in blocks of 512 or 1024 bytes, and below the size at which a new segment begins.
  const limited = ['-c', 'ulimit -f 3; exec "$@"', 'sh', process.execPath, program, dir];
  const { status, stdout, stderr } = spawnSync('sh', limited, { encoding: 'utf8' });
  expect([status, stderr]).toEqual([7, expect.stringMatching(/^journal-write: .*(only \d+ of \d+ bytes|EFBIG)/)]);
  const acknowledged = stdout.split('\n').filter(Boolean).length;
  expect(acknowledged).toBeGreaterThan(5);
  const { journal, records } = await open(dir);
  expect(numbersOf(records)).toEqual(upTo(records.length));
  expect(records.length).toBeGreaterThanOrEqual(acknowledged);
  await journal.append([{ job: null, event: 'counted', data: { n: records.length } }]);
  expect((await read(dir)).numbers).toEqual(upTo(records.length + 1));
});
