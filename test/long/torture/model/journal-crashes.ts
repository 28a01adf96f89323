/** The journal on a disk that loses what was not synced: stopped at every operation, in every way that may end. */
import { isShrinkError } from '../../../../src/core/errors.ts';
import { type Journal, openJournal } from '../../../../src/journal/journal.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { silentLogger } from '../../../../src/platform/log.ts';
import { CrashDisk } from '../../../support/crash-disk.ts';

const DIR = '/journal';
/** Small, so that a short life has several segments. */
const SEGMENT_BYTES = 500;

const entry = (n: number) => ({ job: `job${n % 3}`, event: 'counted', data: { n, pad: 'x'.repeat(n % 7) } });
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

async function open(disk: CrashDisk): Promise<{ journal: Journal; numbers: number[] }> {
  const numbers: number[] = [];
  const journal = await openJournal({
    dir: DIR,
    clock: systemClock,
    log: silentLogger,
    files: disk,
    segmentBytes: SEGMENT_BYTES,
    onRecord: ({ data }) => void numbers.push((data as { n: number }).n),
    onFatal: () => {},
  });
  return { journal, numbers };
}

/** How many records were asked for, and how many of them were said to be safe. */
interface Life {
  acknowledged: number;
  attempted: number;
}

/** Rounds of single and grouped appends, each followed by a compaction while another append waits; ends where the disk does. */
async function live(disk: CrashDisk, rounds: number): Promise<Life> {
  const life: Life = { acknowledged: 0, attempted: 0 };
  try {
    const { journal } = await open(disk);
    const append = async (count: number) => {
      const from = life.attempted;
      life.attempted += count;
      await journal.append(upTo(count).map(n => entry(from + n)));
      life.acknowledged = Math.max(life.acknowledged, from + count);
    };
    for (const round of upTo(rounds)) {
      await append(1);
      await Promise.all([append(1), append(2), append(1 + round)]);
      const before = append(1);
      await Promise.all([before, journal.compact(upTo(life.attempted).map(entry)), append(2)]);
    }
    await journal.close();
  } catch (error) {
    if (!disk.hasCrashed) throw error;
  }
  return life;
}

/** What was found is a beginning of what was asked for, all that was promised is among it, and it can be gone on from. */
async function check(disk: CrashDisk, life: Life, when: string): Promise<'replayed' | 'refused'> {
  let found: { journal: Journal; numbers: number[] };
  try {
    found = await open(disk);
  } catch (error) {
    // Zeros before good records: sectors that came in another order than written, or rot. Nobody can tell: a person decides.
    if (isShrinkError(error, 'damaged') && / zeroed start/.test(disk.about)) return 'refused';
    throw new Error(`${when}; ${disk.about}: ${String(error)}`, { cause: error });
  }
  const { numbers, journal } = found;
  const whole = numbers.every((n, at) => n === at);
  if (!whole || numbers.length < life.acknowledged || numbers.length > life.attempted) {
    throw new Error(
      `${when}; ${disk.about}: ${life.acknowledged} to ${life.attempted} records expected, found ${numbers.join(' ')}`,
    );
  }
  await journal.append([entry(numbers.length)]);
  await journal.close();
  const again = await open(new CrashDisk(disk.contents()));
  if (again.numbers.length !== numbers.length + 1) throw new Error(`${when}; ${disk.about}: it cannot be gone on from`);
  await again.journal.close();
  return 'replayed';
}

export interface Counts {
  crashes: number;
  disks: number;
  refused: number;
}

/**
 * Cuts the power at every operation of a life, looks at every disk that may leave, and does the same to the start after a
 * mere kill. @param deep also to the start after each power cut
 */
export async function journalCrashes(rounds: number, deep: boolean): Promise<Counts> {
  const counts: Counts = { crashes: 0, disks: 0, refused: 0 };
  for (let at = 1; ; at += 1) {
    const disk = new CrashDisk();
    disk.crashAt = at;
    const life = await live(disk, rounds);
    if (!disk.hasCrashed) break;
    const when = `stopped at operation ${at}, ${disk.operations.at(-1)}`;
    counts.crashes += 1;
    for (const left of disk.afterPowerCut()) {
      const files = left.contents();
      await look(left, life, when, counts);
      if (deep) await crashedStarts(() => new CrashDisk(files, left.about), life, when, counts);
    }
    await crashedStarts(() => disk.revived(), life, `${when}, killed`, counts);
  }
  return counts;
}

/** Stops the next start at each of its operations too, and right after it: what it replayed may be acted on. */
async function crashedStarts(disk: () => CrashDisk, life: Life, when: string, counts: Counts): Promise<void> {
  for (let at = 1; ; at += 1) {
    const next = disk();
    next.crashAt = at;
    const started = await open(next).catch((error: unknown) => {
      if (next.hasCrashed || isShrinkError(error, 'damaged')) return undefined;
      throw error;
    });
    if (!started && !next.hasCrashed) return;
    const known = started ? { ...life, acknowledged: started.numbers.length } : life;
    const then = `${when}; the start after it stopped at ${next.operations.at(-1) ?? 'its end'}`;
    for (const left of next.afterPowerCut()) await look(left, known, `${then}; ${next.about}`, counts);
    counts.crashes += 1;
    if (started) return;
  }
}

async function look(disk: CrashDisk, life: Life, when: string, counts: Counts): Promise<void> {
  counts.disks += 1;
  if ((await check(disk, life, when)) === 'refused') counts.refused += 1;
}
