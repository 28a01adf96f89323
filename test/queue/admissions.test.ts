import { expect, it } from 'vitest';
import { Admissions } from '../../src/queue/admissions.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { aDecision, aSighting, TO_DONE } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

it('words written beside a file that is worked at, and taken away again, asked for a second version', async () => {
  const ledger = new Ledger(new MemoryJournal(), new FakeClock());
  const resighted: string[] = [];
  const admissions = new Admissions({
    ledger,
    log: silentLogger,
    decide: () => aDecision(),
    fingerprint: async () => 'content',
    lookAt: () => 'file',
    stillThere: () => true,
    abort: () => false,
    resight: job => resighted.push(job.id),
    changed: async () => {},
    onFatal: error => {
      throw error;
    },
  });
  const sighting = aSighting();
  admissions.offer(sighting);
  await admissions.onIdle();
  const [job] = [...ledger.all()];
  if (!job) throw new Error('no job was made');
  const [started, ...toDone] = TO_DONE;
  if (started) await ledger.commit(job.id, started);
  admissions.offer({ ...sighting, sidecar: { path: `${sighting.path}.txt`, text: '720p' } });
  await admissions.onIdle();
  // The watcher keeps quiet about a file that is known as it is now: without words again.
  expect(admissions.isKnown(sighting.inbox, sighting.relative, sighting.pin, undefined)).toBe(true);
  await ledger.commit(job.id, ...toDone);
  admissions.rested(ledger.expect(job.id));
  await admissions.onIdle();
  expect([...ledger.all()].map(({ version }) => version)).toEqual([1]);
  expect(resighted).toEqual([job.id]);
});
